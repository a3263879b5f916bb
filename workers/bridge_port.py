"""What the bridge needs of the reservations' workflows, without knowing Temporal. Implemented by bridge_temporal.py."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from domain.contracts.reservations import Decision, DecisionRequest, HoldRequest


class ReservationWorkflows(Protocol):
    """Every call may be repeated: the reservation id and the decision id make it one. All raise Unavailable."""

    async def start(self, request: HoldRequest) -> None:
        """Have a workflow hold the stock; one that runs already is left as it is."""

    async def decide(self, reservation_id: UUID, decision: Decision, request: DecisionRequest) -> bool:
        """Hand a decision to the workflow; False when none is running for this reservation."""

    async def adopt(self, row: HoldRequest, decision: Decision, request: DecisionRequest) -> None:
        """Start a workflow for a reservation that has lost its own, and hand it the decision."""
