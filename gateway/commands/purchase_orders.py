"""What people do about purchase orders, through any protocol: draft one, and decide about it step by step."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from db import purchase_orders
from db.availability_view import AvailabilityView
from db.engine import Database
from db.purchase_order_rows import get
from db.purchase_orders import Draft
from db.registers import PURCHASE_ORDERS
from domain.contracts.operation_starts import purchase_order_start
from domain.contracts.operations import SkuQuantity
from domain.operations import Step
from domain.purchase_orders import NewPurchaseOrder, PurchaseOrder
from gateway.auth import Caller
from gateway.commands.operations import OperationDesk, decision_of
from runtime.logs import get_logger

_log = get_logger(__name__)


class PurchaseOrderCommands:
    """Commands on purchase orders. They raise domain errors only."""

    def __init__(self, database: Database, desk: OperationDesk, view: AvailabilityView) -> None:
        self._database = database
        self._desk = desk
        self._view = view

    async def create(self, new: NewPurchaseOrder, caller: Caller, *, purchase_order_id: UUID) -> PurchaseOrder:
        """Draft an order, which then waits for approval; a repeat with the same id answers it as it is now.

        Raises Unprocessable, UnknownItem (supplier, warehouse, a SKU that the supplier does not sell).
        """
        asked = Draft(
            purchase_order_id=purchase_order_id,
            new=new,
            actor=caller.actor,
            source=caller.source,
            traceparent=caller.traceparent,
        )
        made = await self._database.writing(lambda session: purchase_orders.draft(session, asked), idempotent=True)
        await self._desk.begin(purchase_order_start(made), caller)
        _log.info("purchase_order_drafted", number=made.number, performed_by=caller.actor.name)
        return made

    async def decide(
        self,
        purchase_order_id: UUID,
        step: Step,
        caller: Caller,
        *,
        decision_id: UUID,
        reason: str = "",
        lines: Sequence[SkuQuantity] = (),
        receipt_id: str = "",
    ) -> PurchaseOrder:
        """Take one step; a repeat with the same `decision_id` answers the order as it is now.

        Raises NotFound, OperationClosed, StepNotAllowed, what refused the step, and OutcomeUnknown.
        """
        asked = decision_of(caller, decision_id, reason=reason, lines=list(lines), receipt_id=receipt_id)
        await self._desk.decide(PURCHASE_ORDERS, purchase_order_id, step, asked)
        order = await self._database.reading(lambda session: get(session, purchase_order_id))
        assert order is not None, "it took a step a moment ago"
        await self._view.forget([line.sku for line in order.lines])
        return order
