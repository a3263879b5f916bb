"""The Temporal schedules that the service keeps: made or brought up to date by every worker at its start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from domain.contracts.names import (
    MAINTENANCE_QUEUE,
    RECONCILE_SCHEDULE,
    RECONCILE_WORKFLOW,
    RESTOCK_SCHEDULE,
    RESTOCK_WORKFLOW,
)
from domain.contracts.restock import RestockRequest
from domain.restock import RestockMode
from runtime.settings import Settings

RECONCILE_EVERY = timedelta(minutes=1)
RECONCILE_TIMEOUT = timedelta(minutes=10)


async def ensure_schedules(client: Client, settings: Settings) -> None:
    """Create what is to run, or bring an older one up to date, and remove what is switched off.

    What somebody has paused in Temporal UI stays paused, with his note. Safe from several workers at once.
    """
    await _ensure(client, RECONCILE_SCHEDULE, _reconcile())
    if settings.restock_mode is RestockMode.OFF:
        await _remove(client, RESTOCK_SCHEDULE)
    else:
        await _ensure(client, RESTOCK_SCHEDULE, _restock(settings))


async def _ensure(client: Client, name: str, schedule: Schedule) -> None:
    try:
        await client.create_schedule(name, schedule)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(name).update(_replaced_by(schedule))


async def _remove(client: Client, name: str) -> None:
    try:
        await client.get_schedule_handle(name).delete()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


def _reconcile() -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            RECONCILE_WORKFLOW,
            id=RECONCILE_SCHEDULE,
            task_queue=MAINTENANCE_QUEUE,
            run_timeout=RECONCILE_TIMEOUT,
            static_summary="invariants, orphans, trimming",
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=RECONCILE_EVERY)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=RECONCILE_EVERY),
    )


def _restock(settings: Settings) -> Schedule:
    every = timedelta(seconds=settings.restock_every_seconds)
    return Schedule(
        action=ScheduleActionStartWorkflow(
            RESTOCK_WORKFLOW,
            RestockRequest(mode=settings.restock_mode),
            id=RESTOCK_SCHEDULE,
            task_queue=MAINTENANCE_QUEUE,
            static_summary=f"what is low is drafted: {settings.restock_mode}",
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=every),
    )


def _replaced_by(schedule: Schedule) -> Callable[[ScheduleUpdateInput], ScheduleUpdate]:
    def update(current: ScheduleUpdateInput) -> ScheduleUpdate:
        return ScheduleUpdate(schedule=replace(schedule, state=current.description.schedule.state))

    return update
