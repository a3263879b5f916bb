"""One round of housekeeping on fakes: every step is tried, whatever becomes of the others."""

from __future__ import annotations

import uuid

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from domain.contracts.names import RECONCILE_WORKFLOW
from workflows import ports
from workflows.maintenance import ReconcileReport, ReconcileWorkflow


class FakeHousekeeping(ports.MaintenanceActivities):
    """Answers what it is told to; a step in `broken` fails every time, one in `shaky` the first time."""

    def __init__(self, *, broken: frozenset[str] = frozenset(), shaky: frozenset[str] = frozenset()) -> None:
        self._broken = broken
        self._shaky = set(shaky)
        self.tried: list[str] = []

    @activity.defn(name="check_invariants")
    async def check_invariants(self) -> dict[str, int]:
        """No violation but one."""
        self._try("check_invariants")
        return {"nothing_is_negative": 0, "holds_end_in_time": 1}

    @activity.defn(name="adopt_orphans")
    async def adopt_orphans(self) -> int:
        """Three."""
        self._try("adopt_orphans")
        return 3

    @activity.defn(name="trim")
    async def trim(self) -> dict[str, int]:
        """Two rows of the inbox."""
        self._try("trim")
        return {"inbox": 2}

    def _try(self, step: str) -> None:
        self.tried.append(step)
        if step in self._broken or step in self._shaky:
            self._shaky.discard(step)
            raise ApplicationError(f"{step} failed")


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
