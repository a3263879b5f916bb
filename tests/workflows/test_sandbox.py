"""What a workflow file pulls in: the rules and the ports, nothing that does I/O, nothing by accident."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import SandboxImportNotificationPolicy

from domain.contracts.names import RESERVATION_WORKFLOW
from tests.workflows.fakes import FakeStock, hold_request
from workflows.maintenance import ReconcileWorkflow
from workflows.reservation import ReservationWorkflow

ONLY_OURS = SandboxRestrictions.default.with_passthrough_modules("domain", "workflows").with_import_notification_policy(
    SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
)


@pytest.mark.parametrize("kind", [ReservationWorkflow, ReconcileWorkflow])
async def test_workflows_import_rules_ports_and_the_standard_library_only(
    time_skipping: WorkflowEnvironment, kind: type[Any]
) -> None:
    worker = Worker(
        time_skipping.client,
        task_queue=f"strict-{uuid.uuid4()}",
        workflows=[kind],
        workflow_runner=SandboxedWorkflowRunner(restrictions=ONLY_OURS),
    )
    async with worker:
        pass


async def test_a_reservation_imports_nothing_more_while_it_runs(time_skipping: WorkflowEnvironment) -> None:
    stock, queue = FakeStock(time_skipping.get_current_time), f"strict-{uuid.uuid4()}"
    async with Worker(
        time_skipping.client,
        task_queue=queue,
        workflows=[ReservationWorkflow],
        activities=[stock.hold, stock.settle],
        workflow_runner=SandboxedWorkflowRunner(restrictions=ONLY_OURS),
    ):
        result = await time_skipping.client.execute_workflow(
            RESERVATION_WORKFLOW, hold_request(hold_seconds=60), id=queue, task_queue=queue, result_type=str
        )
    assert result == "EXPIRED"
