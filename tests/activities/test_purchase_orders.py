"""Purchase orders on a real Postgres: from the draft to the last delivery, whatever comes twice, late or too much."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from temporalio.exceptions import ApplicationError

from activities.purchase_orders import PurchaseOrderActivities
from db import stock, suppliers, warehouses
from db.engine import Database
from domain.contracts.purchase_orders import PurchaseOrderRequest
from domain.errors import UnknownItem, Unprocessable
from domain.ids import CLOCK
from domain.operations import Step
from domain.purchase_orders import PurchaseOrder, PurchaseOrderStatus
from domain.stock import MovementType
from domain.suppliers import SupplierChanges
from domain.warehouses import WarehouseChanges
from tests.buying import (
    BUYER_IN_CHIEF,
    activities_of,
    add_supplier,
    arrival,
    draft,
    draft_of,
    incoming_to,
    make_due,
    order_now,
    received,
    refusal,
    sell,
    sent,
    step,
    trail_of,
)
from tests.stocking import (
    TESTER,
    add_stock,
    add_warehouse,
    assert_documented,
    assert_invariants,
    ledger_of,
    news_of,
    stock_now,
    unique,
)


@pytest.fixture
async def orders(db: Database) -> AsyncIterator[PurchaseOrderActivities]:
    """Whatever a test does, what must always be true is true afterwards."""
    yield activities_of(db, purchase_over_receipt_percent=10)
    await assert_invariants(db)


async def places(db: Database, order: PurchaseOrder) -> dict[str, int]:
    """Pieces on the shelves of the order's warehouse, by SKU."""
    ids = await db.reading(
        lambda session: stock.ids_by_place(session, [(line.sku, order.warehouse_id) for line in order.lines])
    )
    rows = await db.reading(lambda session: stock.by_ids(session, ids.values()))
    return {row.sku: row.quantity_total for row in rows.values()}


async def test_an_order_goes_from_draft_to_its_last_delivery(db: Database, orders: PurchaseOrderActivities) -> None:
    one = await add_stock(db, 3)
    other = await add_stock(db, 0, warehouse=await db.reading(lambda s: warehouses.get(s, one.warehouse_id)))
    order = await draft_of(db, one, other)
    assert (order.status, order.version, order.number[:3]) == (PurchaseOrderStatus.DRAFT, 1, "PO-")
    approved = await orders.take(step(order, Step.APPROVE))
    gone = await orders.take(step(order, Step.SEND))
    assert (approved.status, gone.status, gone.wakes_for) == ("APPROVED", "SENT", "late")
    part = await orders.take(arrival(order, "R-1", **{one.sku: 4}))
    assert (part.status, part.is_closed, part.wakes_for) == ("PARTIALLY_RECEIVED", False, "late")
    assert await places(db, order) == {one.sku: 7, other.sku: 0}
    rest = await orders.take(arrival(order))
    assert (rest.status, rest.is_closed, rest.wakes_at) == ("RECEIVED", True, None)
    assert await places(db, order) == {one.sku: 13, other.sku: 10}
    assert await received(db, order) == {one.sku: 10, other.sku: 10}
    assert [name for name, _ in await trail_of(db, order)] == ["draft", "approve", "send", "receive", "receive"]
    assert [event.sequence for event in await news_of(db, order.purchase_order_id)] == [1, 2, 3, 4, 5]
    await assert_documented(db, order.purchase_order_id)


async def test_what_arrives_is_in_the_ledger_under_the_order(db: Database, orders: PurchaseOrderActivities) -> None:
    item = await add_stock(db, 1)
    order = await sent(db, await draft_of(db, item))
    await orders.take(arrival(order, "GRN-7", **{item.sku: 4}))
    movement = (await ledger_of(db, item))[-1]
    assert (movement.type, movement.quantity, movement.total_after) == (MovementType.INBOUND, 4, 5)
    assert (movement.reference, movement.reason) == (str(order.purchase_order_id), f"{order.number} GRN-7")
    assert movement.performed_by == BUYER_IN_CHIEF.actor_id
    told = (await news_of(db, order.purchase_order_id))[-1].data
    assert (told["receiptId"], told["arrived"]) == ("GRN-7", [{"sku": item.sku, "quantity": 4}])


