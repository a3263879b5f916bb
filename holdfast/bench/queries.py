"""How long queries take on a year in a large shop, and by which index: lists, availability, reports, invariants.

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
from uuid import UUID

from db.availability_view import AvailabilityView
from db.days_of_cover import CoverFilter
from db.engine import Database
from db.invariants import violations_of
from db.invariants.rolling import count_violations
from db.movements import MovementFilter
from db.paging import PageRequest
from db.plans import access_of
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
from holdfast.bench.figures import Row
from holdfast.bench.query_figures import BIG, Pace, Query, figure
from runtime.settings import Settings

LIST_MS_MAX = 50.0
"""The specification's bound for an answer of the API, at p95."""

NO_REDIS = {"redis_host": "127.0.0.1", "redis_port": 1}
"""Answers about availability come from Postgres."""

PAGE = PageRequest()
LARGE_PAGE = PageRequest(size=200)


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
    """Ask everything in `runs` runs in a filled database, each query at most `asked_max` times a run.

    How a query is planned is looked at between the runs and not timed; one that is asked once a run reads everything.
    """
    taken: dict[str, list[list[float]]] = {}
    database = Database.connect(settings, process="bench")
    async with _queries(database, settings, size) as queries:
        for number in range(1, runs + 1):
            log(f"queries, run {number} of {runs}")
            for query in queries:
                count = min(query.pace.value, asked_max)
                taken.setdefault(query.name, []).append([await _seconds(query) for _ in range(count)])
        log("plans")
        plans = {query.name: await access_of(database, query.ask) for query in queries if query.pace is not Pace.ONCE}
        return [figure(query, taken[query.name], plans.get(query.name)) for query in queries]


@asynccontextmanager
async def _queries(database: Database, settings: Settings, size: Size) -> AsyncIterator[list[Query]]:
    """What is asked; closes the database after it."""
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
        order_id = f"order-{shelves.dice.randrange(shelves.size.reservations // 2)}"
        return views.reservation_list(ReservationFilter(order_id=order_id), PAGE)

    def available() -> Awaitable[object]:
        return views.check_availability(AvailabilityQuery(sku=shelves.sku(), quantity=3, region=shelves.region()))

    asked = (
        ("rows of a region, a page of 200", of_region, {"inventory_warehouse_listing"}),
        ("rows of a SKU", of_sku, {"inventory_sku"}),
        ("ledger of a busy row before an instant, a page of 200", ledger, {"stock_movements_time"}),
        ("losses in the ledger of a busy row, a page of 50", losses, {"stock_movements_time"}),
        ("reservations that are pending, a page of 200", pending, {"reservations_status"}),
        ("reservations of an order", of_order, {"reservations_order"}),
        ("availability of a SKU in a region, from Postgres", available, {"inventory_sku"}),
    )
    return [_quick(name, ask, frozenset(by)) for name, ask, by in asked]


def _quick(name: str, ask: Callable[[], Awaitable[object]], by: frozenset[str]) -> Query:
    return Query(name, ask, milliseconds_max=LIST_MS_MAX, by=by)


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

    def of_sku() -> Awaitable[object]:
        return reports.days_of_cover(CoverFilter(sku=shelves.sku()), PAGE)

    ledger = frozenset({"stock_movements_time"})
    period = frozenset({"stock_movements_period"})
    rows = frozenset({"inventory"})
    return [
        _quick("stock as of an instant, a page of 200 rows", as_of, ledger),
        _quick("stock as of an instant in a region, a page of 200 rows", as_of_region, ledger),
        _quick("days of cover of a SKU", of_sku, ledger),
        Query("stock as of an instant by SKU, a page of 200 SKUs", skus_as_of, Pace.SLOW, by=ledger),
        Query("stock as of an instant, a region added up", region_as_of, Pace.SLOW, by=ledger),
        Query("stock as of an instant, everything by warehouse", all_as_of, Pace.SLOW, by=ledger, whole=rows),
        Query("stock by region now", lambda: reports.regions(PlaceFilter(), PAGE), Pace.SLOW, whole=rows),
        Query(
            "days of cover, everything",
            lambda: reports.days_of_cover(CoverFilter(), LARGE_PAGE),
            Pace.SLOW,
            by=period,
            whole=rows,
        ),
    ]


def _checks(database: Database) -> list[Query]:
    """The look of every minute leaves the ledger alone but for its turn; the other reads everything."""
    by, whole = frozenset({"stock_movements_pkey"}), BIG - {"stock_movements"}
    return [
        Query(
            "invariants, the look of every minute", lambda: count_violations(database), Pace.SLOW, by=by, whole=whole
        ),
        Query("invariants, everything (holdfast doctor)", lambda: violations_of(database), Pace.ONCE, whole=BIG),
    ]


async def _seconds(query: Query) -> float:
    begin = time.perf_counter()
    await query.ask()
    return time.perf_counter() - begin
