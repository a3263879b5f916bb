"""The schedules on a real Temporal: made once, brought up to date, switched off, and run by their worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.client import Client, ScheduleActionStartWorkflow, ScheduleOverlapPolicy
from temporalio.service import RPCError

from activities.maintenance import MaintenanceActivities
from activities.restock import RestockActivities
from db.engine import Database
from db.housekeeping import KEPT
from domain.contracts.names import MAINTENANCE_QUEUE, RECONCILE_SCHEDULE, RESTOCK_SCHEDULE
from domain.contracts.restock import RestockRequest
from domain.restock import RestockMode
from holdfast.stack.embedded import Stack
from runtime.settings import Settings
from runtime.temporal import DATA_CONVERTER
from tests.conftest import NAMESPACES
from workers.schedules import ensure_schedules
from workers.temporal_workers import maintenance_worker
from workflows.maintenance import ReconcileReport


@pytest.fixture(scope="module")
async def temporal(temporal_server: Stack) -> AsyncIterator[Client]:
    client = await Client.connect(
        temporal_server.settings.temporal_address, namespace=NAMESPACES[-6], data_converter=DATA_CONVERTER
    )
    yield client
    for name in (RECONCILE_SCHEDULE, RESTOCK_SCHEDULE):
        await client.get_schedule_handle(name).delete()


async def test_many_workers_that_start_at_once_make_one_schedule(temporal: Client) -> None:
    await asyncio.gather(*(ensure_schedules(temporal, Settings()) for _ in range(4)))
    await ensure_schedules(temporal, Settings())
    described = await temporal.get_schedule_handle(RECONCILE_SCHEDULE).describe()
    action = described.schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)
    assert action.task_queue == MAINTENANCE_QUEUE
    assert [interval.every for interval in described.schedule.spec.intervals] == [timedelta(minutes=1)]
    assert described.schedule.policy.overlap is ScheduleOverlapPolicy.SKIP


async def test_what_somebody_paused_stays_paused_when_a_worker_starts(temporal: Client) -> None:
    handle = temporal.get_schedule_handle(RESTOCK_SCHEDULE)
    await ensure_schedules(temporal, Settings())
    await handle.pause(note="wrong orders are going out")
    await ensure_schedules(temporal, Settings(restock_every_seconds=240))
    schedule = (await handle.describe()).schedule
    assert (schedule.state.paused, schedule.state.note) == (True, "wrong orders are going out")
    assert [interval.every for interval in schedule.spec.intervals] == [timedelta(minutes=4)]
    await handle.unpause()


async def test_restocking_runs_as_often_and_as_freely_as_is_set_or_not_at_all(temporal: Client) -> None:
    handle = temporal.get_schedule_handle(RESTOCK_SCHEDULE)
    await ensure_schedules(temporal, Settings(restock_mode=RestockMode.AUTOMATIC, restock_every_seconds=120))
    described = await handle.describe()
    action = described.schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)
    assert await DATA_CONVERTER.decode(list(action.args), [RestockRequest]) == [
        RestockRequest(mode=RestockMode.AUTOMATIC)
    ]
    assert [interval.every for interval in described.schedule.spec.intervals] == [timedelta(minutes=2)]
    assert described.schedule.policy.overlap is ScheduleOverlapPolicy.SKIP
    for _ in range(2):
        await ensure_schedules(temporal, Settings(restock_mode=RestockMode.OFF))
        with pytest.raises(RPCError, match="not found"):
            await handle.describe()
    await ensure_schedules(temporal, Settings())
    assert [interval.every for interval in (await handle.describe()).schedule.spec.intervals] == [timedelta(hours=1)]


async def test_a_round_that_the_schedule_starts_is_run_by_the_worker(temporal: Client, database: Settings) -> None:
    await ensure_schedules(temporal, Settings())
    db = Database.connect(database, process="tests")
    schedule = temporal.get_schedule_handle(RECONCILE_SCHEDULE)
    async with maintenance_worker(
        temporal, MaintenanceActivities(db, temporal, database), RestockActivities(db), database
    ):
        await schedule.trigger(overlap=ScheduleOverlapPolicy.ALLOW_ALL)
        async with asyncio.timeout(20):
            while not (actions := (await schedule.describe()).info.recent_actions):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            execution = actions[-1].action
            handle = temporal.get_workflow_handle(
                execution.workflow_id, run_id=execution.first_execution_run_id, result_type=ReconcileReport
            )
            report = await handle.result()
    await db.close()
    assert set(report.violations.values()) == {0}
    assert (report.adopted, report.failed) == (0, [])
    assert set(report.trimmed) == set(KEPT)
