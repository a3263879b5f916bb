"""Every path through our workflows, on fakes: what `record` keeps and what the tests compare with what was kept.

Each scenario is driven step by step, so that its history has the same commands each time it is run.
"""

from __future__ import annotations

import sysconfig
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHandle, WorkflowHistory
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from domain.contracts.names import CANCEL, COMMIT, EXTEND, HELD, RECONCILE_WORKFLOW, RESERVATION_WORKFLOW
from domain.contracts.reservations import HoldOutcome, SettleOutcome
from runtime.search_attributes import KEYS
from runtime.temporal import DATA_CONVERTER
from tests.patience import patiently_started
from tests.replay.histories_so_far import until
from tests.replay.operation_scenarios import OPERATION_SCENARIOS
from tests.replay.purchase_scenarios import PURCHASE_SCENARIOS
from tests.replay.transfer_scenarios import TRANSFER_SCENARIOS
from tests.workflows.fakes import FakeHousekeeping, FakeStock, decision, hold_request, unavailable
from workflows.maintenance import ReconcileWorkflow
from workflows.reservation import ReservationWorkflow

IDENTITY = "recorder"
"""Nobody's host name belongs into a stored history."""

CONTINUE_AS_NEW_AFTER_EVENTS = 60
LONG_HOLD_SECONDS = 86_400


@asynccontextmanager
async def recording_server() -> AsyncIterator[Client]:
    """A development server that suggests to continue as new early."""
    environment = await patiently_started(
        lambda: WorkflowEnvironment.start_local(
            data_converter=DATA_CONVERTER,
            identity=IDENTITY,
            search_attributes=KEYS,
            dev_server_existing_path=str(Path(sysconfig.get_path("scripts")) / "temporal"),
            dev_server_log_level="error",
            dev_server_extra_args=[
                "--dynamic-config-value",
                f"limit.historyCount.suggestContinueAsNew={CONTINUE_AS_NEW_AFTER_EVENTS}",
            ],
        )
    )
    async with environment:
        yield environment.client


@dataclass(slots=True)
class Scene:
    """One reservation on stock in memory, with a worker that can be taken away."""

    client: Client
    stock: FakeStock
    queue: str
    handle: WorkflowHandle[Any, Any]

    @asynccontextmanager
    async def working(self, *, forgets_after: timedelta = timedelta(milliseconds=200)) -> AsyncIterator[None]:
        async with Worker(
            self.client,
            task_queue=self.queue,
            workflows=[ReservationWorkflow],
            activities=[self.stock.hold, self.stock.settle],
            sticky_queue_schedule_to_start_timeout=forgets_after,
            identity=IDENTITY,
        ):
            yield

    async def ask(self, name: str, **fields: Any) -> SettleOutcome:
        return await self.handle.execute_update(name, decision(**fields), result_type=SettleOutcome)

    async def until(self, attribute: str, count: int = 1) -> None:
        """Wait until the history has so many events of a kind."""
        await until(self.handle, attribute, count)

    async def held(self) -> None:
        await self.until("timer_started_event_attributes")


async def _scene(client: Client, *, hold_seconds: int = LONG_HOLD_SECONDS) -> Scene:
    async def now() -> datetime:
        return datetime.now(UTC)

    queue = f"scene-{uuid.uuid4()}"
    handle = await client.start_workflow(
        RESERVATION_WORKFLOW, hold_request(hold_seconds=hold_seconds), id=queue, task_queue=queue, result_type=str
    )
    return Scene(client, FakeStock(now), queue, handle)


async def held_and_waiting(client: Client) -> Scene:
    scene = await _scene(client)
    async with scene.working():
        await scene.held()
    return scene


async def extended_and_waiting(client: Client) -> Scene:
    scene = await _scene(client)
    async with scene.working():
        await scene.held()
        await scene.ask(EXTEND, hold_seconds=2 * LONG_HOLD_SECONDS)
        await scene.until("timer_started_event_attributes", 2)
    return scene


async def committed_by_an_update(client: Client) -> Scene:
    scene = await _scene(client)
    async with scene.working():
        await scene.held()
        await scene.ask(COMMIT)
        await scene.handle.result()
    return scene


async def committed_by_a_signal(client: Client) -> Scene:
    scene = await _scene(client)
    async with scene.working():
        await scene.held()
        await scene.handle.signal(COMMIT, decision())
        await scene.handle.result()
    return scene


async def cancelled_by_an_update(client: Client) -> Scene:
    scene = await _scene(client)
    async with scene.working():
        await scene.held()
        await scene.ask(CANCEL, reason="cancelled")
        await scene.handle.result()
    return scene


async def cancelled_by_a_signal(client: Client) -> Scene:
    scene = await _scene(client)
    async with scene.working():
        await scene.held()
        await scene.handle.signal(CANCEL, decision(reason="payment_failed"))
        await scene.handle.result()
    return scene


async def cancelled_by_a_request(client: Client) -> Scene:
    scene = await _scene(client)
    async with scene.working():
        await scene.held()
        await scene.handle.cancel()
        await scene.handle.result()
    return scene


