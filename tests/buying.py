"""Suppliers and purchase orders for tests, made through db/ and the activities so that their trail is true."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text

from activities.purchase_orders import PurchaseOrderActivities
from db import incoming, purchase_order_rows, purchase_orders, supplier_items, suppliers
from db.engine import Database
from db.purchase_orders import Draft
from domain.contracts.operations import SkuQuantity, StaffDecision, StepOutcome, StepRequest
from domain.contracts.reservations import Source
from domain.ids import Actor
from domain.operations import OperationKind, Step
from domain.purchase_orders import NewPurchaseOrder, PurchaseOrder, WantedLine
from domain.stock import Incoming, StockItem
from domain.suppliers import NewSupplier, Supplier, SupplierItem, Terms
from runtime.settings import Settings
from tests.stocking import TESTER, audit_of, unique

BUYER_IN_CHIEF = Actor(uuid.uuid4(), "chief")


async def add_supplier(database: Database, **fields: Any) -> Supplier:
    """A supplier with a code of its own; `fields` of NewSupplier."""
    code = unique("S")
    new, supplier_id = NewSupplier(**{"code": code, "name": code, "currency": "EUR", **fields}), uuid.uuid4()

    async def work(session: Any) -> Supplier | None:
        await suppliers.add(session, new, supplier_id)
        return await suppliers.get(session, supplier_id)

    made = await database.writing(work)
    assert made is not None
    return made


async def sell(database: Database, supplier: Supplier, sku: str, **terms: Any) -> SupplierItem:
    """A SKU that the supplier sells, by default for 2.50 a piece."""
    values = Terms(**{"unit_cost": Decimal("2.5"), **terms})
    written = await database.writing(
        lambda session: supplier_items.put(session, supplier.supplier_id, sku, values, expected_version=None)
    )
    assert written is not None
    return written[0]


async def draft(
    database: Database, supplier: Supplier, warehouse_id: UUID, lines: Mapping[str, int], **fields: Any
) -> PurchaseOrder:
    """An order of the tester; `fields` of NewPurchaseOrder."""
    wanted = tuple(WantedLine(sku=sku, quantity=quantity) for sku, quantity in lines.items())
    new = NewPurchaseOrder(supplier_id=supplier.supplier_id, warehouse_id=warehouse_id, lines=wanted, **fields)
    asked = Draft(purchase_order_id=uuid.uuid4(), new=new, actor=TESTER, source=Source.REST)
    return await database.writing(lambda session: purchase_orders.draft(session, asked))


async def draft_of(database: Database, *items: StockItem, quantity: int = 10, **fields: Any) -> PurchaseOrder:
    """An order of some pieces for each of these rows of one warehouse, from a new supplier."""
    supplier = await add_supplier(database)
    for item in items:
        await sell(database, supplier, item.sku)
    lines = {item.sku: quantity for item in items}
    return await draft(database, supplier, items[0].warehouse_id, lines, **fields)


def step(order: PurchaseOrder, taken: Step, actor: Actor = BUYER_IN_CHIEF, **fields: Any) -> StepRequest:
    """A step of somebody who did not ask for the order; `fields` of StaffDecision."""
    decision = StaffDecision(
        **{"decision_id": str(uuid.uuid4()), "actor_id": actor.actor_id, "actor_name": actor.name, **fields}
    )
    return StepRequest(operation_id=order.purchase_order_id, step=taken, decision=decision)


def arrival(order: PurchaseOrder, receipt_id: str = "", **pieces: int) -> StepRequest:
    """What arrived: pieces by SKU, all that is outstanding when nothing is said."""
    lines = [SkuQuantity(sku=sku, quantity=quantity) for sku, quantity in pieces.items()]
    return step(order, Step.RECEIVE, lines=lines, receipt_id=receipt_id)


def activities_of(database: Database, **settings: Any) -> PurchaseOrderActivities:
    """The steps of purchase orders."""
    return PurchaseOrderActivities(database, Settings(**settings))


async def sent(database: Database, order: PurchaseOrder) -> PurchaseOrder:
    """The order approved and sent."""
    for taken in (Step.APPROVE, Step.SEND):
        outcome = await activities_of(database).take(step(order, taken))
        assert outcome.changed, outcome
    return await order_now(database, order)


async def order_now(database: Database, order: PurchaseOrder) -> PurchaseOrder:
    """The order as it is now."""
    found = await database.reading(lambda session: purchase_order_rows.get(session, order.purchase_order_id))
    assert found is not None
    return found


async def received(database: Database, order: PurchaseOrder) -> dict[str, int]:
    """Pieces received by SKU."""
    return {line.sku: line.quantity_received for line in (await order_now(database, order)).lines}


async def incoming_to(database: Database, item: StockItem) -> Incoming:
    """What is on its way to a row."""
    place = (item.sku, item.warehouse_id)
    return (await database.reading(lambda session: incoming.to_places(session, [place])))[place]


async def make_due(database: Database, order: PurchaseOrder) -> None:
    """As if the clock had gone on to the next alarm."""
    async with database.write() as session:
        await session.execute(
            text("update purchase_orders set wakes_at = clock_timestamp() where purchase_order_id = :id"),
            {"id": order.purchase_order_id},
        )


async def trail_of(database: Database, order: PurchaseOrder) -> list[tuple[str, str | None]]:
    """The steps of an order, each with what refused it."""
    trail = await audit_of(database, OperationKind.PURCHASE_ORDER, order.purchase_order_id)
    return [(line.step, line.refusal_code) for line in trail]


def refusal(outcome: StepOutcome) -> tuple[str, bool]:
    """Why a step was refused, and whether it changed something all the same."""
    return outcome.refusal_code, outcome.changed
