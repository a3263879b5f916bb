"""Stock as it was at an instant is what the ledger adds up to, whatever happened since."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from db import movements, stock_as_of
from db.engine import Database
from db.paging import PageRequest
from db.stock_as_of import AsOfFilter
from domain.errors import InvalidPageToken, Unprocessable
from domain.reports import Grouping, StockAt, StockTotal
from domain.reservations import ReservationStatus
from domain.stock import MovementType, StockItem
from tests.stocking import TESTER, add_stock, add_warehouse, hold, retire, settle, unique, want

FIRST = PageRequest()
HOUR = timedelta(hours=1)


async def now(db: Database) -> datetime:
    async with db.read() as session:
        return (await session.execute(text("select clock_timestamp()"))).scalar_one()  # type: ignore[no-any-return]


async def listed(db: Database, at: datetime, page: PageRequest = FIRST, **filters: Any) -> Any:
    return await db.reading(lambda session: stock_as_of.listed(session, AsOfFilter(at=at, **filters), page))


async def totals(
    db: Database, at: datetime, grouping: Grouping | None = None, page: PageRequest = FIRST, **filters: Any
) -> Any:
    asked = AsOfFilter(at=at, **filters)
    return (await db.reading(lambda session: stock_as_of.totalled(session, asked, grouping, page))).items


async def total_at(db: Database, item: StockItem, at: datetime) -> int | None:
    """What stood in the row, None when it was not in use."""
    rows = (await listed(db, at, sku=item.sku)).items
    return rows[0].quantity_total if rows else None


async def change(db: Database, item: StockItem, delta: int) -> None:
    entry = movements.Change(inventory_id=item.inventory_id, delta=delta, type=MovementType.ADJUSTMENT, reason="test")
    await db.writing(lambda session: movements.apply(session, [entry], TESTER, None))


async def test_a_row_is_told_as_it_was_after_each_change(db: Database) -> None:
    before = await now(db)
    item = await add_stock(db, 10)
    opened = await now(db)
    await change(db, item, -3)
    changed = await now(db)
    sold = await hold(db, want(item, 2))
    held = await now(db)
    await settle(db, sold, ReservationStatus.COMMITTED)
    assert await total_at(db, item, before) is None
    assert await total_at(db, item, opened) == 10
    assert await total_at(db, item, changed) == 7
    assert await total_at(db, item, held) == 7, "what is held is still on the shelf"
    assert await total_at(db, item, await now(db)) == 5


async def test_the_instant_of_a_change_itself_counts(db: Database) -> None:
    item = await add_stock(db, 10)
    (row,) = (await listed(db, await now(db), sku=item.sku)).items
    assert row.last_movement_at is not None
    assert await total_at(db, item, row.last_movement_at) == 10
    assert await total_at(db, item, row.last_movement_at - timedelta(microseconds=1)) == 0


async def test_a_row_says_what_it_is_and_where(db: Database) -> None:
    place = await add_warehouse(db, region=unique("R"))
    item = await add_stock(db, 0, warehouse=place)
    assert (await listed(db, await now(db), region=place.region)).items == (
        StockAt(
            inventory_id=item.inventory_id,
            product_id=item.product_id,
            variant_id=None,
            sku=item.sku,
            warehouse_id=place.warehouse_id,
            warehouse_code=place.code,
            region=place.region,
            quantity_total=0,
            last_movement_at=None,
        ),
    )


async def test_a_row_counts_until_it_was_retired(db: Database) -> None:
    item = await add_stock(db, 10)
    in_use = await now(db)
    await retire(db, item)
    again = await add_stock(db, 4, sku=item.sku)
    assert await total_at(db, item, in_use) == 10
    rows = (await listed(db, await now(db), sku=item.sku)).items
    assert [(row.inventory_id, row.quantity_total) for row in rows] == [(again.inventory_id, 4)]


@pytest.mark.parametrize("ahead", [timedelta(seconds=30), timedelta(days=999)])
async def test_the_future_is_refused_by_the_clock_of_the_database(db: Database, ahead: timedelta) -> None:
    future = await now(db) + ahead
    for asked in (listed(db, future), totals(db, future), totals(db, future, Grouping.SKU)):
        with pytest.raises(Unprocessable):
            await asked


async def test_the_beginning_of_time_is_empty(db: Database) -> None:
    await add_stock(db, 3)
    dawn = datetime(1, 1, 1, tzinfo=UTC)
    assert (await listed(db, dawn)).items == ()
    assert await totals(db, dawn) == (StockTotal(inventory_rows=0, quantity_total=0),)
    for grouping in Grouping:
        assert await totals(db, dawn, grouping) == ()


async def test_rows_are_chosen_by_sku_warehouse_and_region_and_paged(db: Database) -> None:
    region = unique("R")
    places = [await add_warehouse(db, region=region) for _ in range(3)]
    items = [await add_stock(db, 1 + number, warehouse=places[number % 3]) for number in range(7)]
    at = await now(db)
    everything: list[Any] = []
    page = await listed(db, at, PageRequest(size=3), region=region)
    while True:
        everything += page.items
        if page.next_token is None:
            break
        page = await listed(db, at, PageRequest(size=3, token=page.next_token), region=region)
    assert [row.inventory_id for row in everything] == sorted(item.inventory_id for item in items)
    of_one = (await listed(db, at, warehouse_id=places[1].warehouse_id)).items
    assert {row.sku for row in of_one} == {items[1].sku, items[4].sku}
    assert (await listed(db, at, warehouse_id=places[1].warehouse_id, sku=items[2].sku)).items == ()
    assert (await listed(db, at, warehouse_id=uuid.uuid4())).items == ()


async def test_a_token_is_bound_to_the_instant(db: Database) -> None:
    place = await add_warehouse(db, region=unique("R"))
    for _ in range(2):
        await add_stock(db, 1, warehouse=place)
    at = await now(db)
    token = (await listed(db, at, PageRequest(size=1), region=place.region)).next_token
    with pytest.raises(InvalidPageToken):
        await listed(db, at - HOUR, PageRequest(size=1, token=token), region=place.region)


async def test_totals_are_those_of_the_rows(db: Database) -> None:
    region, other = unique("R"), unique("R")
    near, far = [await add_warehouse(db, region=region) for _ in range(2)]
    tea = await add_stock(db, 10, warehouse=near)
    await add_stock(db, 5, warehouse=far, sku=tea.sku)
    mug = await add_stock(db, 1, warehouse=far)
    at = await now(db)
    await change(db, tea, 90)
    await add_stock(db, 7, warehouse=await add_warehouse(db, region=other))
    assert await totals(db, at, region=region) == (StockTotal(inventory_rows=3, quantity_total=16),)
    assert await totals(db, at, Grouping.REGION, region=region) == (
        StockTotal(region=region, inventory_rows=3, quantity_total=16),
    )
    by_warehouse = {one.warehouse_code: one for one in await totals(db, at, Grouping.WAREHOUSE, region=region)}
    assert by_warehouse == {
        near.code: StockTotal(
            region=region,
            warehouse_id=near.warehouse_id,
            warehouse_code=near.code,
            inventory_rows=1,
            quantity_total=10,
        ),
        far.code: StockTotal(
            region=region, warehouse_id=far.warehouse_id, warehouse_code=far.code, inventory_rows=2, quantity_total=6
        ),
    }
    assert {one.sku: one.quantity_total for one in await totals(db, at, Grouping.SKU, region=region)} == {
        tea.sku: 15,
        mug.sku: 1,
    }
    assert await totals(db, at, region=other) == (StockTotal(inventory_rows=0, quantity_total=0),)
    assert await totals(db, at, Grouping.WAREHOUSE, sku=mug.sku, warehouse_id=near.warehouse_id) == (
        StockTotal(
            region=region, warehouse_id=near.warehouse_id, warehouse_code=near.code, inventory_rows=0, quantity_total=0
        ),
    )


async def test_groups_come_a_page_at_a_time(db: Database) -> None:
    place = await add_warehouse(db, region=unique("R"))
    skus = sorted([(await add_stock(db, 1, warehouse=place)).sku for _ in range(3)])
    at = await now(db)
    asked = AsOfFilter(at=at, region=place.region)
    first = await db.reading(lambda session: stock_as_of.totalled(session, asked, Grouping.SKU, PageRequest(size=2)))
    rest = PageRequest(size=2, token=first.next_token)
    second = await db.reading(lambda session: stock_as_of.totalled(session, asked, Grouping.SKU, rest))
    assert [one.sku for one in (*first.items, *second.items)] == skus
    assert second.next_token is None


async def test_totals_beyond_an_integer_are_added_up(db: Database) -> None:
    place = await add_warehouse(db, region=unique("R"))
    for _ in range(2):
        await add_stock(db, 2_000_000_000, warehouse=place)
    assert (await totals(db, await now(db), region=place.region))[0].quantity_total == 4_000_000_000


CHANGES = st.lists(st.tuples(st.integers(0, 2), st.integers(-5, 9).filter(bool)), max_size=12)


@given(changes=CHANGES)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_every_instant_is_told_as_a_model_remembers_it(db: Database, changes: Sequence[tuple[int, int]]) -> None:
    place = await add_warehouse(db, region=unique("R"))
    items = [await add_stock(db, 0, warehouse=place) for _ in range(3)]
    model = {item.inventory_id: 0 for item in items}
    remembered = [(await now(db), dict(model))]
    for number, delta in changes:
        item = items[number]
        if model[item.inventory_id] + delta < 0:
            continue
        await change(db, item, delta)
        model[item.inventory_id] += delta
        remembered.append((await now(db), dict(model)))
    for at, state in remembered:
        rows = (await listed(db, at, region=place.region)).items
        assert {row.inventory_id: row.quantity_total for row in rows} == state
        assert (await totals(db, at, region=place.region))[0].quantity_total == sum(state.values())
