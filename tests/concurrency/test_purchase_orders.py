"""Deliveries, decisions and restocking at once: every piece is counted once, and nobody waits in a circle."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Awaitable
from typing import Any

import pytest
from sqlalchemy import text
from temporalio.testing import ActivityEnvironment

from activities.restock import RestockActivities
from db import purchase_orders
from db.engine import Database
from db.purchase_orders import Draft
from domain.contracts.operations import StepOutcome
from domain.contracts.reservations import Source
from domain.contracts.restock import DraftRequest, Need
from domain.operations import Step
from domain.purchase_orders import NewPurchaseOrder, PurchaseOrder, PurchaseOrderStatus, WantedLine
from domain.reservations import ReservationStatus
from domain.stock import StockItem
from tests.buying import (
    activities_of,
    add_supplier,
    arrival,
    draft,
    draft_of,
    incoming_to,
    order_now,
    received,
    sell,
    sent,
    step,
)
from tests.stocking import TESTER, add_stock, add_warehouse, hold, settle, stock_now, wait_until_blocked, want


def codes(outcomes: list[StepOutcome]) -> list[str]:
    """What refused each, in order; empty for those that were done."""
    return sorted(outcome.refusal_code for outcome in outcomes)


async def at_once(db: Database, order: PurchaseOrder, *works: Awaitable[Any]) -> list[Any]:
    """All of them, made to wait for the order's row and let go together."""
    async with db.write() as session:
        await session.execute(
            text("select 1 from purchase_orders where purchase_order_id = :id for update"),
            {"id": order.purchase_order_id},
        )
        going = [asyncio.ensure_future(work) for work in works]
        await wait_until_blocked(db, len(going))
    return list(await asyncio.gather(*going))


async def sent_order(db: Database, item: StockItem) -> PurchaseOrder:
    return await sent(db, await draft_of(db, item))


async def test_two_deliveries_that_are_too_much_together_are_not_both_taken(db: Database) -> None:
    item, orders = await add_stock(db, 0), activities_of(db, purchase_over_receipt_percent=0)
    order = await sent_order(db, item)
    outcomes = await at_once(db, order, *(orders.take(arrival(order, **{item.sku: 6})) for _ in range(2)))
    assert codes(outcomes) == ["", "receipt_exceeds_order"]
    assert (await stock_now(db, item)).quantity_total == 6


async def test_two_parts_at_once_are_both_taken_and_the_last_one_completes(db: Database) -> None:
    item, orders = await add_stock(db, 0), activities_of(db)
    order = await sent_order(db, item)
    outcomes = await at_once(db, order, *(orders.take(arrival(order, **{item.sku: 5})) for _ in range(2)))
    assert sorted(outcome.status for outcome in outcomes) == ["PARTIALLY_RECEIVED", "RECEIVED"]
    assert (await stock_now(db, item)).quantity_total == 10


async def test_a_slip_that_several_scan_at_once_counts_once(db: Database) -> None:
    item, orders = await add_stock(db, 0), activities_of(db)
    order = await sent_order(db, item)
    outcomes = await at_once(db, order, *(orders.take(arrival(order, "GRN-1", **{item.sku: 4})) for _ in range(4)))
    assert codes(outcomes) == [""] * 4
    assert sorted(outcome.changed for outcome in outcomes) == [False, False, False, True]
    assert (await stock_now(db, item)).quantity_total == 4


async def test_an_order_is_either_taken_back_or_received(db: Database) -> None:
    item, orders = await add_stock(db, 0), activities_of(db)
    order = await sent_order(db, item)
    outcomes = await at_once(db, order, orders.take(step(order, Step.CANCEL)), orders.take(arrival(order)))
    assert codes(outcomes) == ["", "operation_closed"]
    after = await order_now(db, order)
    arrived = 10 if after.status is PurchaseOrderStatus.RECEIVED else 0
    assert (await received(db, order), (await stock_now(db, item)).quantity_total) == ({item.sku: arrived}, arrived)
    assert (await incoming_to(db, item)).on_order == 0


