"""The reservations' workflows without Temporal: they hold and settle on real rows, at once or when they are told."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from db import holding, outbox, reservations
from db.engine import Database
from domain.contracts.reservations import Decision, DecisionRequest, HoldRequest, SettleRequest
from domain.errors import Unavailable
from domain.reservations import ReservationStatus

_TARGETS = {Decision.COMMIT: ReservationStatus.COMMITTED, Decision.CANCEL: ReservationStatus.CANCELLED}


class FakeWorkflows:
    """Implements bridge_port.ReservationWorkflows. `asleep` workflows take everything and do nothing until woken."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.available = True
        self.asleep = False
        self.calls: list[tuple[str, UUID]] = []
        self.decisions: list[tuple[Decision, DecisionRequest]] = []
        self._running: dict[UUID, HoldRequest] = {}
        self._waiting: list[tuple[UUID, Decision, DecisionRequest]] = []
        self._seen: set[str] = set()

    def lose(self, reservation_id: UUID) -> None:
        """The workflow is gone, its row stays."""
        self._running.pop(reservation_id, None)

    async def wake(self) -> None:
        """Do everything that was taken."""
        self.asleep = False
        for request in list(self._running.values()):
            await holding.hold(self._database, request)
        waiting, self._waiting = self._waiting, []
        for reservation_id, decision, request in waiting:
            await self._settle(reservation_id, decision, request)

    async def start(self, request: HoldRequest) -> None:
        self._reach("start", request.reservation_id)
        self._running.setdefault(request.reservation_id, request)
        if not self.asleep:
            held = await holding.hold(self._database, request)
            if held.status.is_terminal:
                self.lose(request.reservation_id)

    async def decide(self, reservation_id: UUID, decision: Decision, request: DecisionRequest) -> bool:
        self._reach(decision.value, reservation_id)
        if reservation_id not in self._running:
            return False
        if request.decision_id not in self._seen:
            self._seen.add(request.decision_id)
            self.decisions.append((decision, request))
            if self.asleep:
                self._waiting.append((reservation_id, decision, request))
            else:
                await self._settle(reservation_id, decision, request)
        return True

    async def adopt(self, row: HoldRequest, decision: Decision, request: DecisionRequest) -> None:
        self._reach("adopt", row.reservation_id)
        self._running[row.reservation_id] = row
        await self.decide(row.reservation_id, decision, request)

    def _reach(self, call: str, reservation_id: UUID) -> None:
        if not self.available:
            raise Unavailable("Temporal cannot answer right now")
        self.calls.append((call, reservation_id))

    async def _settle(self, reservation_id: UUID, decision: Decision, request: DecisionRequest) -> None:
        asked = SettleRequest(
            reservation_id=reservation_id,
            decision=decision,
            actor_id=request.actor_id,
            actor_name=request.actor_name,
            reason=request.reason,
            decision_id=request.decision_id,
            source=request.source,
        )
        async with self._database.write() as session:
            outcome = await reservations.settle(session, asked, target=_TARGETS[decision])
            assert outcome is not None
            if decision is Decision.COMMIT and outcome.status is not ReservationStatus.COMMITTED:
                row = await reservations.get(session, reservation_id)
                assert row is not None
                await outbox.add_commit_refused(session, row, outcome.status.value.lower(), asked.decision_id, None)
            if outcome.status is ReservationStatus.COMMITTED and request.reason == "order_cancelled":
                await reservations.return_sold(session, replace(asked, reason=request.reason))
        if outcome.status.is_terminal:
            self.lose(reservation_id)
