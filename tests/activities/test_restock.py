"""The work of a Restock run on a real Postgres: what is low is drafted once, whoever runs how often."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import restock as restock_activities
from activities.restock import RestockActivities
from db import purchase_orders, suppliers
from db.engine import Database, WriteSession
from db.purchase_order_rows import get, of_restock_run
from db.purchase_orders import Draft
from domain.contracts.restock import DraftedOrder, DraftRequest, Need, ScanRequest
from domain.errors import Unavailable
from domain.ids import RESTOCK
from domain.operations import Step
from domain.purchase_orders import PurchaseOrder, PurchaseOrderStatus
from domain.stock import StockItem
from domain.suppliers import Supplier, SupplierChanges
from domain.warehouses import Warehouse
from tests.buying import activities_of, add_supplier, draft, incoming_to, sell, step
from tests.stocking import add_stock, add_warehouse, assert_invariants
from tests.transferring import road


@pytest.fixture
async def restock(db: Database) -> AsyncIterator[RestockActivities]:
    """Whatever a test does, what must always be true is true afterwards."""
    yield RestockActivities(db)
    await assert_invariants(db)


@pytest.fixture
async def place(db: Database) -> Warehouse:
    return await add_warehouse(db)


async def low_row(db: Database, place: Warehouse, supplier: Supplier | None = None, **fields: Any) -> StockItem:
    """Three pieces where ten is the point, sold in packs of twelve."""
    item = await add_stock(db, 3, warehouse=place, **{"reorder_quantity": 20, **fields})
    if supplier is not None:
        await sell(db, supplier, item.sku, pack_size=12)
    return item


async def scanned(restock: RestockActivities, place: Warehouse) -> tuple[int, int, list[UUID]]:
    """What a whole scan finds in one warehouse, beside what other tests have left: low rows, and who delivers."""
    before: list[Need] = []
    low = unsupplied = 0
    token = None
    while True:
        page = await restock.scan(ScanRequest(token=token))
        low, unsupplied = low + page.low_rows, unsupplied + page.unsupplied_rows
        before += page.needs
        token = page.next_token
        if token is None:
            return low, unsupplied, [each.supplier_id for each in before if each.warehouse_id == place.warehouse_id]


def need(place: Warehouse, supplier: Supplier) -> Need:
    return Need(warehouse_id=place.warehouse_id, supplier_id=supplier.supplier_id)


async def run(restock: RestockActivities, wanted: Need, name: str | None = None) -> list[DraftedOrder]:
    request = DraftRequest(run=name or f"restock-{uuid.uuid4()}", need=wanted)
    drafted: list[DraftedOrder] = await ActivityEnvironment().run(restock.draft, request)
    return drafted


async def pieces(db: Database, drafted: DraftedOrder) -> dict[str, int]:
    order = await order_of(db, drafted)
    return {line.sku: line.quantity for line in order.lines}


async def order_of(db: Database, drafted: DraftedOrder) -> PurchaseOrder:
    order = await db.reading(lambda session: get(session, drafted.purchase_order_id))
    assert order is not None
    return order


async def test_a_scan_names_each_need_once_and_counts_what_nobody_sells(
    db: Database, restock: RestockActivities, place: Warehouse
) -> None:
    supplier = await add_supplier(db)
    before = await scanned(restock, place)
    for _ in range(2):
        await low_row(db, place, supplier)
    await low_row(db, place)
    await add_stock(db, 11, warehouse=place)
    low, unsupplied, deliver = await scanned(restock, place)
    assert (low - before[0], unsupplied - before[1], deliver) == (3, 1, [supplier.supplier_id])


async def test_a_closed_warehouse_is_not_restocked(db: Database, restock: RestockActivities) -> None:
    closed, supplier = await add_warehouse(db, is_active=False), await add_supplier(db)
    await low_row(db, closed, supplier)
    assert (await scanned(restock, closed))[2] == []
    assert await run(restock, need(closed, supplier)) == []


async def test_what_is_low_is_drafted_in_what_the_supplier_sells(
    db: Database, restock: RestockActivities, place: Warehouse
) -> None:
    supplier = await add_supplier(db)
    one = await low_row(db, place, supplier)
    other = await low_row(db, place, supplier, reorder_point=50)
    [drafted] = await run(restock, need(place, supplier), "restock-1")
    assert await pieces(db, drafted) == {one.sku: 24, other.sku: 48}
    order = await order_of(db, drafted)
    assert (order.status, order.restock_run, order.requested_by) == (
        PurchaseOrderStatus.DRAFT,
        "restock-1",
        RESTOCK.actor_id,
    )
    assert (drafted.number, sorted(drafted.skus)) == (order.number, sorted([one.sku, other.sku]))
    assert (await incoming_to(db, one)).on_order == 24


async def test_a_repeated_run_gets_the_order_that_it_has_drafted(
    db: Database, restock: RestockActivities, place: Warehouse
) -> None:
    """As after a kill between the commit and the answer."""
    supplier = await add_supplier(db)
    await low_row(db, place, supplier)
    first = await run(restock, need(place, supplier), "restock-2")
    again = await run(restock, need(place, supplier), "restock-2")
    assert again == first
    assert len(await db.reading(lambda session: of_restock_run(session, "restock-2"))) == 1


async def test_the_next_run_drafts_nothing_while_it_is_on_order(
    db: Database, restock: RestockActivities, place: Warehouse
) -> None:
    supplier = await add_supplier(db)
    item = await low_row(db, place, supplier)
    [drafted] = await run(restock, need(place, supplier))
    assert await run(restock, need(place, supplier)) == []
    order = await order_of(db, drafted)
    await activities_of(db).take(step(order, Step.REJECT))
    [again] = await run(restock, need(place, supplier))
    assert await pieces(db, again) == {item.sku: 24}


async def test_a_draft_by_hand_and_stock_on_the_road_count_too(db: Database, restock: RestockActivities) -> None:
    way, supplier = await road(db, A=100, B=100), await add_supplier(db)
    for sku in ("A", "B"):
        await add_stock(db, 0, warehouse=way.target, sku=sku)
        await sell(db, supplier, sku)
    await way.shipped(A=20)
    await draft(db, supplier, way.target.warehouse_id, {"B": 11})
    assert await run(restock, need(way.target, supplier)) == []
    await way.shipped(B=1)
    await draft(db, supplier, way.target.warehouse_id, {"A": 1})
    assert await run(restock, need(way.target, supplier)) == []


async def test_only_the_supplier_that_is_chosen_gets_the_order(
    db: Database, restock: RestockActivities, place: Warehouse
) -> None:
    cheap, preferred = await add_supplier(db), await add_supplier(db)
    item = await low_row(db, place, cheap)
    await sell(db, preferred, item.sku, unit_cost=99, is_preferred=True)
    assert (await scanned(restock, place))[2] == [preferred.supplier_id]
    assert await run(restock, need(place, cheap)) == []
    async with db.write() as session:
        changes = SupplierChanges(is_active=False)
        await suppliers.change(session, preferred.supplier_id, changes, expected_version=None)
    assert await run(restock, need(place, preferred)) == []
    [drafted] = await run(restock, need(place, cheap))
    assert await pieces(db, drafted) == {item.sku: 24}


async def test_two_runs_at_once_draft_once(db: Database, restock: RestockActivities, place: Warehouse) -> None:
    supplier = await add_supplier(db)
    item = await low_row(db, place, supplier)
    drafted = await asyncio.gather(*(run(restock, need(place, supplier)) for _ in range(4)))
    assert sorted(len(orders) for orders in drafted) == [0, 0, 0, 1]
    assert (await incoming_to(db, item)).on_order == 24


async def test_more_lines_than_an_order_holds_are_several_orders(
    db: Database, restock: RestockActivities, place: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restock_activities, "LINES_MAX", 2)
    supplier = await add_supplier(db)
    items = [await low_row(db, place, supplier) for _ in range(5)]
    drafted = await run(restock, need(place, supplier), "restock-3")
    assert [len(each.skus) for each in drafted] == [2, 2, 1]
    assert {sku for each in drafted for sku in each.skus} == {item.sku for item in items}
    assert await run(restock, need(place, supplier), "restock-3") == drafted


async def test_what_is_drafted_is_looked_after_though_a_further_order_fails(
    db: Database, restock: RestockActivities, place: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restock_activities, "LINES_MAX", 1)
    supplier = await add_supplier(db)
    for _ in range(2):
        await low_row(db, place, supplier)
    failures = [None, Unavailable("Postgres went away"), Unavailable("Postgres is still away")]
    draft_it = purchase_orders.draft

    async def failing(session: WriteSession, asked: Draft) -> PurchaseOrder:
        if failure := failures.pop(0):
            raise failure
        return await draft_it(session, asked)

    monkeypatch.setattr(purchase_orders, "draft", failing)
    [drafted] = await run(restock, need(place, supplier), "restock-6")
    assert len(drafted.skus) == 1
    with pytest.raises(ApplicationError):
        await run(restock, need(place, supplier), "restock-7")


async def test_a_row_that_no_line_can_fill_does_not_keep_a_run_busy_for_ever(
    db: Database, restock: RestockActivities, place: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restock_activities, "ORDERS_PER_NEED_MAX", 3)
    supplier = await add_supplier(db)
    await low_row(db, place, supplier, reorder_point=1_900_000_000)
    assert len(await run(restock, need(place, supplier))) == 3
