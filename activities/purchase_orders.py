"""The steps of purchase orders: approve, reject, send, receive, close, cancel, and the clock's: late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from temporalio import activity

from activities.operations import Noun, StepTaken, for_temporal, take_step
from db import operations, purchase_orders, purchase_receipts, receipts, supplier_items, suppliers, tables, warehouses
from db.alerts import raise_alert, resolve_alerts
from db.engine import Database, ReadSession, WriteSession
from db.operations import Advance
from db.purchase_order_rows import facts_of, get
from domain.alerts import AlertKind, Resolution
from domain.contracts.operations import StepOutcome, StepRequest
from domain.contracts.purchase_orders import PurchaseOrderRequest
from domain.errors import HoldfastError, NotFound
from domain.events import Produced
from domain.lines import pieces_by_sku
from domain.operations import OperationKind, Step
from domain.purchase_orders import (
    PurchaseOrder,
    PurchaseOrderStatus,
    check_closing,
    check_in_use,
    check_step_of,
    expected_at,
)
from domain.purchase_receipts import receivable, status_after_receipt
from domain.suppliers import Supplier
from runtime.settings import Settings
from workflows import ports

Taken = StepTaken[PurchaseOrder]


class PurchaseOrderActivities(ports.PurchaseOrderActivities):
    """The implementation on real Postgres."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._issuer = settings.jwt_issuer
        self._over_percent = settings.purchase_over_receipt_percent
        self._noun = Noun(
            kind=OperationKind.PURCHASE_ORDER,
            table=tables.purchase_orders,
            read=get,
            facts_of=facts_of,
            effects={
                Step.APPROVE: _approve,
                Step.REJECT: _reject,
                Step.SEND: _send,
                Step.RECEIVE: self._receive,
                Step.CLOSE: _close,
                Step.CANCEL: _cancel,
                Step.LATE: _late,
            },
        )

    @activity.defn(name="open_purchase_order")
    async def open(self, request: PurchaseOrderRequest) -> StepOutcome:
        """The order's row as it is now: it was drafted before its workflow started."""
        try:
            return await self._database.reading(lambda session: _open(session, request))
        except HoldfastError as error:
            raise for_temporal(error) from error

    @activity.defn(name="take_purchase_order_step")
    async def take(self, request: StepRequest) -> StepOutcome:
        """Take one step under its rules, or record who was refused and why."""
        return await take_step(self._database, self._noun, request, issuer=self._issuer)

    async def _receive(self, session: WriteSession, taken: Taken) -> Advance | None:
        """Put what arrived on the shelves; nothing for a receipt that has been counted, whenever it comes again."""
        order, asked = taken.operation, taken.decision
        if await receipts.is_counted(session, order.purchase_order_id, asked):
            return None
        check_step_of(order, taken.step, taken.actor.actor_id)
        said = pieces_by_sku((line.sku, line.quantity) for line in asked.lines)
        arrived = receivable(order, said, over_percent=self._over_percent)
        await purchase_receipts.put_on_shelves(
            session,
            order,
            arrived,
            actor=taken.actor,
            receipt_id=asked.receipt_id,
            traceparent=asked.traceparent,
        )
        await purchase_orders.take_in(session, order.purchase_order_id, arrived)
        status = status_after_receipt(order, arrived)
        is_closed = status is PurchaseOrderStatus.RECEIVED
        if is_closed:
            await _no_longer_late(session, taken)
        lines = [{"sku": sku, "quantity": quantity} for sku, quantity in arrived.items()]
        return Advance(
            status=status,
            event=Produced.PURCHASE_ORDER_RECEIVED,
            wake=None if is_closed else order.wake,
            is_closed=is_closed,
            details={"lines": lines, **receipts.noted(asked)},
            facts={"arrived": lines, "receiptId": asked.receipt_id or None},
        )


async def _open(session: ReadSession, request: PurchaseOrderRequest) -> StepOutcome:
    row = await operations.get(session, tables.purchase_orders, request.purchase_order_id)
    if row is None:
        raise NotFound("no purchase order has this id")
    return operations.outcome_of(row)


