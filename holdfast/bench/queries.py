"""How long queries take on a year in a large shop: lists, the ledger, availability, reports, the invariants.

Measured one after the other in this process, through the same functions as the service, without HTTP. Nothing else
runs; what is measured is Postgres and our reading of its rows.
"""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from uuid import UUID

from db.availability_view import AvailabilityView
from db.days_of_cover import CoverFilter
from db.engine import Database
from db.invariants import violations_of
from db.invariants.rolling import count_violations
from db.movements import MovementFilter
from db.paging import PageRequest
from db.reports import PlaceFilter
from db.reservation_listing import ReservationFilter
from db.stock import StockFilter
from db.stock_as_of import AsOfFilter
from domain.availability import AvailabilityQuery
from domain.reports import Grouping
from domain.reservations import ReservationStatus
from domain.stock import MovementType
from gateway.reports import Reports
from gateway.views import Views
from holdfast.bench.dataset import REGIONS, Size
from holdfast.bench.figures import Row, Spread, percentile_ms
from runtime.settings import Settings

LIST_MS_MAX = 50.0
"""The specification's bound for an answer of the API, at p95."""

NO_REDIS = {"redis_host": "127.0.0.1", "redis_port": 1}
"""Answers about availability come from Postgres."""

PAGE = PageRequest()
LARGE_PAGE = PageRequest(size=200)


class Pace(Enum):
    """How long a query takes, and so how often it is asked in one run."""

    QUICK = 200
    SLOW = 20
    ONCE = 1


@dataclass(frozen=True, slots=True)
class Query:
    """One figure: what is asked, something else each time. `milliseconds_max` is its budget at p95, if it has one."""

    name: str
    ask: Callable[[], Awaitable[object]]
    pace: Pace = Pace.QUICK
    milliseconds_max: float | None = None


@dataclass(frozen=True, slots=True)
class Shelves:
    """What is asked for: something else each time, the same for the same seed."""

    size: Size
    busy_row: UUID
    dice: random.Random

    def sku(self) -> str:
        """One of the SKUs."""
        return f"SKU-{self.dice.randrange(self.size.skus):06}"

    def region(self) -> str:
        """One of the regions."""
        return f"region-{self.dice.randrange(REGIONS)}"

    def instant(self) -> datetime:
        """Some time in the year."""
        return datetime.now(UTC) - timedelta(days=self.dice.uniform(1, 364))


async def measure(
    settings: Settings, size: Size, runs: int, log: Callable[[str], None], *, asked_max: int = Pace.QUICK.value
) -> list[Row]:
    """Ask everything in `runs` runs in a filled database, each query at most `asked_max` times a run."""
    taken: dict[str, list[list[float]]] = {}
    async with _queries(settings, size) as queries:
        for number in range(1, runs + 1):
            log(f"queries, run {number} of {runs}")
            for query in queries:
                count = min(query.pace.value, asked_max)
                taken.setdefault(query.name, []).append([await _seconds(query) for _ in range(count)])
        return [_row(query, taken[query.name]) for query in queries]


@asynccontextmanager
async def _queries(settings: Settings, size: Size) -> AsyncIterator[list[Query]]:
    """What is asked, in a database that the settings lead to."""
    database = Database.connect(settings, process="bench")
    view = AvailabilityView.connect(settings.model_copy(update=NO_REDIS))
    views, reports = Views(database, view), Reports(database)
    try:
        page = await views.inventory_of_sku("SKU-000000", PAGE)
        busiest = max(page.items, key=lambda item: item.sequence)
        shelves = Shelves(size, busiest.inventory_id, random.Random(7))  # noqa: S311 - the same questions in each bench
        yield [*_lists(views, shelves), *_reports(reports, shelves), *_checks(database)]
    finally:
        await view.close()
        await database.close()