async def test_a_receipt_counts_once_even_when_it_comes_after_the_end(
    db: Database, orders: PurchaseOrderActivities
) -> None:
    item = await add_stock(db, 0)
    order = await sent(db, await draft_of(db, item))
    first = await orders.take(arrival(order, "R-1", **{item.sku: 4}))
    again = await orders.take(arrival(order, "R-1", **{item.sku: 4}))
    assert [refusal(first), refusal(again)] == [("", True), ("", False)]
    other = await orders.take(arrival(order, "R-1", **{item.sku: 5}))
    assert refusal(other) == ("receipt_mismatch", False)
    await orders.take(arrival(order, "R-2"))
    late = await orders.take(arrival(order, "R-1", **{item.sku: 4}))
    assert (late.status, refusal(late)) == ("RECEIVED", ("", False))
    assert (await stock_now(db, item)).quantity_total == 10
    assert [name for name, code in await trail_of(db, order) if code is None].count("receive") == 2


async def test_the_same_receipt_twice_at_once_counts_once(db: Database, orders: PurchaseOrderActivities) -> None:
    item = await add_stock(db, 0)
    order = await sent(db, await draft_of(db, item))
    answers = await asyncio.gather(*(orders.take(arrival(order, "R-1", **{item.sku: 4})) for _ in range(5)))
    assert sorted(answer.changed for answer in answers) == [False] * 4 + [True]
    assert {answer.refusal_code for answer in answers} == {""}
    assert (await stock_now(db, item)).quantity_total == 4


async def test_a_decision_that_comes_twice_takes_effect_once(db: Database, orders: PurchaseOrderActivities) -> None:
    item = await add_stock(db, 0)
    order = await sent(db, await draft_of(db, item))
    arrived = arrival(order, **{item.sku: 4})
    answers = [await orders.take(arrived) for _ in range(3)]
    assert [answer.changed for answer in answers] == [True, False, False]
    assert (await stock_now(db, item)).quantity_total == 4


async def test_a_little_too_much_is_taken_and_more_is_not(db: Database, orders: PurchaseOrderActivities) -> None:
    item = await add_stock(db, 0)
    order = await sent(db, await draft_of(db, item, quantity=100))
    refused = await orders.take(arrival(order, **{item.sku: 111}))
    assert refusal(refused) == ("receipt_exceeds_order", False)
    assert refused.refusal_extra["lines"] == [{"sku": item.sku, "quantity": 111, "most": 110}]
    assert (await orders.take(arrival(order, **{item.sku: 110}))).status == "RECEIVED"
    assert (await incoming_to(db, item)).on_order == 0
    strict = await sent(db, await draft_of(db, item, quantity=100))
    none_over = activities_of(db, purchase_over_receipt_percent=0)
    assert refusal(await none_over.take(arrival(strict, **{item.sku: 101}))) == ("receipt_exceeds_order", False)


async def test_what_was_not_ordered_is_not_received(db: Database, orders: PurchaseOrderActivities) -> None:
    item, stray = await add_stock(db, 0), await add_stock(db, 0)
    order = await sent(db, await draft_of(db, item))
    refused = await orders.take(arrival(order, **{item.sku: 1, stray.sku: 1}))
    assert refusal(refused) == ("unknown_item", False)
    assert refused.refusal_extra["skus"] == [stray.sku]
    for quantity in (0, -1):
        assert refusal(await orders.take(arrival(order, **{item.sku: quantity}))) == ("validation_failed", False)
    assert await received(db, order) == {item.sku: 0}


async def test_a_warehouse_that_never_had_a_sku_gets_a_row_of_it(db: Database, orders: PurchaseOrderActivities) -> None:
    elsewhere, place = await add_stock(db, 5), await add_warehouse(db)
    supplier = await add_supplier(db)
    await sell(db, supplier, elsewhere.sku)
    order = await sent(db, await draft(db, supplier, place.warehouse_id, {elsewhere.sku: 10}))
    assert (await orders.take(arrival(order))).status == "RECEIVED"
    found = await db.reading(lambda s: stock.ids_by_place(s, [(elsewhere.sku, place.warehouse_id)]))
    made = await db.reading(lambda s: stock.by_ids(s, found.values()))
    [row] = made.values()
    assert (row.product_id, row.quantity_total) == (elsewhere.product_id, 10)


