"""The Temporal schedules that the service keeps: made or brought up to date by every worker at its start."""

from __future__ import annotations

from collections.abc import Callable
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

from domain.contracts.names import MAINTENANCE_QUEUE, RECONCILE_SCHEDULE, RECONCILE_WORKFLOW

RECONCILE_EVERY = timedelta(minutes=1)
RECONCILE_TIMEOUT = timedelta(minutes=10)


async def ensure_schedules(client: Client) -> None:
    """Create the Reconcile schedule, or bring an older one up to date. Safe from several workers at once."""
    schedule = _reconcile()
    try:
        await client.create_schedule(RECONCILE_SCHEDULE, schedule)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(RECONCILE_SCHEDULE).update(_replaced_by(schedule))


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


def _replaced_by(schedule: Schedule) -> Callable[[ScheduleUpdateInput], ScheduleUpdate]:
    def update(_current: ScheduleUpdateInput) -> ScheduleUpdate:
        return ScheduleUpdate(schedule=schedule)

    return update
