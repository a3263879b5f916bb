"""Reports behind both faces: filters that no row can match are refused, and few reports run at a time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from db.days_of_cover import CoverFilter
from db.engine import Database
from db.paging import PageRequest
from db.reports import PlaceFilter
from db.stock_as_of import AsOfFilter
from domain.errors import NotFound, Unprocessable
from gateway.reports import REPORTS_AT_ONCE_MAX, Reports
from tests.stocking import add_stock, add_warehouse, unique

FIRST = PageRequest()
DAWN = datetime(2000, 1, 1, tzinfo=UTC)


async def test_a_region_comes_with_its_warehouses_or_not_at_all(db: Database) -> None:
    place = await add_warehouse(db, region=unique("R"))
    await add_stock(db, 7, warehouse=place)
    total, page = await Reports(db).region(place.region, FIRST)
    assert (total.quantity_total, [one.warehouse_code for one in page.items]) == (7, [place.code])
    with pytest.raises(NotFound):
        await Reports(db).region(unique("R"), FIRST)


@pytest.mark.parametrize(
    "ask",
    [
        lambda reports: reports.regions(PlaceFilter(region="x" * 51), FIRST),
        lambda reports: reports.stock_as_of(AsOfFilter(at=DAWN, sku="\0"), FIRST),
        lambda reports: reports.stock_totals(AsOfFilter(at=DAWN, region="\x1f"), None, FIRST),
        lambda reports: reports.days_of_cover(CoverFilter(sku="x" * 51), FIRST),
        lambda reports: reports.days_of_cover(CoverFilter(days=0), FIRST),
        lambda reports: reports.days_of_cover(CoverFilter(days=93), FIRST),
        lambda reports: reports.regions(PlaceFilter(), PageRequest(order_by="colour")),
        lambda reports: reports.regions(PlaceFilter(), PageRequest(size=1_001)),
    ],
)
async def test_what_no_report_can_tell_is_refused(db: Database, ask: Any) -> None:
    with pytest.raises(Unprocessable):
        await ask(Reports(db))


class Slow:
    """A database that remembers how many read at once, and lets everybody else run meanwhile."""

    def __init__(self) -> None:
        self.reading_now = 0
        self.most = 0

    async def reading(self, work: Any) -> Any:
        self.reading_now += 1
        self.most = max(self.most, self.reading_now)
        for _ in range(10):
            await asyncio.sleep(0)
        self.reading_now -= 1


async def test_reports_take_turns_so_that_holds_need_not() -> None:
    slow: Any = Slow()
    reports = Reports(slow)
    await asyncio.gather(*(reports.regions(PlaceFilter(), FIRST) for _ in range(10)))
    assert slow.most == REPORTS_AT_ONCE_MAX