async def test_two_first_deliveries_of_a_sku_make_one_row(db: Database, orders: PurchaseOrderActivities) -> None:
    elsewhere, place = [await add_stock(db, 5) for _ in range(3)], await add_warehouse(db)
    supplier = await add_supplier(db)
    for item in elsewhere:
        await sell(db, supplier, item.sku)
    skus = [item.sku for item in elsewhere]
    both = [
        await sent(db, await draft(db, supplier, place.warehouse_id, dict.fromkeys(order, 10)))
        for order in (skus, skus[::-1])
    ]
    answers = await asyncio.gather(*(orders.take(arrival(order)) for order in both))
    assert {answer.status for answer in answers} == {"RECEIVED"}
    assert await places(db, both[0]) == dict.fromkeys(skus, 20)


async def test_a_sku_whose_product_nobody_knows_is_refused_until_somebody_does(
    db: Database, orders: PurchaseOrderActivities
) -> None:
    supplier, place, sku = await add_supplier(db), await add_warehouse(db), unique("SKU")
    await sell(db, supplier, sku)
    order = await sent(db, await draft(db, supplier, place.warehouse_id, {sku: 10}))
    refused = await orders.take(arrival(order))
    assert (refusal(refused), refused.refusal_extra["skus"]) == (("unknown_item", False), [sku])
    await add_stock(db, 0, sku=sku)
    assert (await orders.take(arrival(order))).status == "RECEIVED"


async def test_a_row_costs_what_its_last_delivery_cost(db: Database, orders: PurchaseOrderActivities) -> None:
    item = await add_stock(db, 0, unit_cost=Decimal(9), currency="USD")
    order = await sent(db, await draft_of(db, item))
    await orders.take(arrival(order, **{item.sku: 1}))
    after = await stock_now(db, item)
    assert (after.unit_cost, after.currency) == (Decimal("2.5"), "EUR")
    await orders.take(arrival(order, **{item.sku: 1}))
    assert (await stock_now(db, item)).version == after.version + 1, "the same cost is not written again"


async def test_what_is_on_order_is_visible_until_it_has_come_or_never_will(
    db: Database, orders: PurchaseOrderActivities
) -> None:
    item = await add_stock(db, 0)

    async def on_order() -> int:
        return (await incoming_to(db, item)).on_order

    order = await draft_of(db, item)
    other = await draft_of(db, item, quantity=5)
    assert await on_order() == 15
    await orders.take(step(other, Step.REJECT))
    assert await on_order() == 10
    order = await sent(db, order)
    await orders.take(arrival(order, **{item.sku: 4}))
    assert await on_order() == 6
    await orders.take(step(order, Step.CLOSE, reason="discontinued"))
    assert await on_order() == 0


async def test_an_order_is_closed_short_with_a_reason(db: Database, orders: PurchaseOrderActivities) -> None:
    item = await add_stock(db, 0)
    order = await sent(db, await draft_of(db, item))
    assert refusal(await orders.take(step(order, Step.CLOSE, reason="x"))) == ("step_not_allowed", False)
    await orders.take(arrival(order, **{item.sku: 4}))
    assert refusal(await orders.take(step(order, Step.CLOSE))) == ("validation_failed", False)
    assert refusal(await orders.take(step(order, Step.CANCEL))) == ("step_not_allowed", False)
    closed = await orders.take(step(order, Step.CLOSE, reason="discontinued"))
    assert (closed.status, closed.is_closed) == ("CLOSED", True)
    after = await order_now(db, order)
    assert (after.closing_reason, after.lines[0].quantity_received) == ("discontinued", 4)
    assert refusal(await orders.take(arrival(order, **{item.sku: 1}))) == ("operation_closed", False)
    await assert_documented(db, order.purchase_order_id)


@pytest.mark.parametrize("steps", [0, 1, 2])
async def test_an_order_can_be_cancelled_until_something_has_come(
    db: Database, orders: PurchaseOrderActivities, steps: int
) -> None:
    item = await add_stock(db, 0)
    order = await draft_of(db, item)
    for taken in (Step.APPROVE, Step.SEND)[:steps]:
        await orders.take(step(order, taken))
    cancelled = await orders.take(step(order, Step.CANCEL, TESTER))
    assert (cancelled.status, cancelled.is_closed) == ("CANCELLED", True)
    assert (await incoming_to(db, item)).on_order == 0
    for late in (Step.APPROVE, Step.SEND, Step.RECEIVE, Step.CANCEL):
        assert refusal(await orders.take(step(order, late))) == ("operation_closed", False)
    await assert_documented(db, order.purchase_order_id)


