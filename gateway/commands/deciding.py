"""The way of a decision: ask the workflow, read the row when there is none, start a lost one again.

A sale or a cancel whose workflow stays silent is made here, by the same guarded transition; the workflow finds it in
the row whenever it wakes. What could not be learned in time is said to be unknown, never guessed. Knows nothing of
callers and their rights.
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
from domain.contracts.names import CANCEL, COMMIT, reservation_workflow_id
from domain.contracts.reservations import Decision, DecisionRequest, SettleOutcome, SettleRequest, adoption
from domain.errors import NotFound, OutcomeUnknown, Unavailable
from domain.reservations import Reservation, ReservationStatus
from gateway.commands.last_look import last_look, leaving_time_to_look
from gateway.commands.readiness import when_ready
from runtime import metrics
from runtime.logs import get_logger
from runtime.reservation_start import start_options

ATTEMPTS_MAX = 3
"""Asked, started again and asked, and once more when that one has ended meanwhile."""

SILENCE_SECONDS = 0.3
"""How long a workflow may stay silent before a sale is made without it: it may stand behind a herd of timers, wait for
a worker that was killed, or be out of reach. Ten times what it takes when all is well."""

MADE_HERE = {
    COMMIT: (Decision.COMMIT, ReservationStatus.COMMITTED),
    CANCEL: (Decision.CANCEL, ReservationStatus.CANCELLED),
}
"""An extension is not: its number is the workflow's to give."""

SILENT = (TimeoutError, RPCError, RPCTimeoutOrCancelledError, WorkflowUpdateFailedError)
"""What asking a workflow ends with that nobody answers for."""

ENDED = frozenset({"AcceptedUpdateCompletedWorkflow", "reservation_lost"})
"""What an update fails with that its workflow left unanswered: by the server's word, and by our workflow's."""


_log = get_logger(__name__)


class Deciding:
    """Decisions about reservations that exist."""

    def __init__(self, *, database: Database, temporal: Client, deadline_seconds: float) -> None:
        self._database = database
        self._temporal = temporal
        self._deadline_seconds = deadline_seconds
        self._telling: set[asyncio.Task[None]] = set()

    async def decide(self, reservation_id: UUID, update: str, asked: DecisionRequest) -> SettleOutcome:
        """The row after the decision, whoever made it. Raises NotFound, OutcomeUnknown."""
        asking = asyncio.create_task(self._asked_in_time(reservation_id, update, asked))
        asking.add_done_callback(_taken_note_of)
        try:
            if update in MADE_HERE:
                await asyncio.wait({asking}, timeout=SILENCE_SECONDS)
                if _is_silent(asking) and (made := await self._made(reservation_id, update, asked)) is not None:
                    self._tell(reservation_id, update, asked)
                    return made
            return await asking
        except SILENT as error:
            return await self._last_look(reservation_id, error)
        finally:
            asking.cancel()

    async def _asked_in_time(self, reservation_id: UUID, update: str, asked: DecisionRequest) -> SettleOutcome:
        async with leaving_time_to_look(self._deadline_seconds):
            return await self._asked(reservation_id, update, asked)

    def _tell(self, reservation_id: UUID, signal: str, asked: DecisionRequest) -> None:
        """Let the workflow hear of what was decided, so that it closes soon. Else it finds out when its timer fires.

        The update may have been lost with the caller that asked for it; the workflow takes a decision once by its id.
        """
        telling = asyncio.create_task(self._signalled(reservation_id, signal, asked))
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)

    async def _signalled(self, reservation_id: UUID, signal: str, asked: DecisionRequest) -> None:
        handle = self._temporal.get_workflow_handle(reservation_workflow_id(reservation_id))
        try:
            await handle.signal(signal, asked, rpc_timeout=timedelta(seconds=self._deadline_seconds))
        except RPCError as error:
            _log.info("workflow_not_told", reservation_id=str(reservation_id), error=repr(error))

    async def _made(self, reservation_id: UUID, update: str, asked: DecisionRequest) -> SettleOutcome | None:
        """Decide in Postgres, for the workflow; None when there is no row yet, or Postgres does not answer."""
        decision, target = MADE_HERE[update]
        request = _settling(reservation_id, decision, asked)
        try:
            outcome = await self._database.calling(lambda session: reservations.settle(session, request, target=target))
        except Unavailable:
            return None
        if outcome is not None:
            metrics.DECISIONS_MADE_HERE.labels(decision=decision).inc()
            if outcome.changed:
                metrics.RESERVATIONS.labels(outcome=outcome.status.value.lower(), source=asked.source).inc()
        return outcome

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
        request = _settling(reservation_id, Decision.CANCEL, asked)
        outcome = await self._database.calling(lambda session: reservations.return_sold(session, request))
        if outcome is not None and outcome.returned:
            metrics.RESERVATIONS.labels(outcome="returned", source=asked.source).inc()

    async def _update(self, reservation_id: UUID, update: str, asked: DecisionRequest) -> SettleOutcome | None:
        """The workflow's answer; None when there is no running workflow of this reservation."""
        handle = self._temporal.get_workflow_handle(reservation_workflow_id(reservation_id))
        try:
            outcome: SettleOutcome = await when_ready(
                lambda: handle.execute_update(
                    update,
                    asked,
                    id=f"{update}-{asked.decision_id}",
                    result_type=SettleOutcome,
                    rpc_timeout=timedelta(seconds=self._deadline_seconds),
                )
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


def _taken_note_of(asking: asyncio.Task[SettleOutcome]) -> None:
    """Who was not waited for fails unheard: the SDK turns the cancellation into an error, which is no stray one."""
    if not asking.cancelled():
        asking.exception()


def _is_silent(asking: asyncio.Task[SettleOutcome]) -> bool:
    """Whether nobody has answered yet, or somebody that it cannot be learned."""
    return not asking.done() or isinstance(asking.exception(), SILENT)


def _settling(reservation_id: UUID, decision: Decision, asked: DecisionRequest) -> SettleRequest:
    return SettleRequest(
        reservation_id=reservation_id,
        decision=decision,
        actor_id=asked.actor_id,
        actor_name=asked.actor_name,
        reason=asked.reason,
        decision_id=asked.decision_id,
        source=asked.source,
        traceparent=asked.traceparent,
    )


def _ended_meanwhile(error: WorkflowUpdateFailedError) -> bool:
    """The workflow ended after it had taken the update, well or badly: the row answers instead."""
    return isinstance(error.cause, ApplicationError) and error.cause.type in ENDED
