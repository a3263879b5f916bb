"""What must always be true, as queries that must find nothing. They only read, and see one instant.

They run after every concurrency and chaos test, in `holdfast doctor`, and on a schedule as a metric, there a part at a
time (rolling.py). Everything is derived again from the ledger, the lines and the outbox, so that a wrong rule elsewhere
shows here. A new one is looked at whole every minute, and a test sees that it reads no big table from end to end; one
that must is named in a scope of scopes.py.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text

from db.engine import Database, ReadSession
from db.invariants.alerts import ALERTS
from db.invariants.operations import OPERATIONS
from db.invariants.purchase_orders import PURCHASE_ORDERS
from db.invariants.reservations import RESERVATIONS
from db.invariants.returns import RETURNS
from db.invariants.scopes import Part
from db.invariants.stock import STOCK
from db.invariants.transfers import TRANSFERS
from db.invariants.waitlist import WAITLIST

OVERDUE_LAG_SECONDS = 60.0
"""How long after its deadline a hold may still be PENDING, by default: the sweeper needs about two seconds."""

QUERY_SECONDS_MAX = 300
"""For one invariant on everything: a ledger of five million lines needs about 20."""

SAMPLES_MAX = 5

OUTBOX_KEPT = timedelta(minutes=30)
"""News younger than this are certainly still in the outbox; see workers/relay.py."""


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold: how many rows contradict it, and some of them as JSON."""

    invariant: str
    count: int
    samples: tuple[str, ...]


INVARIANTS = {**STOCK, **RESERVATIONS, **RETURNS, **ALERTS, **OPERATIONS, **TRANSFERS, **PURCHASE_ORDERS, **WAITLIST}
"""A query for each invariant, in a file for each noun; every row it finds is a violation."""


async def check(
    session: ReadSession,
    *,
    overdue_lag_seconds: float = OVERDUE_LAG_SECONDS,
    only: Collection[str] = INVARIANTS,
    part: Part | None = None,
) -> list[Violation]:
    """The invariants that do not hold, of `only` these, of all rows or of a `part`.

    `session` is a snapshot (Database.snapshot): the queries belong together.
    """
    values = {
        "lag": timedelta(seconds=overdue_lag_seconds),
        "kept": OUTBOX_KEPT,
        "ids": list(part.keys) if part else [],
    }
    violations = []
    for name in sorted(only):
        query = _counted(INVARIANTS[name], part.shadows() if part else [])
        used = {key: value for key, value in values.items() if f":{key}" in query}
        found = (await session.execute(text(query), used)).one()
        if found.violations:
            violations.append(Violation(name, found.violations, tuple(found.samples)))
    return violations


async def violations_of(database: Database, *, overdue_lag_seconds: float = OVERDUE_LAG_SECONDS) -> list[Violation]:
    """`check` of everything in a snapshot of its own, however long it takes. Raises Unavailable."""
    async with database.snapshot() as session:
        await be_patient(session, query_seconds_max=QUERY_SECONDS_MAX)
        return await check(session, overdue_lag_seconds=overdue_lag_seconds)


async def be_patient(session: ReadSession, *, query_seconds_max: float) -> None:
    """Let this snapshot take its time; only its single queries are limited."""
    await session.execute(text("set local transaction_timeout = 0"))
    await session.execute(text(f"set local statement_timeout = {round(query_seconds_max * 1000)}"))


def _counted(query: str, shadows: Sequence[str]) -> str:
    return f"""
        with {", ".join([*shadows, f"found as ({query})"])}
        select (select count(*) from found) as violations,
               array(select to_jsonb(found)::text from found limit {SAMPLES_MAX}) as samples
    """  # noqa: S608 - the queries are the ones of this package
