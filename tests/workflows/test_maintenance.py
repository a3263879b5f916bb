"""One round of housekeeping on fakes: every step is tried, whatever becomes of the others."""

from __future__ import annotations

import uuid

from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from domain.contracts.names import RECONCILE_WORKFLOW
from tests.workflows.fakes import FakeHousekeeping
from workflows.maintenance import ReconcileReport, ReconcileWorkflow


async def _reconcile(time_skipping: WorkflowEnvironment, housekeeping: FakeHousekeeping) -> ReconcileReport:
    queue = f"maintenance-{uuid.uuid4()}"
    activities = [housekeeping.check_invariants, housekeeping.adopt_orphans, housekeeping.trim]
    async with Worker(time_skipping.client, task_queue=queue, workflows=[ReconcileWorkflow], activities=activities):
        return await time_skipping.client.execute_workflow(
            RECONCILE_WORKFLOW, id=queue, task_queue=queue, result_type=ReconcileReport
        )


async def test_a_round_checks_adopts_and_trims_and_reports_it(time_skipping: WorkflowEnvironment) -> None:
    housekeeping = FakeHousekeeping()
    assert await _reconcile(time_skipping, housekeeping) == ReconcileReport(
        violations={"nothing_is_negative": 0, "holds_end_in_time": 1}, adopted=3, trimmed={"inbox": 2}
    )
    assert housekeeping.tried == ["check_invariants", "adopt_orphans", "trim"]


async def test_a_step_that_fails_once_is_tried_again(time_skipping: WorkflowEnvironment) -> None:
    report = await _reconcile(time_skipping, FakeHousekeeping(shaky=frozenset({"adopt_orphans"})))
    assert (report.adopted, report.failed) == (3, [])


async def test_a_step_that_keeps_failing_does_not_keep_the_others_from_running(
    time_skipping: WorkflowEnvironment,
) -> None:
    housekeeping = FakeHousekeeping(broken=frozenset({"check_invariants", "adopt_orphans"}))
    report = await _reconcile(time_skipping, housekeeping)
    assert report == ReconcileReport(trimmed={"inbox": 2}, failed=["check_invariants", "adopt_orphans"])
    assert housekeeping.tried.count("adopt_orphans") == 3
