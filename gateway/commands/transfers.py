"""What may be done to transfers between warehouses, through any protocol."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from db import transfers
from db.availability_view import AvailabilityView
from db.engine import Database
from db.registers import TRANSFERS
from db.transfer_rows import get
from domain.contracts.operation_starts import transfer_start
from domain.contracts.operations import SkuQuantity
from domain.contracts.transfers import TransferRequest
from domain.operations import Step
from domain.transfers import NewTransfer, Transfer, TransferPolicy
from gateway.auth import Caller
from gateway.commands.operations import OperationDesk, decision_of


class TransferCommands:
    """Commands on transfers. They raise domain errors only."""

    def __init__(
        self, database: Database, desk: OperationDesk, view: AvailabilityView, *, policy: TransferPolicy
    ) -> None:
        self._database = database
        self._desk = desk
        self._view = view
        self._policy = policy

    async def request(self, new: NewTransfer, caller: Caller, *, transfer_id: UUID) -> Transfer:
        """Ask for a transfer; a repeat with the same id answers it as it is now.

        Raises Unprocessable, UnknownItem (warehouses, SKUs), WarehouseInactive, AlreadyExists.
        """
        asked = _asked(new, caller, transfer_id)
        made = await self._database.writing(
            lambda session: transfers.request(session, asked, self._policy), idempotent=True
        )
        await self._desk.begin(transfer_start(made), caller)
        return made

    async def decide(
        self,
        transfer_id: UUID,
        step: Step,
        caller: Caller,
        *,
        decision_id: UUID,
        reason: str = "",
        lines: Sequence[SkuQuantity] = (),
        receipt_id: str = "",
        discrepancy: str = "",
    ) -> Transfer:
        """Take one step; a repeat with the same `decision_id` answers the transfer as it is now.

        Raises NotFound, OperationClosed, StepNotAllowed, what refused the step, and OutcomeUnknown.
        """
        asked = decision_of(
            caller,
            decision_id,
            reason=reason,
            lines=list(lines),
            receipt_id=receipt_id,
            discrepancy=discrepancy,
        )
        await self._desk.decide(TRANSFERS, transfer_id, step, asked)
        made = await self._database.reading(lambda session: get(session, transfer_id))
        assert made is not None, "it took a step a moment ago"
        await self._view.forget([line.sku for line in made.lines])
        return made


def _asked(new: NewTransfer, caller: Caller, transfer_id: UUID) -> TransferRequest:
    return TransferRequest(
        transfer_id=transfer_id,
        from_warehouse_id=new.from_warehouse_id,
        to_warehouse_id=new.to_warehouse_id,
        lines=[SkuQuantity(sku=sku, quantity=quantity) for sku, quantity in new.lines.items()],
        actor_id=caller.actor.actor_id,
        actor_name=caller.actor.name,
        reason=new.reason,
        reference=new.reference,
        expected_at=new.expected_at,
        transit_seconds=new.transit_seconds,
        source=caller.source,
        request_id=caller.request_id,
        traceparent=caller.traceparent,
    )
