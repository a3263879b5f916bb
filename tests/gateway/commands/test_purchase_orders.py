"""Purchasing and restocking with the commands, the workflows and the activities on real servers, by every door."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from temporalio.client import Client

from activities.maintenance import MaintenanceActivities
from activities.restock import RestockActivities
from db.availability_view import AvailabilityView
from db.engine import Database
from db.paging import PageRequest
from db.purchase_order_rows import PurchaseOrderFilter, of_restock_run
from db.restock import RestockFilter
from domain.contracts.names import operation_workflow_id
from domain.contracts.operations import SkuQuantity
from domain.contracts.reservations import Source
from domain.contracts.restock import RestockReport
from domain.errors import (
    NotFound,
    OperationClosed,
    ReceiptExceedsOrder,
    ReceiptMismatch,
    SelfApproval,
    Unavailable,
    UnknownItem,
    Unprocessable,
)
from domain.ids import CLOCK, RESTOCK, RESTOCK_POLICY, Actor, actor_from_subject
from domain.operations import OperationKind, Step
from domain.purchase_orders import NewPurchaseOrder, PurchaseOrder, PurchaseOrderStatus, WantedLine
from domain.restock import RestockMode
from domain.stock import StockItem
from domain.suppliers import Supplier
from domain.warehouses import Warehouse
from gateway.auth import Caller
from gateway.commands.operations import OperationDesk
from gateway.commands.purchase_orders import PurchaseOrderCommands
from gateway.commands.restock import RestockCommands
from gateway.operation_views import OperationViews
from gateway.purchasing import PurchasingViews
from runtime.search_attributes import ensure_search_attributes
from runtime.settings import Settings
from tests.buying import activities_of, add_supplier, incoming_to, make_due, order_now, sell, sent, step
from tests.gateway.commands.desk import closed, connect
from tests.patience import PATIENCE_SECONDS
from tests.stocking import add_stock, add_warehouse, assert_documented, assert_invariants, audit_of, stock_now
from workers.temporal_workers import maintenance_worker, operations_worker

ANN = Caller(actor_from_subject(Settings().jwt_issuer, "ann"), "ann", frozenset(), "request-1", source=Source.GRPC)
BOSS = Caller(Actor(uuid.uuid4(), "boss"), "boss", frozenset(), "request-2", source=Source.REST)


@pytest.fixture(scope="module")
async def temporal(settings: Settings) -> Client:
    client = await connect(settings)
    await ensure_search_attributes(client)
    return client


@pytest.fixture(scope="module")
async def working(db: Database, temporal: Client, settings: Settings) -> AsyncIterator[None]:
    maintenance = MaintenanceActivities(db, temporal, settings)
    async with (
        operations_worker(temporal, db, settings),
        maintenance_worker(temporal, maintenance, RestockActivities(db), settings),
    ):
        yield


@pytest.fixture(scope="module")
def commands(db: Database, temporal: Client, view: AvailabilityView) -> PurchaseOrderCommands:
    return PurchaseOrderCommands(
        db, OperationDesk(database=db, temporal=temporal, deadline_seconds=6 * PATIENCE_SECONDS), view
    )


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
    assert await (await workflow(temporal, made).describe()).static_details() == "source grpc, request `request-1`"
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
    trail = await audit_of(db, OperationKind.PURCHASE_ORDER, made.purchase_order_id)
    assert [(line.step, line.performed_by_name, line.source, line.refusal_code) for line in trail] == [
        ("draft", "ann", "grpc", None),
        ("approve", "ann", "grpc", "self_approval"),
        ("approve", "boss", "rest", None),
        ("send", "ann", "grpc", None),
        ("receive", "ann", "grpc", "receipt_exceeds_order"),
        ("receive", "ann", "grpc", None),
        ("receive", "ann", "grpc", None),
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
    trail = await audit_of(db, OperationKind.PURCHASE_ORDER, made.purchase_order_id)
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


async def low(db: Database, place: Warehouse, *suppliers: Supplier) -> StockItem:
    item = await add_stock(db, 3, warehouse=place, reorder_quantity=20)
    for supplier in suppliers:
        await sell(db, supplier, item.sku, pack_size=12)
    return item


async def test_suggestions_say_what_to_order_from_whom_and_what_cannot_be(db: Database) -> None:
    views, place = PurchasingViews(db), await add_warehouse(db)
    cheap, dear = await add_supplier(db), await add_supplier(db, lead_time_days=1)
    both, nobodys = await low(db, place, cheap), await low(db, place)
    await sell(db, dear, both.sku, unit_cost=99)
    await add_stock(db, 11, warehouse=place)
    filters = RestockFilter(warehouse_id=place.warehouse_id)
    first = await views.restock_suggestions(filters, PageRequest(size=1))
    rest = await views.restock_suggestions(filters, PageRequest(size=1, token=first.next_token))
    found = {each.row.item.sku: each for each in (*first.items, *rest.items)}
    assert rest.next_token is None
    assert found.keys() == {both.sku, nobodys.sku}
    assert (found[both.sku].quantity, found[nobodys.sku].quantity) == (24, 20)
    offer = found[both.sku].offer
    assert offer is not None
    assert (offer.supplier_id, found[nobodys.sku].offer) == (cheap.supplier_id, None)
    theirs = RestockFilter(supplier_id=dear.supplier_id)
    [only] = (await views.restock_suggestions(theirs, PageRequest())).items
    assert only.offer is not None
    assert (only.offer.supplier_id, only.offer.lead_time_days, only.quantity) == (dear.supplier_id, 1, 20)
    assert (await views.restock_suggestions(RestockFilter(sku="unknown"), PageRequest())).items == ()


async def run(temporal: Client, mode: RestockMode, run_id: uuid.UUID | None = None) -> tuple[str, RestockReport]:
    workflow_id = await RestockCommands(temporal, mode).run(ANN, run_id=run_id or uuid.uuid4())
    report: RestockReport = await temporal.get_workflow_handle(workflow_id, result_type=RestockReport).result()
    return workflow_id, report


@pytest.mark.usefixtures("working")
@pytest.mark.parametrize("mode", [RestockMode.REVIEW, RestockMode.OFF])
async def test_a_run_drafts_one_order_for_each_supplier_and_warehouse_and_a_second_run_none(
    db: Database, temporal: Client, commands: PurchaseOrderCommands, mode: RestockMode
) -> None:
    places, suppliers = [await add_warehouse(db) for _ in range(2)], [await add_supplier(db) for _ in range(2)]
    for place in places:
        for supplier in suppliers:
            for _ in range(2):
                await low(db, place, supplier)
    run_id = uuid.uuid4()
    workflow_id, report = await run(temporal, mode, run_id)
    described = await temporal.get_workflow_handle(workflow_id).describe()
    assert await described.static_details() == "source grpc, request `request-1`"
    orders = await db.reading(lambda session: of_restock_run(session, workflow_id))
    mine = [order for order in orders if order.warehouse_id in {place.warehouse_id for place in places}]
    assert len({(order.supplier_id, order.warehouse_id) for order in mine}) == len(mine) == 4
    assert {len(order.lines) for order in mine} == {2}
    assert {(order.status, order.requested_by) for order in mine} == {(PurchaseOrderStatus.DRAFT, RESTOCK.actor_id)}
    assert {order.number for order in orders} == set(report.orders)
    assert (await run(temporal, mode))[1].orders == []
    assert await run(temporal, mode, run_id) == (workflow_id, report), "the same id is the same run"
    assert (await decide(commands, mine[0], Step.APPROVE, ANN)).status is PurchaseOrderStatus.APPROVED
    await assert_invariants(db)


@pytest.mark.usefixtures("working")
async def test_an_automatic_run_sends_what_it_drafts(
    db: Database, temporal: Client, commands: PurchaseOrderCommands
) -> None:
    place, supplier = await add_warehouse(db), await add_supplier(db)
    item = await low(db, place, supplier)
    workflow_id, _ = await run(temporal, RestockMode.AUTOMATIC)
    orders = await db.reading(lambda session: of_restock_run(session, workflow_id))
    [order] = [each for each in orders if each.warehouse_id == place.warehouse_id]
    async with asyncio.timeout(15):
        while (await order_now(db, order)).status is not PurchaseOrderStatus.SENT:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.05)
    trail = await audit_of(db, OperationKind.PURCHASE_ORDER, order.purchase_order_id)
    assert [(line.step, line.performed_by_name) for line in trail] == [
        ("draft", RESTOCK.name),
        ("approve", RESTOCK_POLICY.name),
        ("send", RESTOCK_POLICY.name),
    ]
    done = await decide(commands, order, Step.RECEIVE, ANN)
    assert (done.status, (await stock_now(db, item)).quantity_total) == (PurchaseOrderStatus.RECEIVED, 27)


async def test_a_run_that_cannot_be_started_is_not_promised(settings: Settings) -> None:
    away = await Client.connect(settings.temporal_address, namespace="nowhere")
    with pytest.raises(Unavailable):
        await RestockCommands(away, RestockMode.REVIEW).run(ANN, run_id=uuid.uuid4())
