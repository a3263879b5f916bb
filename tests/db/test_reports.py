"""Stock by region and warehouse: every live row once, a SKU once in a place, money by currency."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from db import reports
from db.engine import Database
from db.paging import PageRequest
from db.reports import PlaceFilter
from domain.errors import InvalidPageToken
from domain.operations import Step
from domain.purchase_orders import PurchaseOrder
from domain.reports import RegionStock, Value, WarehouseStock
from domain.stock import StockItem
from domain.warehouses import Warehouse
from tests.buying import activities_of, arrival, draft_of, sent
from tests.stocking import add_stock, add_warehouse, hold, retire, unique, want
from tests.transferring import lines, road

FIRST = PageRequest()


async def region_of(db: Database, region: str) -> RegionStock:
    page = await db.reading(lambda session: reports.regions(session, PlaceFilter(region=region), FIRST))
    (found,) = page.items
    return found


async def warehouses_of(db: Database, region: str, page: PageRequest = FIRST) -> Any:
    return await db.reading(lambda session: reports.warehouses_of(session, PlaceFilter(region=region), page))


async def received_in_part(db: Database, order: PurchaseOrder, item: StockItem, pieces: int) -> None:
    outcome = await activities_of(db).take(arrival(order, "r1", **{item.sku: pieces}))
    assert outcome.changed, outcome


async def place(db: Database, region: str, **fields: Any) -> Warehouse:
    return await add_warehouse(db, region=region, **fields)


async def test_a_region_adds_up_its_warehouses_and_counts_a_sku_once(db: Database) -> None:
    region = unique("R")
    near, far = await place(db, region), await place(db, region, is_active=False)
    tea = await add_stock(db, 10, warehouse=near, reorder_point=2)
    await add_stock(db, 5, warehouse=far, sku=tea.sku, reorder_point=2)
    mug = await add_stock(db, 7, warehouse=near, reorder_point=2)
    await hold(db, want(mug, 3))
    found = await region_of(db, region)
    assert (found.warehouses, found.warehouses_active) == (2, 1)
    assert (found.skus, found.skus_low, found.skus_out_of_stock) == (2, 0, 0)
    assert (found.quantity_total, found.quantity_reserved, found.quantity_available) == (22, 3, 19)
    assert found.quantity_without_cost == 22


async def test_a_sku_is_low_where_one_warehouse_is_and_out_where_all_are(db: Database) -> None:
    region = unique("R")
    near, far = await place(db, region), await place(db, region)
    low = await add_stock(db, 0, warehouse=near, reorder_point=5)
    await add_stock(db, 50, warehouse=far, sku=low.sku, reorder_point=5)
    out = await add_stock(db, 0, warehouse=near, reorder_point=5)
    await add_stock(db, 0, warehouse=far, sku=out.sku, reorder_point=5)
    await add_stock(db, 5, warehouse=near, reorder_point=5)
    await add_stock(db, 6, warehouse=near, reorder_point=5)
    taken = await add_stock(db, 4, warehouse=far, reorder_point=0)
    await hold(db, want(taken, 4))
    found = await region_of(db, region)
    assert (found.skus, found.skus_low, found.skus_out_of_stock) == (5, 4, 2)
    there = {one.warehouse_id: one for one in (await warehouses_of(db, region)).items}
    assert (there[near.warehouse_id].skus_low, there[near.warehouse_id].skus_out_of_stock) == (3, 2)
    assert (there[far.warehouse_id].skus_low, there[far.warehouse_id].skus_out_of_stock) == (2, 2)


async def test_value_is_told_in_each_currency_and_what_has_no_cost_beside_it(db: Database) -> None:
    region = unique("R")
    here, there = await place(db, region), await place(db, region)
    await add_stock(db, 10, warehouse=here, unit_cost=Decimal("12.3456"), currency="EUR")
    await add_stock(db, 3, warehouse=there, unit_cost=Decimal("0.0001"), currency="EUR")
    await add_stock(db, 2, warehouse=here, unit_cost=Decimal(5), currency="GBP")
    await add_stock(db, 4, warehouse=here)
    found = await region_of(db, region)
    assert found.value_at_cost == (Value("EUR", Decimal("123.4563")), Value("GBP", Decimal(10)))
    assert found.quantity_without_cost == 4
    page = await warehouses_of(db, region)
    values = {one.warehouse_id: one.value_at_cost for one in page.items}
    assert values[there.warehouse_id] == (Value("EUR", Decimal("0.0003")),)


async def test_more_than_fits_a_number_of_postgres_is_added_up(db: Database) -> None:
    region = unique("R")
    for _ in range(3):
        await add_stock(
            db, 2_000_000_000, warehouse=await place(db, region), unit_cost=Decimal("9999999999.9999"), currency="EUR"
        )
    found = await region_of(db, region)
    assert found.quantity_total == 6_000_000_000
    assert found.value_at_cost == (Value("EUR", 6_000_000_000 * Decimal("9999999999.9999")),)


async def test_a_retired_row_does_not_count(db: Database) -> None:
    region = unique("R")
    here = await place(db, region)
    await add_stock(db, 3, warehouse=here, unit_cost=Decimal(1), currency="EUR")
    await retire(db, await add_stock(db, 4, warehouse=here, unit_cost=Decimal(1), currency="GBP"))
    found = await region_of(db, region)
    assert (found.skus, found.quantity_total, found.value_at_cost) == (1, 3, (Value("EUR", Decimal(3)),))


async def test_a_place_without_stock_is_there_with_nothing(db: Database) -> None:
    region = unique("R")
    empty = await place(db, region)
    nothing: dict[str, Any] = {
        "skus": 0,
        "skus_low": 0,
        "skus_out_of_stock": 0,
        "quantity_total": 0,
        "quantity_reserved": 0,
        "quantity_in_transit": 0,
        "quantity_on_order": 0,
        "value_at_cost": (),
        "quantity_without_cost": 0,
    }
    assert await region_of(db, region) == RegionStock(region=region, warehouses=1, warehouses_active=1, **nothing)
    assert (await warehouses_of(db, region)).items == (
        WarehouseStock(
            warehouse_id=empty.warehouse_id,
            warehouse_code=empty.code,
            name=empty.name,
            region=region,
            is_active=True,
            **nothing,
        ),
    )


async def test_what_is_on_its_way_is_beside_the_stock_and_not_in_it(db: Database) -> None:
    region = unique("R")
    target = await place(db, region)
    tea, mug = unique("TEA"), unique("MUG")
    way = await road(db, target=target, **{tea: 20, mug: 20})
    request = await way.opened(**{tea: 7, mug: 5})
    await way.take(request, Step.APPROVE)
    await way.take(request, Step.SHIP)
    await way.take(request, Step.RECEIVE, receipt_id="r1", lines=lines(**{tea: 3}))
    here = await add_stock(db, 2, warehouse=target)
    await draft_of(db, here, quantity=40)
    await received_in_part(db, await sent(db, await draft_of(db, here, quantity=10)), here, 4)
    found = await region_of(db, region)
    assert (found.quantity_total, found.quantity_in_transit, found.quantity_on_order) == (3 + 2 + 4, 9, 46)
    (there,) = (await warehouses_of(db, region)).items
    assert (there.quantity_total, there.quantity_in_transit, there.quantity_on_order) == (9, 9, 46)
    (source,) = [one for one in (await warehouses_of(db, "eu")).items if one.warehouse_id == way.source.warehouse_id]
    assert (source.quantity_total, source.quantity_in_transit, source.quantity_on_order) == (28, 0, 0)


async def test_regions_and_warehouses_come_a_page_at_a_time(db: Database) -> None:
    region = unique("R")
    codes = sorted([(await place(db, region)).code for _ in range(3)])
    first = await warehouses_of(db, region, PageRequest(size=2))
    second = await warehouses_of(db, region, PageRequest(size=2, token=first.next_token))
    assert [one.warehouse_code for one in (*first.items, *second.items)] == codes
    assert second.next_token is None

    names = [unique("R") for _ in range(3)]
    for name in names:
        await place(db, name)
    seen, request = [], PageRequest(size=1, order_by="region desc")
    while True:
        page = await db.reading(lambda session: reports.regions(session, PlaceFilter(), request))  # noqa: B023
        seen += [one.region for one in page.items]
        if page.next_token is None:
            break
        request = replace(request, token=page.next_token)
    assert seen == sorted(set(seen), reverse=True)
    assert set(names) < set(seen)


async def test_a_token_belongs_to_one_report_and_its_filter(db: Database) -> None:
    region = unique("R")
    for _ in range(2):
        await place(db, region)
    token = (await warehouses_of(db, region, PageRequest(size=1))).next_token
    for other in (PlaceFilter(), PlaceFilter(region="x")):
        with pytest.raises(InvalidPageToken):
            await db.reading(
                lambda session, other=other: reports.warehouses_of(session, other, PageRequest(size=1, token=token))
            )
