"""Days of cover: sales less returns of the window, the shortest first, whichever way the ledger is read."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from db import days_of_cover
from db.days_of_cover import CoverFilter
from db.engine import Database
from db.paging import PageRequest
from domain.reports import Cover
from domain.reservations import ReservationStatus
from domain.stock import StockItem
from domain.warehouses import Warehouse
from tests.stocking import add_stock, add_warehouse, hold, retire, return_sold, settle, unique, want

FIRST = PageRequest()
_sequences = itertools.count(1_000)

_PAST = text("""
    insert into stock_movements (inventory_id, type, quantity, total_after, sequence, performed_by, performed_by_name,
                                 created_at)
    values (:id, :type, :quantity, 0, :sequence, uuidv7(), 'test', clock_timestamp() - cast(:ago as interval))
""")
_AGE = text("update inventory set created_at = clock_timestamp() - cast(:ago as interval) where inventory_id = :id")


async def past(db: Database, item: StockItem, kind: str, quantity: int, ago: timedelta) -> None:
    """A line of the ledger as if it had been written some time ago."""
    values = {"id": item.inventory_id, "type": kind, "quantity": quantity, "sequence": next(_sequences), "ago": ago}
    async with db.write() as session:
        await session.execute(_PAST, values)


async def grown_old(db: Database, item: StockItem, days: float = 400) -> StockItem:
    """A row that has been there for a while."""
    async with db.write() as session:
        await session.execute(_AGE, {"id": item.inventory_id, "ago": timedelta(days=days)})
    return item


async def old_stock(db: Database, quantity: int, place: Warehouse | None = None) -> StockItem:
    return await grown_old(db, await add_stock(db, quantity, warehouse=place))


async def listed(db: Database, page: PageRequest = FIRST, **filters: Any) -> Any:
    return await db.reading(lambda session: days_of_cover.listed(session, CoverFilter(**filters), page))


async def cover_of(db: Database, item: StockItem, **filters: Any) -> Cover:
    """A row's cover, which is the same whether it is asked for alone or is found among all."""
    (alone,) = (await listed(db, sku=item.sku, **filters)).items
    page = await listed(db, PageRequest(size=200), **filters)
    (among_all,) = [row for row in page.items if row.inventory_id == item.inventory_id]
    assert alone == among_all
    return alone  # type: ignore[no-any-return]


async def test_sales_less_returns_of_the_window_are_counted_and_nothing_else(db: Database) -> None:
    item = await old_stock(db, 50)
    for kind, quantity, days in (
        ("OUTBOUND", -20, 3),
        ("OUTBOUND", -10, 27),
        ("OUTBOUND", -99, 29),
        ("RETURN", 2, 1),
        ("RETURN", 99, 30),
        ("DAMAGE", -7, 2),
        ("INBOUND", 30, 2),
        ("TRANSFER", -8, 2),
        ("ADJUSTMENT", 5, 2),
    ):
        await past(db, item, kind, quantity, timedelta(days=days))
    cover = await cover_of(db, item)
    assert (cover.quantity_available, cover.quantity_sold, cover.days_observed) == (50, 28, 28)
    assert (cover.average_daily_sales, cover.days_of_cover) == (1.0, 50.0)
    assert (await cover_of(db, item, days=2)).quantity_sold == -2
    assert (await cover_of(db, item, days=2)).days_of_cover is None


async def test_what_is_held_is_not_available(db: Database) -> None:
    item = await old_stock(db, 10)
    await settle(db, await hold(db, want(item, 2)), ReservationStatus.COMMITTED)
    returned = await hold(db, want(item, 3))
    await settle(db, returned, ReservationStatus.COMMITTED)
    await return_sold(db, returned)
    await hold(db, want(item, 5))
    cover = await cover_of(db, item)
    assert (cover.quantity_available, cover.quantity_sold) == (3, 2)
    assert cover.days_of_cover == 42.0


async def test_a_young_row_is_judged_by_the_days_that_it_exists(db: Database) -> None:
    item = await grown_old(db, await add_stock(db, 10), days=3.5)
    await past(db, item, "OUTBOUND", -8, timedelta(days=1))
    cover = await cover_of(db, item)
    assert (cover.days_observed, cover.days_of_cover) == (4, 5.0)
    fresh = await add_stock(db, 10)
    assert (await cover_of(db, fresh)).days_observed == 1


async def test_the_shortest_comes_first_and_what_sells_nothing_last(db: Database) -> None:
    place = await add_warehouse(db, region=unique("R"))
    weeks, days, gone, idle = [await old_stock(db, quantity, place) for quantity in (56, 10, 0, 9)]
    for item, sold in ((weeks, 28), (days, 56), (gone, 1)):
        await past(db, item, "OUTBOUND", -sold, timedelta(days=1))
    pages, request = [], PageRequest(size=1)
    while True:
        page = await listed(db, request, region=place.region)
        pages += page.items
        if page.next_token is None:
            break
        request = PageRequest(size=1, token=page.next_token)
    assert [row.inventory_id for row in pages] == [item.inventory_id for item in (gone, days, weeks, idle)]
    assert [row.days_of_cover for row in pages] == [0.0, 5.0, 56.0, None]
    backwards = (await listed(db, PageRequest(order_by="daysOfCover desc"), warehouse_id=place.warehouse_id)).items
    assert list(backwards) == pages[::-1]


async def test_the_order_is_that_of_the_answer(db: Database) -> None:
    place = await add_warehouse(db, region=unique("R"))
    for available, sold in itertools.product((0, 1, 7, 1_000_000), (-2, 0, 1, 999)):
        item = await old_stock(db, available, place)
        if sold:
            await past(db, item, "OUTBOUND" if sold > 0 else "RETURN", -sold, timedelta(days=1))
    covers = [row.days_of_cover for row in (await listed(db, PageRequest(size=200), region=place.region)).items]
    known = [cover for cover in covers if cover is not None]
    assert len(covers) == 16
    assert covers == [*sorted(known), *[None] * 8]


async def test_a_retired_row_needs_no_cover(db: Database) -> None:
    item = await old_stock(db, 10)
    await retire(db, item)
    assert (await listed(db, sku=item.sku)).items == ()
