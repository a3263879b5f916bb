"""The story that all work with people in it shares: it waits for a step, by a person or by the clock, and takes it.

The truth is the row in Postgres: which steps it takes, from whom, and when the clock acts next is what the last step
answered. Handlers only enqueue; the story alone calls activities, one step at a time. A subclass is a workflow: it
names its activities, and the signals by which people act in Temporal UI.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import ApplicationError, FailureError

from domain.contracts.names import DECIDE, IS_LATE, OPERATION_STATUS
from domain.contracts.operations import StaffDecision, StepOutcome, StepRequest
from domain.ids import CLOCK
from domain.operations import STEPS_OF_THE_CLOCK, Step
from workflows.ports import STEP_OPTIONS

SHORTEST_WAIT = timedelta(seconds=1)
"""An instant behind us is still waited for, so that a decision that is there already comes first."""

SUMMARY_CHARACTERS_MAX = 200
DETAILS_CHARACTERS_MAX = 2_000

_STATUS = SearchAttributeKey.for_keyword(OPERATION_STATUS)
_LATE = SearchAttributeKey.for_bool(IS_LATE)


@dataclass(frozen=True, slots=True)
class Activities:
    """How a noun opens its row and takes a step of it: two methods of its port."""

    open: Callable[[Any, Any], Awaitable[StepOutcome]]
    take: Callable[[Any, StepRequest], Awaitable[StepOutcome]]


class Operation:
    """One operation, from the request to its last step."""

    def __init__(self, operation_id: UUID, title: str) -> None:
        self._operation_id = operation_id
        self._title = title
        self._row: StepOutcome | None = None
        self._waiting: deque[tuple[Step, StaffDecision]] = deque()
        self._seen: set[str] = set()
        self._answers: dict[str, StepOutcome] = {}
        self._last_words = ""
        self._failed = False

    @workflow.update(name=DECIDE)
    async def decide(self, step: Step, asked: StaffDecision) -> StepOutcome:
        """Take a step and wait for what became of it."""
        self.enqueue(step, asked)
        await workflow.wait_condition(lambda: asked.decision_id in self._answers or self._failed)
        if asked.decision_id not in self._answers:
            raise ApplicationError("the operation's workflow has failed", type="operation_lost", non_retryable=True)
        return self._answers[asked.decision_id]

    @decide.validator
    def _check_decide(self, step: Step, asked: StaffDecision) -> None:
        if not asked.decision_id or step in STEPS_OF_THE_CLOCK:
            raise ApplicationError("a decision has a decision_id and is a step of people", type="malformed")

    def enqueue(self, step: Step, asked: StaffDecision) -> None:
        """Once for each decision id: a signal that the client sent twice arrives twice. One without gets its own."""
        named = asked if asked.decision_id else replace(asked, decision_id=str(workflow.uuid4()))
        if named.decision_id not in self._seen:
            self._seen.add(named.decision_id)
            self._waiting.append((step, named))

    async def story(self, activities: Activities, request: Any) -> str:
        """The whole of it; the result is the status that the operation ended with."""
        try:
            row = await workflow.execute_activity_method(
                activities.open, request, summary=f"open: {self._title}", **STEP_OPTIONS
            )
            self._show(row)
            while not row.is_closed:
                row = await self._take(activities, *await self._next_step(row))
                await self._continue_as_new_if_suggested(row, request)
            return (await self._answer_latecomers(activities, row)).status
        except FailureError:
            # A handler never outlives its workflow, not even one that fails: whoever waits hears of it first.
            self._failed = True
            await workflow.wait_condition(workflow.all_handlers_finished)
            raise

    async def _next_step(self, row: StepOutcome) -> tuple[Step, StaffDecision]:
        """A decision by a person, or the clock's when nobody came."""
        pause = max(row.wakes_at - workflow.now(), SHORTEST_WAIT) if row.wakes_at else None
        try:
            await workflow.wait_condition(
                lambda: bool(self._waiting), timeout=pause, timeout_summary=_alarm(row) if pause else None
            )
        except TimeoutError:
            if not self._waiting:
                assert row.wakes_for is not None, "only a row that names a step has a time for it"
                return row.wakes_for, _of_the_clock(row)
        return self._waiting.popleft()

    async def _take(self, activities: Activities, step: Step, asked: StaffDecision) -> StepOutcome:
        outcome = await workflow.execute_activity_method(
            activities.take,
            StepRequest(operation_id=self._operation_id, step=step, decision=asked),
            summary=_in_words(step, asked),
            **STEP_OPTIONS,
        )
        self._answers[asked.decision_id] = outcome
        refused = f": refused, {outcome.refusal_detail}" if outcome.refusal_code else ""
        self._last_words = _clipped(f"{step} by {asked.actor_name}{refused}", DETAILS_CHARACTERS_MAX)
        self._show(outcome)
        return outcome

    async def _answer_latecomers(self, activities: Activities, row: StepOutcome) -> StepOutcome:
        """Decisions that came after the end are answered by the row: it refuses them, and says how it ended."""
        while self._waiting or not workflow.all_handlers_finished():
            await workflow.wait_condition(lambda: bool(self._waiting) or workflow.all_handlers_finished())
            if self._waiting:
                row = await self._take(activities, *self._waiting.popleft())
        return row

    async def _continue_as_new_if_suggested(self, row: StepOutcome, request: Any) -> None:
        """With nothing left behind: a decision that comes while handlers finish is dealt with here first."""
        if row.is_closed or not workflow.info().is_continue_as_new_suggested():
            return
        await workflow.wait_condition(lambda: bool(self._waiting) or workflow.all_handlers_finished())
        if not self._waiting:
            workflow.continue_as_new(request)

    def _show(self, row: StepOutcome) -> None:
        """What operators see in Temporal UI: at the top of the page, and in lists that are searched by state."""
        before, self._row = self._row, row
        if before is None or (before.status, before.is_late) != (row.status, row.is_late):
            workflow.upsert_search_attributes([_STATUS.value_set(row.status), _LATE.value_set(row.is_late)])
        late = " · **late**" if row.is_late else ""
        alarm = f"\n\nnext: {_alarm(row)}" if row.wakes_at else ""
        last = f"\n\nlast: {self._last_words}" if self._last_words else ""
        workflow.set_current_details(f"**{row.status}**{late} · {self._title}{last}{alarm}")


def _in_words(step: Step, asked: StaffDecision) -> str:
    why = f": {asked.reason}" if asked.reason else ""
    return _clipped(f"{step} by {asked.actor_name or 'somebody without a name'}{why}", SUMMARY_CHARACTERS_MAX)


def _clipped(text: str, characters_max: int) -> str:
    """People may type any length; a summary that is too long for the server would fail the task."""
    return text if len(text) <= characters_max else f"{text[: characters_max - 1]}…"


def _alarm(row: StepOutcome) -> str:
    return f"{row.wakes_for} at {row.wakes_at:%Y-%m-%d %H:%M:%S} UTC"


def _of_the_clock(row: StepOutcome) -> StaffDecision:
    """The version makes it take effect once, however often this task is repeated."""
    return StaffDecision(decision_id=f"{row.wakes_for}-{row.version}", actor_id=CLOCK.actor_id, actor_name=CLOCK.name)