async def test_the_same_draft_at_once_is_one_order(db: Database) -> None:
    supplier, place = await add_supplier(db), await add_warehouse(db)
    await sell(db, supplier, "A")
    new = NewPurchaseOrder(
        supplier_id=supplier.supplier_id, warehouse_id=place.warehouse_id, lines=(WantedLine(sku="A", quantity=1),)
    )
    asked = Draft(purchase_order_id=uuid.uuid4(), new=new, actor=TESTER, source=Source.REST)
    made = await asyncio.gather(*(db.writing(lambda session: purchase_orders.draft(session, asked)) for _ in range(5)))
    assert {each.order_number for each in made} == {made[0].order_number}


async def test_a_run_that_waits_for_a_draft_by_hand_counts_it(db: Database) -> None:
    supplier, place = await add_supplier(db), await add_warehouse(db)
    item = await add_stock(db, 0, warehouse=place)
    await sell(db, supplier, item.sku)
    wanted = DraftRequest(run="r", need=Need(warehouse_id=place.warehouse_id, supplier_id=supplier.supplier_id))
    new = NewPurchaseOrder(
        supplier_id=supplier.supplier_id,
        warehouse_id=place.warehouse_id,
        lines=(WantedLine(sku=item.sku, quantity=60),),
    )
    asked = Draft(purchase_order_id=uuid.uuid4(), new=new, actor=TESTER, source=Source.REST)
    async with db.write() as session:
        await purchase_orders.draft(session, asked)
        running = asyncio.ensure_future(ActivityEnvironment().run(RestockActivities(db).draft, wanted))
        await wait_until_blocked(db)
    assert await running == []


@pytest.mark.usefixtures("_no_deadlock")
async def test_buyers_drafts_and_deliveries_of_the_same_rows_get_along(db: Database) -> None:
    dice = random.Random(20261128)
    supplier, place, orders = await add_supplier(db), await add_warehouse(db), activities_of(db)
    items = [await add_stock(db, 50, warehouse=place) for _ in range(6)]
    for item in items:
        await sell(db, supplier, item.sku)

    async def buy() -> int:
        chosen = dice.sample(items, k=3)
        held = await hold(db, *(want(item, 1, warehouse_id=place.warehouse_id) for item in chosen))
        await settle(db, held, ReservationStatus.COMMITTED)
        return 3

    async def restock(turn: int) -> int:
        lines = {item.sku: 4 for item in dice.sample(items, k=4)}
        order = await sent(db, await draft(db, supplier, place.warehouse_id, lines))
        await orders.take(arrival(order, **{next(iter(lines)): 4}))
        last = step(order, Step.CLOSE, reason="enough") if turn % 2 else arrival(order)
        await orders.take(last)
        return 4 if turn % 2 else 16

    sold, came = asyncio.gather(*(buy() for _ in range(12))), asyncio.gather(*(restock(n) for n in range(12)))
    total = 6 * 50 - sum(await sold) + sum(await came)
    assert sum([(await stock_now(db, item)).quantity_total for item in items]) == total
    assert [(await incoming_to(db, item)).on_order for item in items] == [0] * len(items)


@pytest.mark.usefixtures("_no_deadlock")
async def test_first_deliveries_that_make_the_same_rows_make_each_once(db: Database) -> None:
    supplier, place, orders = await add_supplier(db), await add_warehouse(db), activities_of(db)
    skus = [(await add_stock(db, 1)).sku for _ in range(5)]
    for sku in skus:
        await sell(db, supplier, sku)
    mixed = [dict.fromkeys(order, 2) for order in (skus, skus[::-1], skus, skus[::-1])]
    going = [await sent(db, await draft(db, supplier, place.warehouse_id, lines)) for lines in mixed]
    outcomes = await asyncio.gather(*(orders.take(arrival(order)) for order in going))
    assert codes(list(outcomes)) == [""] * 4
    async with db.read() as session:
        rows = await session.execute(
            text("select sku, quantity_total from inventory where warehouse_id = :id"), {"id": place.warehouse_id}
        )
        assert dict(rows.all()) == dict.fromkeys(skus, 8)  # type: ignore[arg-type]
