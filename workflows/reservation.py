"""The life of one reservation: hold, wait for a decision or the deadline, settle, close.

Handlers only enqueue; `run` alone calls activities, one decision at a time. The truth is the row in Postgres: what
the workflow knows is what the last transition answered. Signals serve the Kafka bridge and the Temporal UI, updates
of the same names serve callers who wait for the outcome. Temporal's own "Request Cancellation" is one more decision.
"""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

from domain.contracts.names import CANCEL, COMMIT, EXTEND, HELD, RESERVATION_WORKFLOW
from domain.contracts.reservations import (
    Decision,
    DecisionRequest,
    HoldOutcome,
    HoldRequest,
    SettleOutcome,
    SettleRequest,
    Source,
)
from domain.ids import EXPIRY, TEMPORAL_UI
from domain.limits import HOLD_SECONDS_MAX, HOLD_SECONDS_MIN
from domain.reservations import ReleaseReason, ReservationStatus
from workflows.ports import STOCK_OPTIONS, ReservationActivities

SHORTEST_WAIT = timedelta(milliseconds=1)
"""A deadline behind us is still waited for, so that a decision that is there already comes first."""

EXPIRE_REQUEST = DecisionRequest(
    decision_id="expiry",
    actor_id=EXPIRY.actor_id,
    actor_name=EXPIRY.name,
    reason=ReleaseReason.EXPIRED,
    source=Source.TEMPORAL,
)

CANCEL_REQUEST = DecisionRequest(
    decision_id="cancel-request",
    actor_id=TEMPORAL_UI.actor_id,
    actor_name=TEMPORAL_UI.name,
    reason=ReleaseReason.CANCELLED,
    source=Source.TEMPORAL,
)
"""Once in a workflow's life: the server takes no second one."""


