"""The life of a transfer: it waits to be approved, shipped and received, and reminds when it is late."""

from __future__ import annotations

from temporalio import workflow

from domain.contracts.names import TRANSFER_WORKFLOW
from domain.contracts.operations import StaffDecision
from domain.contracts.transfers import TransferRequest
from domain.operations import Step
from tests.rolling.previous.operation import Activities, Operation
from workflows.ports import TransferActivities

ACTIVITIES = Activities(open=TransferActivities.open, take=TransferActivities.take)


@workflow.defn(name=TRANSFER_WORKFLOW)
class TransferWorkflow(Operation):
    """One transfer, from the request until every piece is accounted for."""

    @workflow.init
    def __init__(self, request: TransferRequest) -> None:
        pieces = sum(line.quantity for line in request.lines)
        super().__init__(request.transfer_id, f"{pieces} pieces of {len(request.lines)} SKUs asked for")

    @workflow.run
    async def run(self, request: TransferRequest) -> str:
        """The story; the result is the status that the transfer ended with."""
        return await self.story(ACTIVITIES, request)

    @workflow.signal(name=Step.APPROVE)
    def approve(self, asked: StaffDecision) -> None:
        """Somebody other than the asker agrees."""
        self.enqueue(Step.APPROVE, asked)

    @workflow.signal(name=Step.REJECT)
    def reject(self, asked: StaffDecision) -> None:
        """It will not be done."""
        self.enqueue(Step.REJECT, asked)

    @workflow.signal(name=Step.SHIP)
    def ship(self, asked: StaffDecision) -> None:
        """It has left the source: its lines, or all that was asked for."""
        self.enqueue(Step.SHIP, asked)

    @workflow.signal(name=Step.RECEIVE)
    def receive(self, asked: StaffDecision) -> None:
        """It is there: its lines, or all that is in transit; a receipt's id counts once."""
        self.enqueue(Step.RECEIVE, asked)

    @workflow.signal(name=Step.RESOLVE)
    def resolve(self, asked: StaffDecision) -> None:
        """What became of pieces that did not arrive: its discrepancy."""
        self.enqueue(Step.RESOLVE, asked)

    @workflow.signal(name=Step.CANCEL)
    def cancel(self, asked: StaffDecision) -> None:
        """It is taken back, with whatever is in transit."""
        self.enqueue(Step.CANCEL, asked)