async def test_whoever_asked_cannot_approve_and_everything_has_its_turn(
    db: Database, orders: PurchaseOrderActivities
) -> None:
    order = await draft_of(db, await add_stock(db, 0))
    assert refusal(await orders.take(step(order, Step.APPROVE, TESTER))) == ("self_approval", False)
    for early in (Step.SEND, Step.RECEIVE, Step.CLOSE):
        assert refusal(await orders.take(step(order, early, reason="x"))) == ("step_not_allowed", False)
    rejected = await orders.take(step(order, Step.REJECT, reason="too dear"))
    after = await order_now(db, order)
    assert (rejected.status, after.closing_reason, after.decided_by_name) == ("REJECTED", "too dear", "chief")
    assert [code for _, code in await trail_of(db, order)] == [
        None, "self_approval", "step_not_allowed", "step_not_allowed", "step_not_allowed", None
    ]  # fmt: skip


async def test_the_database_keeps_four_eyes_too(db: Database, orders: PurchaseOrderActivities) -> None:
    order = await draft_of(db, await add_stock(db, 0))
    with pytest.raises(DBAPIError, match="purchase_orders_four_eyes"):
        async with db.write() as session:
            await session.execute(
                text("""update purchase_orders set status = 'APPROVED', decided_by = requested_by, decided_at = now()
                        where purchase_order_id = :id"""),
                {"id": order.purchase_order_id},
            )


async def test_an_end_that_has_gone_out_of_use_stops_an_order(db: Database, orders: PurchaseOrderActivities) -> None:
    item = await add_stock(db, 0)
    order = await draft_of(db, item)
    await _use(db, order, supplier=False)
    assert refusal(await orders.take(step(order, Step.APPROVE))) == ("supplier_inactive", False)
    await _use(db, order, supplier=True)
    assert (await orders.take(step(order, Step.APPROVE))).changed
    await _use(db, order, supplier=True, warehouse=False)
    assert refusal(await orders.take(step(order, Step.SEND))) == ("warehouse_inactive", False)
    await _use(db, order, supplier=True, warehouse=True)
    assert (await orders.take(step(order, Step.SEND))).changed
    await _use(db, order, supplier=False, warehouse=False)
    assert (await orders.take(arrival(order))).status == "RECEIVED", "what stands at the door is taken in"


async def _use(db: Database, order: PurchaseOrder, *, supplier: bool, warehouse: bool = True) -> None:
    async with db.write() as session:
        changes = SupplierChanges(is_active=supplier)
        await suppliers.change(session, order.supplier_id, changes, expected_version=None)
        place = WarehouseChanges(is_active=warehouse)
        await warehouses.change(session, order.warehouse_id, place, expected_version=None)


async def test_an_order_that_does_not_come_is_late_once(db: Database, orders: PurchaseOrderActivities) -> None:
    order = await sent(db, await draft_of(db, await add_stock(db, 0)))
    assert order.expected_at is not None
    assert order.sent_at is not None
    assert order.expected_at - order.sent_at < timedelta(days=7, minutes=1)
    alarm = step(order, Step.LATE, CLOCK, decision_id=f"late-{order.version}")
    early = await orders.take(alarm)
    assert (early.changed, early.wakes_at) == (False, order.expected_at)
    await make_due(db, order)
    late = await orders.take(alarm)
    assert (late.changed, late.is_late, late.status, late.wakes_at) == (True, True, "SENT", None)
    [alert] = await alerts_of(db, order)
    assert (alert.kind, alert.warehouse_id, alert.resolved_at) == ("purchase_order_late", order.warehouse_id, None)
    assert (await orders.take(arrival(order, **{order.lines[0].sku: 1}))).is_late
    assert (await orders.take(arrival(order))).status == "RECEIVED"
    assert [alert.resolution for alert in await alerts_of(db, order)] == ["recovered"]
    await assert_documented(db, order.purchase_order_id)


