"""Purchasing and restocking with the commands, the workflows and the activities on real servers, by every door."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from temporalio.client import Client

from activities.maintenance import MaintenanceActivities
from db.availability_view import AvailabilityView
from db.engine import Database
from db.paging import PageRequest
from db.purchase_order_rows import PurchaseOrderFilter
from domain.contracts.names import operation_workflow_id
from domain.contracts.operations import SkuQuantity
from domain.errors import (
    NotFound,
    OperationClosed,
    ReceiptExceedsOrder,
    ReceiptMismatch,
    SelfApproval,
    UnknownItem,
    Unprocessable,
)
from domain.ids import CLOCK, Actor, actor_from_subject
from domain.operations import OperationKind, Step
from domain.purchase_orders import NewPurchaseOrder, PurchaseOrder, PurchaseOrderStatus, WantedLine
from domain.stock import StockItem
from domain.suppliers import Supplier
from gateway.auth import Caller
from gateway.commands.operations import OperationDesk
from gateway.commands.purchase_orders import PurchaseOrderCommands
from gateway.operation_views import OperationViews
from runtime.settings import Settings
from runtime.temporal import ensure_search_attributes
from tests.buying import activities_of, add_supplier, incoming_to, make_due, sell, sent, step
from tests.gateway.commands.desk import closed, connect
from tests.stocking import add_stock, assert_documented, assert_invariants, stock_now
from workers.temporal_workers import operations_worker

ANN = Caller(actor_from_subject(Settings().jwt_issuer, "ann"), "ann", frozenset(), "request-1")
BOSS = Caller(Actor(uuid.uuid4(), "boss"), "boss", frozenset(), "request-2")


@pytest.fixture(scope="module")
async def temporal(settings: Settings) -> Client:
    client = await connect(settings)
    await ensure_search_attributes(client)
    return client


@pytest.fixture(scope="module")
async def working(db: Database, temporal: Client, settings: Settings) -> AsyncIterator[None]:
    async with operations_worker(temporal, db, settings):
        yield


@pytest.fixture(scope="module")
def commands(db: Database, temporal: Client, view: AvailabilityView) -> PurchaseOrderCommands:
    return PurchaseOrderCommands(db, OperationDesk(database=db, temporal=temporal, deadline_seconds=10), view)


@pytest.fixture
async def item(db: Database) -> StockItem:
    return await add_stock(db, 3, reorder_quantity=20)


@pytest.fixture
async def supplier(db: Database, item: StockItem) -> Supplier:
    supplier = await add_supplier(db)
    await sell(db, supplier, item.sku, pack_size=12)
    return supplier


def wanted(supplier: Supplier, item: StockItem, quantity: int = 24) -> NewPurchaseOrder:
    return NewPurchaseOrder(
        supplier_id=supplier.supplier_id,
        warehouse_id=item.warehouse_id,
        lines=(WantedLine(sku=item.sku, quantity=quantity),),
    )


async def drafted(commands: PurchaseOrderCommands, supplier: Supplier, item: StockItem) -> PurchaseOrder:
    return await commands.create(wanted(supplier, item), ANN, purchase_order_id=uuid.uuid4())


async def decide(
    commands: PurchaseOrderCommands, order: PurchaseOrder, step: Step, by: Caller = BOSS, **said: Any
) -> PurchaseOrder:
    return await commands.decide(order.purchase_order_id, step, by, **{"decision_id": uuid.uuid4(), **said})


def arrived(item: StockItem, quantity: int) -> list[SkuQuantity]:
    return [SkuQuantity(sku=item.sku, quantity=quantity)]


def workflow(temporal: Client, order: PurchaseOrder) -> Any:
    workflow_id = operation_workflow_id(OperationKind.PURCHASE_ORDER, order.purchase_order_id)
    return temporal.get_workflow_handle(workflow_id, result_type=str)


@pytest.mark.usefixtures("working")
async def test_an_order_is_approved_sent_and_received_in_parts(
    db: Database, commands: PurchaseOrderCommands, temporal: Client, supplier: Supplier, item: StockItem
) -> None:
    made = await drafted(commands, supplier, item)
    with pytest.raises(SelfApproval):
        await decide(commands, made, Step.APPROVE, ANN)
    assert (await decide(commands, made, Step.APPROVE)).status is PurchaseOrderStatus.APPROVED
    assert (await decide(commands, made, Step.SEND, ANN)).expected_at is not None
    with pytest.raises(ReceiptExceedsOrder):
        await decide(commands, made, Step.RECEIVE, ANN, lines=arrived(item, 27))
    slip = {"receipt_id": "GRN-1", "lines": arrived(item, 20)}
    partly = await decide(commands, made, Step.RECEIVE, ANN, **slip)
    assert partly.status is PurchaseOrderStatus.PARTIALLY_RECEIVED
    assert await decide(commands, made, Step.RECEIVE, ANN, **slip) == partly
    done = await decide(commands, made, Step.RECEIVE, ANN)
    assert (done.status, done.lines[0].quantity_received) == (PurchaseOrderStatus.RECEIVED, 24)
    assert await workflow(temporal, made).result() == "RECEIVED"
    assert (await stock_now(db, item)).quantity_total == 27
    trail = await OperationViews(db).audit_trail(made.purchase_order_id)
    assert [(line.step, line.performed_by_name, line.refusal_code) for line in trail] == [
        ("draft", "ann", None),
        ("approve", "ann", "self_approval"),
        ("approve", "boss", None),
        ("send", "ann", None),
        ("receive", "ann", "receipt_exceeds_order"),
        ("receive", "ann", None),
        ("receive", "ann", None),
    ]
    await assert_documented(db, made.purchase_order_id)
    await assert_invariants(db)


@pytest.mark.usefixtures("working")
async def test_after_the_end_a_slip_that_was_counted_is_answered_and_anything_else_is_too_late(
    commands: PurchaseOrderCommands, temporal: Client, supplier: Supplier, item: StockItem
) -> None:
    made = await drafted(commands, supplier, item)
    await decide(commands, made, Step.APPROVE)
    await decide(commands, made, Step.SEND)
    done = await decide(commands, made, Step.RECEIVE, receipt_id="GRN-1")
    await closed(workflow(temporal, made))
    assert await decide(commands, made, Step.RECEIVE, receipt_id="GRN-1") == done
    with pytest.raises(ReceiptMismatch):
        await decide(commands, made, Step.RECEIVE, receipt_id="GRN-1", lines=arrived(item, 1))
    for late in (Step.APPROVE, Step.SEND, Step.RECEIVE, Step.CLOSE, Step.CANCEL):
        with pytest.raises(OperationClosed):
            await decide(commands, made, late, reason="x")


@pytest.mark.usefixtures("working")
async def test_people_in_temporal_ui_need_a_name_and_what_they_say(
    db: Database, commands: PurchaseOrderCommands, temporal: Client, supplier: Supplier, item: StockItem
) -> None:
    made = await drafted(commands, supplier, item)
    handle = workflow(temporal, made)
    await handle.signal("approve", {"actor_name": "ann"})
    await handle.signal("approve", {"actor_name": "carl"})
    await handle.signal("send", {"actor_name": "ann"})
    await handle.signal("receive", {"actor_name": "dora", "lines": [{"sku": item.sku, "quantity": 5}]})
    await handle.signal("close", {"actor_name": "dora", "reason": "discontinued"})
    assert await handle.result() == "CLOSED"
    trail = await OperationViews(db).audit_trail(made.purchase_order_id)
    assert [(line.step, line.performed_by_name, line.source, line.refusal_code) for line in trail[1:]] == [
        ("approve", "ann", "temporal", "self_approval"),
        ("approve", "carl", "temporal", None),
        ("send", "ann", "temporal", None),
        ("receive", "dora", "temporal", None),
        ("close", "dora", "temporal", None),
    ]
    assert (await incoming_to(db, item)).on_order == 0


@pytest.mark.usefixtures("working")
async def test_asking_again_with_the_same_id_answers_the_order_as_it_is(
    commands: PurchaseOrderCommands, supplier: Supplier, item: StockItem
) -> None:
    order_id = uuid.uuid4()
    first = await commands.create(wanted(supplier, item), ANN, purchase_order_id=order_id)
    approved = await decide(commands, first, Step.APPROVE)
    assert await commands.create(wanted(supplier, item), ANN, purchase_order_id=order_id) == approved
    with pytest.raises(Unprocessable) as wrong:
        await commands.create(wanted(supplier, item, 13), ANN, purchase_order_id=uuid.uuid4())
    assert "must be 24" in wrong.value.extra["errors"][0]["detail"]
    nobody = replace(wanted(supplier, item), supplier_id=uuid.uuid4())
    with pytest.raises(UnknownItem):
        await commands.create(nobody, ANN, purchase_order_id=uuid.uuid4())


@pytest.mark.usefixtures("working")
async def test_a_decision_finds_an_order_whose_workflow_is_gone(
    commands: PurchaseOrderCommands, temporal: Client, supplier: Supplier, item: StockItem
) -> None:
    made = await drafted(commands, supplier, item)
    await workflow(temporal, made).terminate()
    assert (await decide(commands, made, Step.CANCEL)).status is PurchaseOrderStatus.CANCELLED
    with pytest.raises(NotFound):
        await decide(commands, replace(made, purchase_order_id=uuid.uuid4()), Step.CANCEL)


@pytest.mark.usefixtures("working")
async def test_reconcile_starts_the_workflow_of_an_order_that_lost_it(
    db: Database, commands: PurchaseOrderCommands, temporal: Client, supplier: Supplier, item: StockItem
) -> None:
    made = await drafted(commands, supplier, item)
    await workflow(temporal, made).terminate()
    async with db.write() as session:
        await session.execute(
            text("""update purchase_orders set requested_at = requested_at - interval '1 minute'
                    where purchase_order_id = :id"""),
            {"id": made.purchase_order_id},
        )
    assert await MaintenanceActivities(db, temporal, Settings()).adopt_orphans() >= 1
    handle = workflow(temporal, made)
    await handle.signal("reject", {"actor_name": "dora"})
    assert await handle.result() == "REJECTED"


@pytest.mark.usefixtures("working")
async def test_orders_are_listed_newest_first_by_what_people_look_for(
    db: Database, commands: PurchaseOrderCommands, supplier: Supplier, item: StockItem
) -> None:
    views = OperationViews(db)
    made = [await drafted(commands, supplier, item) for _ in range(3)]
    for order in made[:2]:
        await make_due(db, await sent(db, order))
        await activities_of(db).take(step(order, Step.LATE, CLOCK))
    await decide(commands, made[0], Step.CANCEL)

    async def found(**fields: Any) -> list[int]:
        filters = PurchaseOrderFilter(**{"supplier_id": supplier.supplier_id, **fields})
        first = await views.purchase_order_list(filters, PageRequest(size=2))
        rest = (await views.purchase_order_list(filters, PageRequest(size=2, token=first.next_token))).items
        both = (*first.items, *(rest if first.next_token else ()))
        return [made.index(next(one for one in made if one.order_number == each.order_number)) for each in both]

    assert await found() == [2, 1, 0]
    assert await found(status=PurchaseOrderStatus.DRAFT) == [2]
    assert await found(sku=item.sku, warehouse_id=item.warehouse_id) == [2, 1, 0]
    assert await found(sku="another") == []
    assert await found(late=True) == [1], "one that has ended is not late any more"
    assert await found(late=False) == [2, 0]
    with pytest.raises(NotFound):
        await views.purchase_order(uuid.uuid4())
