"""What a measured query yields: its time beside its budget, and whether it was planned as it should be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum

from db.plans import Access
from holdfast.bench.figures import Row, spread_ms

BIG = frozenset({"inventory", "stock_movements", "reservations", "reservation_lines", "outbox"})


class Pace(Enum):
    """How long a query takes, and so how often it is asked in one run."""

    QUICK = 200
    SLOW = 20
    ONCE = 1


@dataclass(frozen=True, slots=True)
class Query:
    """One figure: what is asked, something else each time. `milliseconds_max` is its budget at p95, if it has one.

    `by` are indexes that its plan must use; of the big tables it may read only `whole` from end to end.
    """

    name: str
    ask: Callable[[], Awaitable[object]]
    pace: Pace = Pace.QUICK
    milliseconds_max: float | None = None
    by: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()


def figure(query: Query, runs: list[list[float]], access: Access | None) -> Row:
    """One line of the report, from the seconds of each run and how the query was planned."""
    p95 = spread_ms(runs, 0.95)
    middle = spread_ms(runs, 0.5).middle
    limit = query.milliseconds_max
    is_planned = access is None or is_as_it_should_be(query, access)
    budget = [*([] if limit is None else [f"≤ {limit:.0f} ms"]), *(["by its index"] if query.by else [])]
    notes = f"p50 {middle:.1f} ms"
    return Row(
        f"{query.name}, p95",
        "ms",
        p95,
        budget=" and ".join(budget),
        is_within=is_planned and (limit is None or p95.middle <= limit) if budget else None,
        notes=notes if access is None else f"{notes}; {in_words(access)}",
    )


def is_as_it_should_be(query: Query, access: Access) -> bool:
    """Whether a plan uses the indexes that it must, and reads no big table whole that it must not."""
    return query.by <= access.indexes and access.read_whole & BIG <= query.whole


def in_words(access: Access) -> str:
    """The indexes of a plan, and the big tables that it reads whole."""
    whole = access.read_whole & BIG
    by = f"by {', '.join(sorted(access.indexes))}" if access.indexes else "by no index"
    return f"{by}; reads whole: {', '.join(sorted(whole))}" if whole else by