async def expired(client: Client) -> Scene:
    scene = await _scene(client, hold_seconds=1)
    async with scene.working():
        await scene.handle.result()
    return scene


async def expired_early_by_the_database_clock(client: Client) -> Scene:
    scene = await _scene(client, hold_seconds=1)
    scene.stock.early_by.append(0.2)
    async with scene.working():
        await scene.handle.result()
    return scene


async def rejected(client: Client) -> Scene:
    scene = await _scene(client)
    scene.stock.refuses_holds = True
    async with scene.working():
        await scene.handle.result()
    return scene


async def refused_an_extension_and_committed(client: Client) -> Scene:
    scene = await _scene(client)
    scene.stock.refuses_extensions = True
    async with scene.working():
        await scene.held()
        await scene.ask(EXTEND, hold_seconds=2 * LONG_HOLD_SECONDS)
        await scene.until("timer_started_event_attributes", 2)
        await scene.ask(COMMIT)
        await scene.handle.result()
    return scene


async def asked_whether_it_is_held(client: Client) -> Scene:
    scene = await _scene(client)
    async with scene.working():
        await scene.held()
        await scene.handle.execute_update(HELD, result_type=HoldOutcome)
    return scene


async def sold_and_returned_in_one_task(client: Client) -> Scene:
    scene = await held_and_waiting(client)
    await scene.handle.signal(COMMIT, decision("sale"))
    await scene.handle.signal(CANCEL, decision("return", reason="order_cancelled"))
    async with scene.working():
        await scene.handle.result()
    return scene


async def committed_in_one_task_with_the_timer(client: Client) -> Scene:
    hold_seconds = 3
    while True:  # until the worker is gone before the deadline, however slow the machine is
        scene = await _scene(client, hold_seconds=hold_seconds)
        async with scene.working():
            await scene.held()
        if not scene.stock.asked:
            break
        hold_seconds *= 3
    await scene.handle.signal(COMMIT, decision())
    await scene.until("timer_fired_event_attributes")
    async with scene.working():
        await scene.handle.result()
    return scene


async def held_through_an_outage(client: Client) -> Scene:
    scene = await _scene(client)
    scene.stock.failures.extend([unavailable(), unavailable()])
    async with scene.working():
        await scene.held()
    return scene


async def continued_as_new(client: Client) -> Scene:
    scene = await _scene(client)
    async with scene.working(forgets_after=timedelta(seconds=60)):  # each task that is late adds events that count
        await scene.held()
        while not await _has_continued(scene):
            await scene.ask(EXTEND, hold_seconds=2 * LONG_HOLD_SECONDS)
    first = scene.handle.first_execution_run_id
    scene.handle = client.get_workflow_handle(scene.handle.id, run_id=first)
    return scene


async def _has_continued(scene: Scene) -> bool:
    return (await scene.handle.describe()).run_id != scene.handle.first_execution_run_id


async def reconciled(client: Client) -> Scene:
    return await _reconciled(client, FakeHousekeeping())


async def reconciled_with_a_broken_step(client: Client) -> Scene:
    return await _reconciled(client, FakeHousekeeping(broken=frozenset({"adopt_orphans"})))


async def _reconciled(client: Client, housekeeping: FakeHousekeeping) -> Scene:
    queue = f"scene-{uuid.uuid4()}"
    activities = [housekeeping.check_invariants, housekeeping.adopt_orphans, housekeeping.trim]
    handle = await client.start_workflow(RECONCILE_WORKFLOW, id=queue, task_queue=queue)
    async with Worker(
        client, task_queue=queue, workflows=[ReconcileWorkflow], activities=activities, identity=IDENTITY
    ):
        await handle.result()

    async def nobody() -> datetime:
        raise AssertionError

    return Scene(client, FakeStock(nobody), queue, handle)


SCENARIOS: dict[str, Callable[[Client], Awaitable[Any]]] = {
    **OPERATION_SCENARIOS,
    **TRANSFER_SCENARIOS,
    **PURCHASE_SCENARIOS,
} | {
    scenario.__name__: scenario
    for scenario in (
        held_and_waiting,
        extended_and_waiting,
        committed_by_an_update,
        committed_by_a_signal,
        cancelled_by_an_update,
        cancelled_by_a_signal,
        cancelled_by_a_request,
        expired,
        expired_early_by_the_database_clock,
        rejected,
        refused_an_extension_and_committed,
        asked_whether_it_is_held,
        sold_and_returned_in_one_task,
        committed_in_one_task_with_the_timer,
        held_through_an_outage,
        continued_as_new,
        reconciled,
        reconciled_with_a_broken_step,
    )
}


async def played(client: Client, name: str) -> WorkflowHistory:
    """Play one scenario and answer its history; what still runs is terminated afterwards."""
    scene = await SCENARIOS[name](client)
    history = await scene.handle.fetch_history()
    described = await client.get_workflow_handle(scene.handle.id).describe()
    if described.close_time is None:
        await client.get_workflow_handle(scene.handle.id).terminate()
    return history
