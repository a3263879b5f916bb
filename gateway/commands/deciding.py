"""The way of a decision: ask the workflow, read the row when there is none, start a lost one again.

What could not be learned in time is said to be unknown, never guessed. Knows nothing of callers and their rights.
"""

from __future__ import annotations

import asyncio
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
        """Ask the workflow; a closed one is answered by its row, a lost one is started again and adopts the row."""
        try:
            async with asyncio.timeout(self._deadline_seconds):
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
        except (TimeoutError, RPCError) as error:
            raise _unknown(reservation_id) from error
        raise _unknown(reservation_id)

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
        except RPCTimeoutOrCancelledError as error:
            raise _unknown(reservation_id) from error
        except WorkflowUpdateFailedError as error:
            if _ended_meanwhile(error):
                return None
            raise _unknown(reservation_id) from error
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise
        return outcome

    async def _row(self, reservation_id: UUID) -> Reservation | None:
        return await self._database.reading(lambda session: reservations.get(session, reservation_id))


def _ended_meanwhile(error: WorkflowUpdateFailedError) -> bool:
    """The workflow ended after it had taken the update, well or badly: the row answers instead."""
    return isinstance(error.cause, ApplicationError) and error.cause.type in ENDED


def _unknown(reservation_id: UUID) -> OutcomeUnknown:
    return OutcomeUnknown(
        "the outcome is not known yet: read the reservation, or repeat the request",
        extra={"reservationId": str(reservation_id)},
    )