async def _approve(session: WriteSession, taken: Taken) -> Advance:
    order = taken.operation
    check_step_of(order, taken.step, taken.actor.actor_id)
    await _check_both_ends(session, order)
    return Advance(
        status=PurchaseOrderStatus.APPROVED,
        event=Produced.PURCHASE_ORDER_APPROVED,
        columns=_decided(taken),
        wake=order.wake,
    )


async def _reject(session: WriteSession, taken: Taken) -> Advance:
    return await _end(session, taken, PurchaseOrderStatus.REJECTED, Produced.PURCHASE_ORDER_REJECTED, _decided(taken))


async def _send(session: WriteSession, taken: Taken) -> Advance:
    """The supplier has it: from now on there is a date by which it should be here."""
    order = taken.operation
    check_step_of(order, taken.step, taken.actor.actor_id)
    supplier = await _check_both_ends(session, order)
    sold = await supplier_items.of_supplier(session, order.supplier_id, {line.sku for line in order.lines})
    due = expected_at(order, supplier, sold, await operations.now(session))
    return Advance(
        status=PurchaseOrderStatus.SENT,
        event=Produced.PURCHASE_ORDER_SENT,
        columns={"sent_at": operations.CLOCK, "expected_at": due},
        wake=replace(order, expected_at=due).wake,
    )


async def _close(session: WriteSession, taken: Taken) -> Advance:
    """Short: what has not come will not come."""
    check_closing(taken.operation, taken.decision.reason)
    return await _end(session, taken, PurchaseOrderStatus.CLOSED, Produced.PURCHASE_ORDER_CLOSED)


async def _cancel(session: WriteSession, taken: Taken) -> Advance:
    return await _end(session, taken, PurchaseOrderStatus.CANCELLED, Produced.PURCHASE_ORDER_CANCELLED)


async def _late(session: WriteSession, taken: Taken) -> Advance:
    """The clock: it should have arrived by now."""
    order = taken.operation
    check_step_of(order, taken.step, taken.actor.actor_id)
    await raise_alert(
        session,
        AlertKind.PURCHASE_ORDER_LATE,
        order.purchase_order_id,
        warehouse_id=order.warehouse_id,
        details={
            "number": order.number,
            "supplierId": str(order.supplier_id),
            "expectedAt": order.expected_at.isoformat() if order.expected_at else None,
        },
    )
    late = {"late_since": operations.CLOCK}
    return Advance(status=order.status, event=Produced.PURCHASE_ORDER_LATE, columns=late)


async def _end(
    session: WriteSession,
    taken: Taken,
    status: PurchaseOrderStatus,
    event: Produced,
    columns: Mapping[str, Any] = MappingProxyType({}),
) -> Advance:
    """A step that ends an order: what it has not brought is no longer on order."""
    order = taken.operation
    check_step_of(order, taken.step, taken.actor.actor_id)
    await purchase_orders.expect_no_more(session, order)
    await _no_longer_late(session, taken)
    why = {"closing_reason": taken.decision.reason}
    return Advance(status=status, event=event, columns={**columns, **why}, is_closed=True)


async def _no_longer_late(session: WriteSession, taken: Taken) -> None:
    if taken.operation.is_late:
        await resolve_alerts(
            session,
            taken.operation.purchase_order_id,
            [AlertKind.PURCHASE_ORDER_LATE],
            Resolution.RECOVERED,
            traceparent=taken.decision.traceparent,
        )


async def _check_both_ends(session: WriteSession, order: PurchaseOrder) -> Supplier:
    """The supplier, which may have gone out of use since the order was drafted, as may the warehouse."""
    supplier = await suppliers.get(session, order.supplier_id)
    warehouse = await warehouses.get(session, order.warehouse_id)
    assert supplier is not None, "suppliers are never deleted"
    assert warehouse is not None, "warehouses are never deleted"
    check_in_use(supplier, warehouse)
    return supplier


def _decided(taken: Taken) -> dict[str, Any]:
    return {
        "decided_by": taken.actor.actor_id,
        "decided_by_name": taken.actor.name,
        "decided_at": operations.CLOCK,
    }
