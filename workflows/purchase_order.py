"""The life of a purchase order: it waits for approval, for its sending, for deliveries, and for its date to pass."""

from __future__ import annotations

from temporalio import workflow

from domain.contracts.names import PURCHASE_ORDER_WORKFLOW
from domain.contracts.operations import StaffDecision
from domain.contracts.purchase_orders import PurchaseOrderRequest
from domain.operations import Step
from workflows.operation import Activities, Operation
from workflows.ports import PurchaseOrderActivities

ACTIVITIES = Activities(open=PurchaseOrderActivities.open, take=PurchaseOrderActivities.take)


@workflow.defn(name=PURCHASE_ORDER_WORKFLOW)
class PurchaseOrderWorkflow(Operation):
    """One order, from its draft to its last delivery."""

    @workflow.init
    def __init__(self, request: PurchaseOrderRequest) -> None:
        super().__init__(request.purchase_order_id, request.title)

    @workflow.run
    async def run(self, request: PurchaseOrderRequest) -> str:
        """The story; the result is the status that the order ended with."""
        return await self.story(ACTIVITIES, request)

    @workflow.signal(name=Step.APPROVE)
    def approve(self, asked: StaffDecision) -> None:
        """Somebody other than the asker agrees."""
        self.enqueue(Step.APPROVE, asked)

    @workflow.signal(name=Step.REJECT)
    def reject(self, asked: StaffDecision) -> None:
        """It will not be ordered."""
        self.enqueue(Step.REJECT, asked)

    @workflow.signal(name=Step.SEND)
    def send(self, asked: StaffDecision) -> None:
        """The supplier has it now."""
        self.enqueue(Step.SEND, asked)

    @workflow.signal(name=Step.RECEIVE)
    def receive(self, asked: StaffDecision) -> None:
        """Something arrived: the lines that are given, or all that was outstanding."""
        self.enqueue(Step.RECEIVE, asked)

    @workflow.signal(name=Step.CLOSE)
    def close(self, asked: StaffDecision) -> None:
        """Nothing more will come."""
        self.enqueue(Step.CLOSE, asked)

    @workflow.signal(name=Step.CANCEL)
    def cancel(self, asked: StaffDecision) -> None:
        """It is taken back, before anything arrived."""
        self.enqueue(Step.CANCEL, asked)
