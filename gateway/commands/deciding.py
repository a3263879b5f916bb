"""The way of a decision: ask the workflow, read the row when there is none, start a lost one again.

What could not be learned in time is said to be unknown, never guessed. Knows nothing of callers and their rights.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from temporalio.client import Client, RPCTimeoutOrCancelledError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from db import reservations
from db.engine import Database
from domain.contracts.names import reservation_workflow_id
from domain.contracts.reservations import Decision, DecisionRequest, SettleOutcome, SettleRequest, adoption
from domain.errors import NotFound, OutcomeUnknown
from domain.reservations import Reservation
from gateway.commands.last_look import last_look, leaving_time_to_look
from runtime import metrics
from runtime.reservation_start import start_options

ATTEMPTS_MAX = 3
"""Asked, started again and asked, and once more when that one has ended meanwhile."""

ENDED = frozenset({"AcceptedUpdateCompletedWorkflow", "reservation_lost"})
"""What an update fails with that its workflow left unanswered: by the server's word, and by our workflow's."""


class Deciding:
    """Decisions about reservations that exist."""

    def __init__(self, *, database: Database, temporal: Client, deadline_seconds: float) -> None:
        self._database = database
        self._temporal = temporal
        self._deadline_seconds = deadline_seconds

    async def decide(self, reservation_id: UUID, update: str, asked: DecisionRequest) -> SettleOutcome:
        """The row after the decision, whoever made it. Raises NotFound, OutcomeUnknown."""
        try:
            async with leaving_time_to_look(self._deadline_seconds):
                return await self._asked(reservation_id, update, asked)
        except (TimeoutError, RPCError, RPCTimeoutOrCancelledError, WorkflowUpdateFailedError) as error:
            return await self._last_look(reservation_id, error)

    async def _asked(self, reservation_id: UUID, update: str, asked: DecisionRequest) -> SettleOutcome:
        """Ask the workflow; a closed one is answered by its row, a lost one is started again and adopts the row."""
        for _attempt in range(ATTEMPTS_MAX):
            outcome = await self._update(reservation_id, update, asked)
            if outcome is not None:
                return outcome
            row = await self._row(reservation_id)
            if row is None:
                raise NotFound(f"no reservation {reservation_id}")
            if row.status.is_terminal:
                return SettleOutcome(status=row.status, expires_at=row.expires_at)
            await self._temporal.start_workflow(**start_options(adoption(row)))
        raise TimeoutError("its workflow ends whenever it is asked")

    async def _last_look(self, reservation_id: UUID, error: Exception) -> SettleOutcome:
        """A row that is settled is an answer too, whoever did not tell us; one that is not may still change."""
        row = await last_look(self._row(reservation_id))
        if row is None or not row.status.is_terminal:
            raise OutcomeUnknown(
                "the outcome is not known yet: read the reservation, or repeat the request",
                extra={"reservationId": str(reservation_id)},
            ) from error
        return SettleOutcome(status=row.status, expires_at=row.expires_at)

    async def bring_back(self, reservation_id: UUID, asked: DecisionRequest) -> None:
        """Return what was sold. The workflow has done it if it still ran; a closed one has nobody who would."""
        request = SettleRequest(
            reservation_id=reservation_id,
            decision=Decision.CANCEL,
            actor_id=asked.actor_id,
            actor_name=asked.actor_name,
            reason=asked.reason,
            decision_id=asked.decision_id,
            source=asked.source,
            traceparent=asked.traceparent,
        )
        outcome = await self._database.calling(lambda session: reservations.return_sold(session, request))
        if outcome is not None and outcome.returned:
            metrics.RESERVATIONS.labels(outcome="returned", source=asked.source).inc()

    async def _update(self, reservation_id: UUID, update: str, asked: DecisionRequest) -> SettleOutcome | None:
        """The workflow's answer; None when there is no running workflow of this reservation."""
        handle = self._temporal.get_workflow_handle(reservation_workflow_id(reservation_id))
        try:
            outcome: SettleOutcome = await handle.execute_update(
                update,
                asked,
                id=f"{update}-{asked.decision_id}",
                result_type=SettleOutcome,
                rpc_timeout=timedelta(seconds=self._deadline_seconds),
            )
        except WorkflowUpdateFailedError as error:
            if not _ended_meanwhile(error):
                raise
            return None
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return None
        return outcome

    async def _row(self, reservation_id: UUID) -> Reservation | None:
        return await self._database.reading(lambda session: reservations.get(session, reservation_id))


def _ended_meanwhile(error: WorkflowUpdateFailedError) -> bool:
    """The workflow ended after it had taken the update, well or badly: the row answers instead."""
    return isinstance(error.cause, ApplicationError) and error.cause.type in ENDED