async def test_a_late_order_that_is_given_up_is_nobodys_worry_any_more(
    db: Database, orders: PurchaseOrderActivities
) -> None:
    order = await sent(db, await draft_of(db, await add_stock(db, 0)))
    await make_due(db, order)
    await orders.take(step(order, Step.LATE, CLOCK))
    await orders.take(step(order, Step.CANCEL))
    assert [alert.resolution for alert in await alerts_of(db, order)] == ["recovered"]


async def alerts_of(db: Database, order: PurchaseOrder) -> list[Any]:
    statement = text("select * from alerts where subject_id = :id")
    async with db.read() as session:
        return list((await session.execute(statement, {"id": order.purchase_order_id})).all())


async def test_a_date_that_was_agreed_stays_and_is_in_the_future(db: Database, orders: PurchaseOrderActivities) -> None:
    item, agreed = await add_stock(db, 0), datetime.now(UTC) + timedelta(days=2)
    order = await draft_of(db, item, expected_at=agreed)
    opened = await orders.open(PurchaseOrderRequest(purchase_order_id=order.purchase_order_id, title="x"))
    assert (opened.status, opened.wakes_for, opened.wakes_at) == ("DRAFT", "late", agreed)
    assert (await sent(db, order)).expected_at == agreed
    for wrong in (datetime.now(UTC) - timedelta(seconds=1), datetime.fromisoformat("9999-12-31T23:59:59-12:00")):
        with pytest.raises(Unprocessable) as refused:
            await draft_of(db, item, expected_at=wrong)
        assert refused.value.extra["errors"][0]["pointer"] == "/expectedAt"


async def test_nothing_is_ordered_from_or_for_somebody_who_is_not_in_use(
    db: Database, orders: PurchaseOrderActivities
) -> None:
    closed, idle = await add_warehouse(db, is_active=False), await add_supplier(db, is_active=False)
    nobody = await add_supplier(db)
    for supplier, place, pointers in (
        (idle, closed.warehouse_id, {"/supplierId", "/warehouseId"}),
        (nobody, uuid.uuid4(), {"/warehouseId"}),
    ):
        with pytest.raises(UnknownItem) as refused:
            await draft(db, supplier, place, {"A": 1})
        assert {problem["pointer"] for problem in refused.value.extra["errors"]} == pointers


async def test_a_workflow_without_a_row_ends(orders: PurchaseOrderActivities) -> None:
    with pytest.raises(ApplicationError) as failed:
        await orders.open(PurchaseOrderRequest(purchase_order_id=uuid.uuid4(), title="x"))
    assert (failed.value.type, failed.value.non_retryable) == ("not_found", True)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("quantity = 0, quantity_outstanding = 0", "quantity_in_range"),
        ("unit_cost = -1", "unit_cost_in_range"),
        ("quantity_received = 21, quantity_outstanding = 0", "received_in_range"),
        ("quantity_outstanding = 9", "outstanding_is_the_rest"),
        ("quantity_received = 4", "outstanding_is_the_rest"),
    ],
)
async def test_an_impossible_line_is_refused(
    db: Database, orders: PurchaseOrderActivities, change: str, constraint: str
) -> None:
    order = await draft_of(db, await add_stock(db, 0))
    with pytest.raises(DBAPIError, match=f"purchase_order_lines_{constraint}"):
        async with db.write() as session:
            await session.execute(
                text(f"update purchase_order_lines set {change} where purchase_order_id = :id"),
                {"id": order.purchase_order_id},
            )


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("status = 'LOST'", "status_known"),
        ("status = 'CANCELLED'", "end_once"),
        ("closed_at = now()", "end_once"),
        ("wakes_at = now()", "wake_while_open"),
        ("status = 'SENT', decided_by = uuidv7(), decided_at = now()", "sent_before_received"),
        ("currency = 'eur'", "currency_is_a_code"),
    ],
)
async def test_an_impossible_order_is_refused(
    db: Database, orders: PurchaseOrderActivities, change: str, constraint: str
) -> None:
    order = await draft_of(db, await add_stock(db, 0))
    with pytest.raises(DBAPIError, match=f"purchase_orders_{constraint}"):
        async with db.write() as session:
            await session.execute(
                text(f"update purchase_orders set {change} where purchase_order_id = :id"),
                {"id": order.purchase_order_id},
            )
