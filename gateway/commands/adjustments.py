"""What people decide about adjustments that are too large for one of them, through any protocol."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from db.adjustment_rows import get
from db.availability_view import AvailabilityView
from db.engine import Database
from db.registers import ADJUSTMENTS
from domain.adjustments import StockAdjustment
from domain.contracts.operation_starts import adjustment_start
from domain.operations import Step
from gateway.auth import Caller
from gateway.commands.operations import OperationDesk, decision_of

Begin = Callable[[StockAdjustment, Caller], Awaitable[None]]
"""How the workflow of a pending adjustment is started for whoever asked."""


async def leave_to_reconcile(_adjustment: StockAdjustment, _caller: Caller) -> None:
    """For a process without Temporal: the Reconcile schedule starts the workflow within a minute."""


class AdjustmentCommands:
    """Commands on adjustments. They raise domain errors only."""

    def __init__(self, database: Database, desk: OperationDesk, view: AvailabilityView) -> None:
        self._database = database
        self._desk = desk
        self._view = view

    async def begin(self, adjustment: StockAdjustment, caller: Caller) -> None:
        """Let the workflow of a pending adjustment wait for a decision."""
        await self._desk.begin(adjustment_start(adjustment), caller)

    async def decide(
        self, adjustment_id: UUID, step: Step, caller: Caller, *, reason: str = "", decision_id: UUID
    ) -> StockAdjustment:
        """Approve, reject or cancel; a repeat with the same `decision_id` answers the adjustment as it is now.

        Raises NotFound, SelfApproval, OperationClosed, InsufficientStock when the stock has moved meanwhile, and
        OutcomeUnknown.
        """
        asked = decision_of(caller, decision_id, reason=reason)
        await self._desk.decide(ADJUSTMENTS, adjustment_id, step, asked)
        made = await self._database.reading(lambda session: get(session, adjustment_id))
        assert made is not None, "it took a step a moment ago"
        await self._view.forget([made.sku])
        return made