@workflow.defn(name=RESERVATION_WORKFLOW)
class ReservationWorkflow:
    """One order's hold on stock, from its first commit in Postgres to its terminal state."""

    @workflow.init
    def __init__(self, request: HoldRequest) -> None:
        self._request = request
        self._row: SettleOutcome | None = None
        self._extends_count = 0
        self._waiting: deque[tuple[Decision, DecisionRequest]] = deque()
        self._seen: set[str] = set()
        self._answers: dict[str, SettleOutcome] = {}
        self._early_seconds, self._late_seconds = 0.0, 0.0
        self._failed = False

    @workflow.run
    async def run(self, request: HoldRequest) -> str:
        """The story; the result is the status that the reservation ended with. A cancel request strikes only here,
        never a transaction that is under way.
        """
        story = asyncio.create_task(self._story(request))
        try:
            return await asyncio.shield(story)
        except asyncio.CancelledError:
            self._enqueue(Decision.CANCEL, CANCEL_REQUEST)
            return await story

    async def _story(self, request: HoldRequest) -> str:
        try:
            row = await self._hold(request)
            while row.status is ReservationStatus.PENDING:
                decision, asked = await self._next_decision(row.expires_at)
                row = await self._settle(decision, asked)
                await self._continue_as_new_if_suggested(row)
            row = await self._answer_latecomers(row)
            return row.status
        except FailureError:
            # A handler never outlives its workflow, not even one that fails: whoever waits hears of it first.
            self._failed = True
            await workflow.wait_condition(workflow.all_handlers_finished)
            raise

    @workflow.signal(name=COMMIT)
    def on_commit(self, asked: DecisionRequest) -> None:
        """The order is paid."""
        self._enqueue(Decision.COMMIT, asked)

    @workflow.signal(name=CANCEL)
    def on_cancel(self, asked: DecisionRequest) -> None:
        """The order is off, or its payment failed."""
        self._enqueue(Decision.CANCEL, asked)

    @workflow.signal(name=EXTEND)
    def on_extend(self, asked: DecisionRequest) -> None:
        """The customer needs longer."""
        self._enqueue(Decision.EXTEND, asked)

    @workflow.update(name=COMMIT)
    async def commit(self, asked: DecisionRequest) -> SettleOutcome:
        """Commit and wait for the outcome, whoever won."""
        return await self._outcome_of(Decision.COMMIT, asked)

    @workflow.update(name=CANCEL)
    async def cancel(self, asked: DecisionRequest) -> SettleOutcome:
        """Cancel and wait for the outcome, whoever won."""
        return await self._outcome_of(Decision.CANCEL, asked)

    @workflow.update(name=EXTEND)
    async def extend(self, asked: DecisionRequest) -> SettleOutcome:
        """Move the deadline and wait for the outcome."""
        return await self._outcome_of(Decision.EXTEND, asked)

    @commit.validator
    def _check_commit(self, asked: DecisionRequest) -> None:
        _check_identity(asked)

    @cancel.validator
    def _check_cancel(self, asked: DecisionRequest) -> None:
        _check_identity(asked)

    @extend.validator
    def _check_extend(self, asked: DecisionRequest) -> None:
        _check_identity(asked)
        if not HOLD_SECONDS_MIN <= asked.hold_seconds <= HOLD_SECONDS_MAX:
            raise ApplicationError(f"hold_seconds must be {HOLD_SECONDS_MIN} to {HOLD_SECONDS_MAX}", type="malformed")

    @workflow.update(name=HELD)
    async def held(self) -> HoldOutcome:
        """Wait until the hold is decided, for a caller whose rendezvous stayed silent."""
        await workflow.wait_condition(lambda: self._row is not None or self._failed)
        if self._row is None:
            raise _lost()
        return HoldOutcome(status=self._row.status, expires_at=self._row.expires_at)

    async def _hold(self, request: HoldRequest) -> SettleOutcome:
        outcome = await workflow.execute_local_activity_method(
            ReservationActivities.hold, request, summary=_in_words(request), **STOCK_OPTIONS
        )
        self._extends_count, self._late_seconds = outcome.extends_count, outcome.late_seconds
        self._row = SettleOutcome(status=outcome.status, expires_at=outcome.expires_at)
        self._tell(outcome.status, outcome.expires_at)
        return self._row

    async def _next_decision(self, expires_at: datetime) -> tuple[Decision, DecisionRequest]:
        pause = max(timedelta(seconds=self._early_seconds), SHORTEST_WAIT)
        try:
            await workflow.wait_condition(
                lambda: bool(self._waiting),
                timeout=max(expires_at - workflow.now() + timedelta(seconds=self._late_seconds), pause),
                timeout_summary=f"hold expires {expires_at:%H:%M:%S} UTC",
            )
        except TimeoutError:
            if not self._waiting:
                return Decision.EXPIRE, EXPIRE_REQUEST
        # One that came in the same task as the timer goes first, whatever Python version: the row knows if it is late.
        return self._waiting.popleft()

    async def _settle(self, decision: Decision, asked: DecisionRequest) -> SettleOutcome:
        """One decision becomes one guarded transition; its answer is the row afterwards."""
        outcome = await workflow.execute_local_activity_method(
            ReservationActivities.settle,
            SettleRequest(
                reservation_id=self._request.reservation_id,
                decision=decision,
                actor_id=asked.actor_id,
                actor_name=asked.actor_name,
                reason=asked.reason,
                hold_seconds=asked.hold_seconds,
                number=self._extends_count + 1,
                decision_id=asked.decision_id,
                source=asked.source,
                traceparent=asked.traceparent,
            ),
            summary=f"{decision} by {asked.actor_name}",
            **STOCK_OPTIONS,
        )
        self._early_seconds, self._late_seconds = outcome.early_seconds, 0.0
        self._extends_count = max(self._extends_count, outcome.extends_count)
        self._row = outcome
        self._answers[asked.decision_id] = outcome
        self._tell(outcome.status, outcome.expires_at)
        return outcome

    async def _answer_latecomers(self, row: SettleOutcome) -> SettleOutcome:
        """Decisions that came after the end get the answer of the row; a cancelled sale returns its stock."""
        while self._waiting or not workflow.all_handlers_finished():
            await workflow.wait_condition(lambda: bool(self._waiting) or workflow.all_handlers_finished())
            if self._waiting:
                row = await self._settle(*self._waiting.popleft())
        return row

    def _enqueue(self, decision: Decision, asked: DecisionRequest) -> None:
        """Once for each decision id: a signal that the client sent twice arrives twice."""
        if asked.decision_id not in self._seen:
            self._seen.add(asked.decision_id)
            self._waiting.append((decision, asked))

    async def _outcome_of(self, decision: Decision, asked: DecisionRequest) -> SettleOutcome:
        self._enqueue(decision, asked)
        await workflow.wait_condition(lambda: asked.decision_id in self._answers or self._failed)
        if asked.decision_id not in self._answers:
            raise _lost()
        return self._answers[asked.decision_id]

    async def _continue_as_new_if_suggested(self, row: SettleOutcome) -> None:
        """With nothing left behind: a decision that comes while handlers finish is dealt with here first."""
        if row.status is not ReservationStatus.PENDING or not workflow.info().is_continue_as_new_suggested():
            return
        await workflow.wait_condition(lambda: bool(self._waiting) or workflow.all_handlers_finished())
        if not self._waiting:
            workflow.continue_as_new(self._request)

    def _tell(self, status: ReservationStatus, expires_at: datetime) -> None:
        """What an operator sees at the top of the workflow's page in Temporal UI."""
        until = f" until {expires_at:%Y-%m-%d %H:%M:%S} UTC" if status is ReservationStatus.PENDING else ""
        lines = "".join(f"\n- {item.quantity} × {item.sku or item.inventory_id}" for item in self._request.items[:20])
        workflow.set_current_details(f"**{status}**{until}, order `{self._request.order_id}`\n{lines}")


def _lost() -> ApplicationError:
    return ApplicationError("the reservation's workflow has failed", type="reservation_lost", non_retryable=True)


def _check_identity(asked: DecisionRequest) -> None:
    if not asked.decision_id:
        raise ApplicationError("a decision needs a decision_id", type="malformed")


def _in_words(request: HoldRequest) -> str:
    pieces = sum(item.quantity for item in request.items)
    return f"hold {pieces} pieces of {len(request.items)} items for {request.hold_seconds} s"
