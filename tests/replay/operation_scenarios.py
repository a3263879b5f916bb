"""The paths of work that waits for people, told by an adjustment on a fake: part of `SCENARIOS`."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from domain.contracts.names import ADJUSTMENT_WORKFLOW, DECIDE
from domain.contracts.operations import StaffDecision, StepOutcome
from domain.operations import Step
from tests.replay.histories_so_far import until
from tests.workflows.fake_desk import FakeDesk, adjustment_request
from workflows.adjustment import AdjustmentWorkflow

IDENTITY = "recorder"


@dataclass(slots=True)
class OperationScene:
    """One operation on a fake of its noun, with a worker that can be taken away."""

    client: Client
    desk: Any
    queue: str
    handle: WorkflowHandle[Any, Any]
    workflow: type = AdjustmentWorkflow

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        async with Worker(
            self.client,
            task_queue=self.queue,
            workflows=[self.workflow],
            activities=[self.desk.open, self.desk.take],
            sticky_queue_schedule_to_start_timeout=timedelta(milliseconds=200),
            identity=IDENTITY,
        ):
            yield

    async def ask(self, step: Step, name: str, decision_id: str, **said: Any) -> StepOutcome:
        asked = StaffDecision(decision_id=decision_id, actor_id=uuid.uuid4(), actor_name=name, **said)
        return await self.handle.execute_update(DECIDE, args=[step, asked], result_type=StepOutcome)

    async def waiting(self, timers: int = 1) -> None:
        await until(self.handle, "timer_started_event_attributes", timers)

    async def opened(self) -> None:
        """Wait until it is in the books: a question asked earlier may be part of the first task, or may not."""
        await self.upserted(1)

    async def upserted(self, times: int) -> None:
        """Wait until operators could see so many states."""
        await until(self.handle, "upsert_workflow_search_attributes_event_attributes", times)


async def _scene(client: Client, *, patience: timedelta = timedelta(days=1), refuses: str = "") -> OperationScene:
    async def now() -> datetime:
        return datetime.now(UTC)

    queue = f"scene-{uuid.uuid4()}"
    handle = await client.start_workflow(
        ADJUSTMENT_WORKFLOW, adjustment_request(), id=queue, task_queue=queue, result_type=str
    )
    return OperationScene(client, FakeDesk(now, patience, refuses), queue, handle)


async def adjustment_waiting(client: Client) -> OperationScene:
    scene = await _scene(client)
    async with scene.working():
        await scene.waiting()
    return scene


async def adjustment_approved_by_an_update(client: Client) -> OperationScene:
    scene = await _scene(client)
    async with scene.working():
        await scene.waiting()
        await scene.ask(Step.APPROVE, "boss", "d-1")
        await scene.handle.result()
    return scene


async def adjustment_rejected_by_a_signal(client: Client) -> OperationScene:
    scene = await _scene(client)
    async with scene.working():
        await scene.waiting()
        await scene.handle.signal(Step.REJECT, {"actor_name": "boss"})
        await scene.handle.result()
    return scene


async def adjustment_refused_and_waiting(client: Client) -> OperationScene:
    scene = await _scene(client, refuses="alice")
    async with scene.working():
        await scene.waiting()
        await scene.ask(Step.APPROVE, "alice", "d-1")
        await scene.waiting(2)
    return scene


async def adjustment_lapsed(client: Client) -> OperationScene:
    scene = await _scene(client, patience=timedelta(seconds=1))
    async with scene.working():
        await scene.handle.result()
    return scene


OPERATION_SCENARIOS: dict[str, Callable[[Client], Awaitable[OperationScene]]] = {
    scenario.__name__: scenario
    for scenario in (
        adjustment_waiting,
        adjustment_approved_by_an_update,
        adjustment_rejected_by_a_signal,
        adjustment_refused_and_waiting,
        adjustment_lapsed,
    )
}
