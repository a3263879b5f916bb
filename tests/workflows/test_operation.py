"""The story that all operations share, told by an adjustment on a port that follows a script."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from domain.contracts.adjustments import AdjustmentRequest
from domain.contracts.names import ADJUSTMENT_WORKFLOW, DECIDE
from domain.contracts.operations import StaffDecision, StepOutcome, StepRequest
from domain.operations import Step
from domain.stock import MovementType
from workflows import ports
from workflows.adjustment import AdjustmentWorkflow

ENDS = {Step.APPROVE: "APPLIED", Step.REJECT: "REJECTED", Step.CANCEL: "CANCELLED", Step.LAPSE: "LAPSED"}
NEXT_ALARM = {Step.REMIND: Step.ESCALATE, Step.ESCALATE: Step.LAPSE}
DAY = timedelta(days=1)


@dataclass
class Desk(ports.AdjustmentActivities):
    """One adjustment in memory: enough of the rules to see what the workflow makes of each answer."""

    environment: WorkflowEnvironment
    row: StepOutcome = field(default_factory=lambda: StepOutcome(status="PENDING", version=1))
    taken: list[StepRequest] = field(default_factory=list)
    refuses: str = ""

    @activity.defn(name="open_adjustment")
    async def open(self, request: AdjustmentRequest) -> StepOutcome:
        self.row = replace(self.row, wakes_at=await self._in(DAY), wakes_for=Step.REMIND)
        return self.row

    @activity.defn(name="take_adjustment_step")
    async def take(self, request: StepRequest) -> StepOutcome:
        self.taken.append(request)
        if self.row.is_closed or self.refuses == request.decision.actor_name:
            return replace(self.row, changed=False, refusal_code="self_approval", refusal_detail="no")
        version = self.row.version + 1
        if request.step in ENDS:
            self.row = StepOutcome(status=ENDS[request.step], version=version, changed=True, is_closed=True)
        else:
            alarm = NEXT_ALARM[request.step]
            self.row = replace(self.row, version=version, wakes_at=await self._in(DAY), wakes_for=alarm)
        return self.row

    async def _in(self, pause: timedelta) -> datetime:
        return await self.environment.get_current_time() + pause

    @property
    def steps(self) -> list[Step]:
        return list(dict.fromkeys(request.step for request in self.taken))


@pytest.fixture
def desk(time_skipping: WorkflowEnvironment) -> Desk:
    return Desk(time_skipping)


@asynccontextmanager
async def running(desk: Desk) -> AsyncIterator[WorkflowHandle[Any, str]]:
    request = AdjustmentRequest(
        adjustment_id=uuid.uuid4(),
        inventory_id=uuid.uuid4(),
        delta=-500,
        type=MovementType.DAMAGE,
        reason="water in the cellar",
        actor_id=uuid.uuid4(),
        actor_name="alice",
    )
    client, queue = desk.environment.client, f"operations-{uuid.uuid4()}"
    async with Worker(client, task_queue=queue, workflows=[AdjustmentWorkflow], activities=[desk.open, desk.take]):
        handle = await client.start_workflow(
            ADJUSTMENT_WORKFLOW, request, id=f"adjustment-{request.adjustment_id}", task_queue=queue, result_type=str
        )
        yield handle
        with suppress(RPCError):
            await handle.terminate()


def decision(name: str = "boss", decision_id: str = "d-1") -> StaffDecision:
    return StaffDecision(decision_id=decision_id, actor_id=uuid.uuid4(), actor_name=name)


async def decide(handle: WorkflowHandle[Any, str], step: Step, asked: StaffDecision) -> StepOutcome:
    outcome: StepOutcome = await handle.execute_update(DECIDE, args=[step, asked], result_type=StepOutcome)
    return outcome


async def test_a_decision_ends_it_and_answers_whoever_made_it(desk: Desk) -> None:
    async with running(desk) as handle:
        outcome = await decide(handle, Step.APPROVE, decision())
        assert (outcome.status, outcome.changed) == ("APPLIED", True)
        assert await handle.result() == "APPLIED"


async def test_nobody_comes_and_the_clock_takes_its_steps(desk: Desk) -> None:
    async with running(desk) as handle:
        assert await handle.result() == "LAPSED"
    assert desk.steps == [Step.REMIND, Step.ESCALATE, Step.LAPSE]
    assert [request.decision.decision_id for request in desk.taken] == ["remind-1", "escalate-2", "lapse-3"]


async def test_a_refusal_is_an_answer_and_the_wait_goes_on(desk: Desk) -> None:
    desk.refuses = "alice"
    async with running(desk) as handle:
        refused = await decide(handle, Step.APPROVE, decision("alice", "d-1"))
        assert refused.refusal_code == "self_approval"
        assert (await decide(handle, Step.REJECT, decision("boss", "d-2"))).status == "REJECTED"
        assert await handle.result() == "REJECTED"


async def test_a_person_in_temporal_ui_needs_no_more_than_a_name(desk: Desk) -> None:
    async with running(desk) as handle:
        await handle.signal("approve", {"actor_name": "boss", "reason": "seen"})
        assert await handle.result() == "APPLIED"
    [request] = desk.taken
    assert (request.decision.actor_name, request.decision.reason) == ("boss", "seen")
    assert request.decision.decision_id


async def test_a_signal_that_was_sent_twice_is_one_decision(desk: Desk) -> None:
    desk.refuses = "alice"
    async with running(desk) as handle:
        for _ in range(2):
            await handle.signal("approve", decision("alice", "d-1"))
        await decide(handle, Step.REJECT, decision("boss", "d-2"))
        await handle.result()
    assert [request.decision.decision_id for request in desk.taken] == ["d-1", "d-2"]


async def test_a_step_of_the_clock_and_a_decision_without_an_id_are_not_taken_in(desk: Desk) -> None:
    async with running(desk) as handle:
        for step, asked in ((Step.LAPSE, decision()), (Step.APPROVE, decision(decision_id=""))):
            with pytest.raises(WorkflowUpdateFailedError):
                await decide(handle, step, asked)
    assert desk.taken == []


async def test_operators_see_and_find_its_state(desk: Desk) -> None:
    async with running(desk) as handle:
        await decide(handle, Step.APPROVE, decision())
        await handle.result()
        history = await handle.fetch_history()
    upserts = [
        event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
        for event in history.events
        if event.HasField("upsert_workflow_search_attributes_event_attributes")
    ]
    assert [fields["OperationStatus"].data for fields in upserts] == [b'"PENDING"', b'"APPLIED"']