def _lists(views: Views, shelves: Shelves) -> list[Query]:
    def of_region() -> Awaitable[object]:
        return views.inventory_list(StockFilter(region=shelves.region()), LARGE_PAGE)

    def of_sku() -> Awaitable[object]:
        return views.inventory_of_sku(shelves.sku(), PAGE)

    def ledger() -> Awaitable[object]:
        return views.movements(shelves.busy_row, MovementFilter(until=shelves.instant()), LARGE_PAGE)

    def losses() -> Awaitable[object]:
        return views.movements(shelves.busy_row, MovementFilter(type=MovementType.DAMAGE), PAGE)

    def pending() -> Awaitable[object]:
        return views.reservation_list(ReservationFilter(status=ReservationStatus.PENDING), LARGE_PAGE)

    def of_order() -> Awaitable[object]:
        return views.reservations_of_order(f"order-{shelves.dice.randrange(shelves.size.reservations // 2)}")

    def available() -> Awaitable[object]:
        return views.check_availability(AvailabilityQuery(sku=shelves.sku(), quantity=3, region=shelves.region()))

    asked = {
        "rows of a region, a page of 200": of_region,
        "rows of a SKU": of_sku,
        "ledger of a busy row before an instant, a page of 200": ledger,
        "losses in the ledger of a busy row, a page of 50": losses,
        "reservations that are pending, a page of 200": pending,
        "reservations of an order": of_order,
        "availability of a SKU in a region, from Postgres": available,
    }
    return [Query(name, ask, milliseconds_max=LIST_MS_MAX) for name, ask in asked.items()]


def _reports(reports: Reports, shelves: Shelves) -> list[Query]:
    def as_of() -> Awaitable[object]:
        return reports.stock_as_of(AsOfFilter(at=shelves.instant()), LARGE_PAGE)

    def as_of_region() -> Awaitable[object]:
        return reports.stock_as_of(AsOfFilter(at=shelves.instant(), region=shelves.region()), LARGE_PAGE)

    def region_as_of() -> Awaitable[object]:
        return reports.stock_totals(AsOfFilter(at=shelves.instant(), region=shelves.region()), None, PAGE)

    def all_as_of() -> Awaitable[object]:
        return reports.stock_totals(AsOfFilter(at=shelves.instant()), Grouping.WAREHOUSE, LARGE_PAGE)

    def skus_as_of() -> Awaitable[object]:
        return reports.stock_totals(AsOfFilter(at=shelves.instant()), Grouping.SKU, LARGE_PAGE)

    return [
        Query("stock as of an instant, a page of 200 rows", as_of, milliseconds_max=LIST_MS_MAX),
        Query("stock as of an instant in a region, a page of 200 rows", as_of_region, milliseconds_max=LIST_MS_MAX),
        Query("stock as of an instant by SKU, a page of 200 SKUs", skus_as_of, Pace.SLOW),
        Query("stock as of an instant, a region added up", region_as_of, Pace.SLOW),
        Query("stock as of an instant, everything by warehouse", all_as_of, Pace.SLOW),
        Query("stock by region now", lambda: reports.regions(PlaceFilter(), PAGE), Pace.SLOW),
        Query("days of cover, everything", lambda: reports.days_of_cover(CoverFilter(), LARGE_PAGE), Pace.SLOW),
        Query(
            "days of cover of a SKU",
            lambda: reports.days_of_cover(CoverFilter(sku=shelves.sku()), PAGE),
            milliseconds_max=LIST_MS_MAX,
        ),
    ]


def _checks(database: Database) -> list[Query]:
    return [
        Query("invariants, the look of every minute", lambda: count_violations(database), Pace.SLOW),
        Query("invariants, everything (holdfast doctor)", lambda: violations_of(database), Pace.ONCE),
    ]


async def _seconds(query: Query) -> float:
    begin = time.perf_counter()
    await query.ask()
    return time.perf_counter() - begin


def _row(query: Query, runs: list[list[float]]) -> Row:
    p95 = Spread(tuple(percentile_ms(run, 0.95) for run in runs))
    middle = Spread(tuple(percentile_ms(run, 0.5) for run in runs)).middle
    limit = query.milliseconds_max
    return Row(
        f"{query.name}, p95",
        "ms",
        p95,
        budget="" if limit is None else f"≤ {limit:.0f} ms",
        is_within=None if limit is None else p95.middle <= limit,
        notes=f"p50 {middle:.1f} ms",
    )
