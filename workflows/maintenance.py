"""Housekeeping on a schedule: the invariants, rows that lost their workflow, and what is past its keeping.

Each step is tried by itself; one that fails does not keep the others from running.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypedDict

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from domain.contracts.names import RECONCILE_WORKFLOW
from workflows.ports import MaintenanceActivities


class StepOptions(TypedDict):
    """The limits of one step."""

    start_to_close_timeout: timedelta
    retry_policy: RetryPolicy


STEP_OPTIONS: StepOptions = {
    "start_to_close_timeout": timedelta(minutes=2),
    "retry_policy": RetryPolicy(initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_attempts=3),
}


@dataclass(slots=True)
class ReconcileReport:
    """What one run found and did: violations by invariant, workflows started, rows trimmed by table, failed steps."""

    violations: dict[str, int] = field(default_factory=dict)
    adopted: int = 0
    trimmed: dict[str, int] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)


@workflow.defn(name=RECONCILE_WORKFLOW)
class ReconcileWorkflow:
    """One round of housekeeping."""

    def __init__(self) -> None:
        self._report = ReconcileReport()

    @workflow.run
    async def run(self) -> ReconcileReport:
        """Check, adopt, trim."""
        with self._noting_failure("check_invariants"):
            self._report.violations = await workflow.execute_activity_method(
                MaintenanceActivities.check_invariants, summary="check the invariants", **STEP_OPTIONS
            )
        with self._noting_failure("adopt_orphans"):
            self._report.adopted = await workflow.execute_activity_method(
                MaintenanceActivities.adopt_orphans, summary="adopt rows that have no workflow", **STEP_OPTIONS
            )
        with self._noting_failure("trim"):
            self._report.trimmed = await workflow.execute_activity_method(
                MaintenanceActivities.trim, summary="trim what is past its keeping", **STEP_OPTIONS
            )
        return self._report

    @contextmanager
    def _noting_failure(self, step: str) -> Iterator[None]:
        try:
            yield
        except ActivityError:
            workflow.logger.exception("reconcile_step_failed", extra={"step": step})
            self._report.failed.append(step)
