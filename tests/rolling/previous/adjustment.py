"""The life of an adjustment that is too large for one person: it waits for another's decision, reminds, lapses."""

from __future__ import annotations

from temporalio import workflow

from domain.contracts.adjustments import AdjustmentRequest
from domain.contracts.names import ADJUSTMENT_WORKFLOW
from domain.contracts.operations import StaffDecision
from domain.operations import Step
from tests.rolling.previous.operation import Activities, Operation
from workflows.ports import AdjustmentActivities

ACTIVITIES = Activities(open=AdjustmentActivities.open, take=AdjustmentActivities.take)


@workflow.defn(name=ADJUSTMENT_WORKFLOW)
class AdjustmentWorkflow(Operation):
    """One adjustment, from the request to its application, rejection or lapse."""

    @workflow.init
    def __init__(self, request: AdjustmentRequest) -> None:
        super().__init__(request.adjustment_id, f"{request.type} {request.delta:+d} pieces: {request.reason}")

    @workflow.run
    async def run(self, request: AdjustmentRequest) -> str:
        """The story; the result is the status that the adjustment ended with."""
        return await self.story(ACTIVITIES, request)

    @workflow.signal(name=Step.APPROVE)
    def approve(self, asked: StaffDecision) -> None:
        """Somebody other than the asker agrees."""
        self.enqueue(Step.APPROVE, asked)

    @workflow.signal(name=Step.REJECT)
    def reject(self, asked: StaffDecision) -> None:
        """It will not be done."""
        self.enqueue(Step.REJECT, asked)

    @workflow.signal(name=Step.CANCEL)
    def cancel(self, asked: StaffDecision) -> None:
        """Whoever asked takes it back."""
        self.enqueue(Step.CANCEL, asked)
