"""The way of a step that a person takes: ask the operation's workflow, start a lost one again, read a closed one.

The row is the truth: it is written before its workflow starts, and Reconcile starts the workflow where that failed.
What could not be learned in time is said to be unknown, never guessed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from temporalio.client import Client, RPCTimeoutOrCancelledError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from db import audit, operations, receipts
from db.engine import Database
from db.registers import Register
from domain.contracts.names import DECIDE, operation_workflow_id
from domain.contracts.operation_starts import OperationStart
from domain.contracts.operations import StaffDecision, StepOutcome
from domain.errors import NotFound, OperationClosed, OutcomeUnknown, restored
from domain.operations import Step
from gateway.auth import Caller
from gateway.commands.last_look import last_look, leaving_time_to_look
from gateway.commands.readiness import when_ready
from runtime.logs import get_logger
from runtime.operation_start import start_options
from runtime.search_attributes import asked_through

ATTEMPTS_MAX = 3
"""Asked, started again and asked, and once more when that one has ended meanwhile."""

ENDED = frozenset({"AcceptedUpdateCompletedWorkflow", "operation_lost"})
"""What an update fails with that its workflow left unanswered: by the server's word, and by our workflow's."""

_log = get_logger(__name__)


class OperationDesk:
    """Where staff's decisions go, whatever they are about."""

    def __init__(self, *, database: Database, temporal: Client, deadline_seconds: float) -> None:
        self._database = database
        self._temporal = temporal
        self._deadline_seconds = deadline_seconds

    async def begin(self, start: OperationStart, caller: Caller) -> None:
        """Start the workflow of a row that is committed; while Temporal is away, Reconcile does it later."""
        details = asked_through(caller.source, caller.request_id)
        try:
            await self._temporal.start_workflow(**start_options(start, details=details))
        except (RPCError, RPCTimeoutOrCancelledError) as error:
            _log.warning(
                "operation_not_started", kind=start.kind, operation_id=str(start.operation_id), error=str(error)
            )

    async def decide(self, register: Register, operation_id: UUID, step: Step, asked: StaffDecision) -> StepOutcome:
        """The row after the step. Raises the error that refused it, NotFound, OperationClosed, OutcomeUnknown."""
        try:
            async with leaving_time_to_look(self._deadline_seconds):
                outcome = await self._asked(register, operation_id, step, asked)
        except (TimeoutError, RPCError, RPCTimeoutOrCancelledError, WorkflowUpdateFailedError) as error:
            outcome = await self._last_look(register, operation_id, asked, error)
        if outcome.refusal_code:
            raise restored(outcome.refusal_code, outcome.refusal_detail, outcome.refusal_extra)
        return outcome

    async def _last_look(
        self, register: Register, operation_id: UUID, asked: StaffDecision, error: Exception
    ) -> StepOutcome:
        """A step that was taken is an answer, whoever died before telling us; one that was not may still be taken."""
        outcome = await last_look(self._settled(register, operation_id, asked))
        if outcome is None:
            raise OutcomeUnknown(
                f"the outcome is not known yet: read the {register.kind}, or repeat with the same key",
                extra={"operationId": str(operation_id)},
            ) from error
        return outcome

    async def _asked(self, register: Register, operation_id: UUID, step: Step, asked: StaffDecision) -> StepOutcome:
        for _attempt in range(ATTEMPTS_MAX):
            outcome = await self._update(register, operation_id, step, asked)
            if outcome is None:
                outcome = await self._settled(register, operation_id, asked)
            if outcome is not None:
                return outcome
            start = await self._database.reading(lambda session: register.start_of(session, operation_id))
            assert start is not None, "its row was there a moment ago"
            await self._temporal.start_workflow(**start_options(start))
        raise TimeoutError("its workflow ends whenever it is asked")

    async def _settled(self, register: Register, operation_id: UUID, asked: StaffDecision) -> StepOutcome | None:
        """What a closed operation says to a decision: the answer it had before, that its receipt was counted before, or
        that it is closed; None while it is open."""
        async with self._database.read() as session:
            row = await operations.get(session, register.table, operation_id)
            if row is None:
                raise NotFound(f"no {register.kind} has this id")
            earlier = await audit.of_decision(session, operation_id, asked.decision_id)
            is_counted = await receipts.is_counted(session, operation_id, asked)
        if earlier is not None:
            return operations.outcome_of(row, refusal=audit.refusal_in(earlier))
        if is_counted:
            return operations.outcome_of(row)
        if row.closed_at is not None:
            raise OperationClosed(f"it is {row.status.lower()} already", extra={"currentStatus": row.status})
        return None

    async def _update(
        self, register: Register, operation_id: UUID, step: Step, asked: StaffDecision
    ) -> StepOutcome | None:
        """The workflow's answer; None when no workflow of this operation runs."""
        handle = self._temporal.get_workflow_handle(operation_workflow_id(register.kind, operation_id))
        try:
            outcome: StepOutcome = await when_ready(
                lambda: handle.execute_update(
                    DECIDE,
                    args=[step, asked],
                    id=f"{step}-{asked.decision_id}",
                    result_type=StepOutcome,
                    rpc_timeout=timedelta(seconds=self._deadline_seconds),
                )
            )
        except WorkflowUpdateFailedError as error:
            if not (isinstance(error.cause, ApplicationError) and error.cause.type in ENDED):
                raise
            return None
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return None
        return outcome


def decision_of(caller: Caller, decision_id: UUID, *, reason: str = "", **details: Any) -> StaffDecision:
    """A caller's decision; `details` are other fields of StaffDecision."""
    return StaffDecision(
        decision_id=str(decision_id),
        actor_id=caller.actor.actor_id,
        actor_name=caller.actor.name,
        reason=reason,
        source=caller.source,
        request_id=caller.request_id,
        traceparent=caller.traceparent,
        **details,
    )
