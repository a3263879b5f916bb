"""The Temporal workers, configured the same way wherever they run: beside the API and in the worker process."""

from __future__ import annotations

from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import PollerBehaviorSimpleMaximum, Worker

from activities.adjustments import AdjustmentActivities
from activities.maintenance import MaintenanceActivities
from activities.purchase_orders import PurchaseOrderActivities
from activities.reservations import ReservationActivities
from activities.restock import RestockActivities
from activities.transfers import TransferActivities
from db.engine import Database
from domain.contracts.names import MAINTENANCE_QUEUE, OPERATIONS_QUEUE, RESERVATION_QUEUE
from runtime.settings import Settings
from runtime.temporal_build import build_of
from workers.workflow_runner import ServingRunner
from workflows.adjustment import AdjustmentWorkflow
from workflows.maintenance import ReconcileWorkflow
from workflows.purchase_order import PurchaseOrderWorkflow
from workflows.reservation import ReservationWorkflow
from workflows.restock import RestockWorkflow
from workflows.transfer import TransferWorkflow

WORKFLOW_TASKS_MAX = 48
"""Workflow tasks in work at once; more only queue for the same interpreter, and what queues for longer than a task may
take is taken away and done again: a herd of timers that are due at once came to a halt with 200."""

LOCAL_ACTIVITIES_MAX = 100
POLLERS = 10
OPERATION_TASKS_MAX = 20
OPERATION_POLLERS = 4
"""People are slower than checkouts."""

NEW_WORK_POLLER_SHARE = 0.5
"""nonsticky_to_sticky_poll_ratio: its default leaves one poller for new reservations."""


def reservation_worker(client: Client, activities: ReservationActivities, settings: Settings) -> Worker:
    """The worker of the `reservations` task queue: workflows with local activities, nothing else."""
    return Worker(
        client,
        task_queue=RESERVATION_QUEUE,
        build_id=build_of(settings),
        workflows=[ReservationWorkflow],
        activities=[activities.hold, activities.settle],
        workflow_runner=ServingRunner(),
        no_remote_activities=True,
        max_cached_workflows=settings.worker_max_cached_workflows,
        max_concurrent_workflow_tasks=WORKFLOW_TASKS_MAX,
        max_concurrent_local_activities=LOCAL_ACTIVITIES_MAX,
        workflow_task_poller_behavior=PollerBehaviorSimpleMaximum(maximum=POLLERS),
        nonsticky_to_sticky_poll_ratio=NEW_WORK_POLLER_SHARE,
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=settings.worker_sticky_timeout_seconds),
        graceful_shutdown_timeout=timedelta(seconds=settings.shutdown_grace_seconds),
    )


def operations_worker(client: Client, database: Database, settings: Settings) -> Worker:
    """The worker of the `operations` task queue: whatever waits for people, and the steps that they take."""
    nouns = (
        AdjustmentActivities(database, settings),
        TransferActivities(database, settings),
        PurchaseOrderActivities(database, settings),
    )
    return Worker(
        client,
        task_queue=OPERATIONS_QUEUE,
        build_id=build_of(settings),
        workflows=[AdjustmentWorkflow, TransferWorkflow, PurchaseOrderWorkflow],
        activities=[activity for noun in nouns for activity in (noun.open, noun.take)],
        workflow_runner=ServingRunner(),
        max_cached_workflows=settings.worker_max_cached_workflows,
        max_concurrent_workflow_tasks=OPERATION_TASKS_MAX,
        max_concurrent_activities=OPERATION_TASKS_MAX,
        workflow_task_poller_behavior=PollerBehaviorSimpleMaximum(maximum=OPERATION_POLLERS),
        activity_task_poller_behavior=PollerBehaviorSimpleMaximum(maximum=OPERATION_POLLERS),
        nonsticky_to_sticky_poll_ratio=NEW_WORK_POLLER_SHARE,
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=settings.worker_sticky_timeout_seconds),
        graceful_shutdown_timeout=timedelta(seconds=settings.shutdown_grace_seconds),
    )


def maintenance_worker(
    client: Client, activities: MaintenanceActivities, restock: RestockActivities, settings: Settings
) -> Worker:
    """The worker of the `maintenance` task queue: what runs on a schedule."""
    return Worker(
        client,
        task_queue=MAINTENANCE_QUEUE,
        build_id=build_of(settings),
        workflows=[ReconcileWorkflow, RestockWorkflow],
        activities=[
            activities.check_invariants,
            activities.adopt_orphans,
            activities.trim,
            restock.scan,
            restock.draft,
        ],
        workflow_runner=ServingRunner(),
        max_cached_workflows=10,
        max_concurrent_workflow_tasks=2,
        max_concurrent_activities=2,
        workflow_task_poller_behavior=PollerBehaviorSimpleMaximum(maximum=2),
        activity_task_poller_behavior=PollerBehaviorSimpleMaximum(maximum=1),
        graceful_shutdown_timeout=timedelta(seconds=settings.shutdown_grace_seconds),
    )
