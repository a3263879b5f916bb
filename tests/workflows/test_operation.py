"""The story that all operations share, told by an adjustment on a port that follows a script."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from domain.contracts.names import ADJUSTMENT_WORKFLOW, DECIDE
from domain.contracts.operations import StaffDecision, StepOutcome
from domain.operations import Step
from tests.workflows.fake_desk import FakeDesk, adjustment_request
from workflows.adjustment import AdjustmentWorkflow


@pytest.fixture
def desk(time_skipping: WorkflowEnvironment) -> FakeDesk:
    return FakeDesk(time_skipping.get_current_time)


@pytest.fixture
def running(time_skipping: WorkflowEnvironment, desk: FakeDesk) -> Running:
    return lambda: _running(time_skipping.client, desk)


Running = Callable[[], AbstractAsyncContextManager[WorkflowHandle[Any, str]]]


@asynccontextmanager
async def _running(client: Client, desk: FakeDesk) -> AsyncIterator[WorkflowHandle[Any, str]]:
    request = adjustment_request()
    queue = f"operations-{uuid.uuid4()}"
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


async def test_a_decision_ends_it_and_answers_whoever_made_it(desk: FakeDesk, running: Running) -> None:
    async with running() as handle:
        outcome = await decide(handle, Step.APPROVE, decision())
        assert (outcome.status, outcome.changed) == ("APPLIED", True)
        assert await handle.result() == "APPLIED"


async def test_nobody_comes_and_the_clock_takes_its_steps(desk: FakeDesk, running: Running) -> None:
    async with running() as handle:
        assert await handle.result() == "LAPSED"
    assert desk.steps == [Step.REMIND, Step.ESCALATE, Step.LAPSE]
    assert [request.decision.decision_id for request in desk.taken] == ["remind-1", "escalate-2", "lapse-3"]


async def test_a_refusal_is_an_answer_and_the_wait_goes_on(desk: FakeDesk, running: Running) -> None:
    desk.refuses = "alice"
    async with running() as handle:
        refused = await decide(handle, Step.APPROVE, decision("alice", "d-1"))
        assert refused.refusal_code == "self_approval"
        assert (await decide(handle, Step.REJECT, decision("boss", "d-2"))).status == "REJECTED"
        assert await handle.result() == "REJECTED"


async def test_a_person_in_temporal_ui_needs_no_more_than_a_name(desk: FakeDesk, running: Running) -> None:
    async with running() as handle:
        await handle.signal("approve", {"actor_name": "boss", "reason": "seen"})
        assert await handle.result() == "APPLIED"
    [request] = desk.taken
    assert (request.decision.actor_name, request.decision.reason) == ("boss", "seen")
    assert request.decision.decision_id


async def test_a_signal_that_was_sent_twice_is_one_decision(desk: FakeDesk, running: Running) -> None:
    desk.refuses = "alice"
    async with running() as handle:
        for _ in range(2):
            await handle.signal("approve", decision("alice", "d-1"))
        await decide(handle, Step.REJECT, decision("boss", "d-2"))
        await handle.result()
    assert [request.decision.decision_id for request in desk.taken] == ["d-1", "d-2"]


async def test_a_step_of_the_clock_and_a_decision_without_an_id_are_not_taken_in(
    desk: FakeDesk, running: Running
) -> None:
    async with running() as handle:
        for step, asked in ((Step.LAPSE, decision()), (Step.APPROVE, decision(decision_id=""))):
            with pytest.raises(WorkflowUpdateFailedError):
                await decide(handle, step, asked)
    assert desk.taken == []


async def test_operators_see_and_find_its_state(desk: FakeDesk, running: Running) -> None:
    async with running() as handle:
        await decide(handle, Step.APPROVE, decision())
        await handle.result()
        history = await handle.fetch_history()
    upserts = [
        event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
        for event in history.events
        if event.HasField("upsert_workflow_search_attributes_event_attributes")
    ]
    assert [fields["OperationStatus"].data for fields in upserts] == [b'"PENDING"', b'"APPLIED"']
