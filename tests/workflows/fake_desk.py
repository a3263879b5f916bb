"""A fake behind the ports of operations: one adjustment in memory, with enough of the rules to see what the workflow
makes of each answer."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from temporalio import activity

from domain.contracts.adjustments import AdjustmentRequest
from domain.contracts.operations import StepOutcome, StepRequest
from domain.operations import Step
from domain.stock import MovementType
from workflows import ports

ENDS = {Step.APPROVE: "APPLIED", Step.REJECT: "REJECTED", Step.CANCEL: "CANCELLED", Step.LAPSE: "LAPSED"}
NEXT_ALARM = {Step.REMIND: Step.ESCALATE, Step.ESCALATE: Step.LAPSE}


def adjustment_request() -> AdjustmentRequest:
    """A change that is too large for one person."""
    return AdjustmentRequest(
        adjustment_id=uuid.uuid4(),
        inventory_id=uuid.uuid4(),
        delta=-500,
        type=MovementType.DAMAGE,
        reason="water in the cellar",
        actor_id=uuid.uuid4(),
        actor_name="alice",
    )


@dataclass
class FakeDesk(ports.AdjustmentActivities):
    """`now` is the clock of the server, `patience` the pause between two alarms; who `refuses` names is refused."""

    now: Callable[[], Awaitable[datetime]]
    patience: timedelta = timedelta(days=1)
    refuses: str = ""
    row: StepOutcome = field(default_factory=lambda: StepOutcome(status="PENDING", version=1))
    taken: list[StepRequest] = field(default_factory=list)

    @activity.defn(name="open_adjustment")
    async def open(self, request: AdjustmentRequest) -> StepOutcome:
        """The row as it is, with its first alarm."""
        if self.row.wakes_for is None and not self.row.is_closed:
            self.row = replace(self.row, wakes_at=await self.now() + self.patience, wakes_for=Step.REMIND)
        return self.row

    @activity.defn(name="take_adjustment_step")
    async def take(self, request: StepRequest) -> StepOutcome:
        """The next state, or a refusal."""
        self.taken.append(request)
        if self.row.is_closed or self.refuses == request.decision.actor_name:
            return replace(self.row, changed=False, refusal_code="self_approval", refusal_detail="no")
        version = self.row.version + 1
        if request.step in ENDS:
            self.row = StepOutcome(status=ENDS[request.step], version=version, changed=True, is_closed=True)
        else:
            alarm, due = NEXT_ALARM[request.step], await self.now() + self.patience
            self.row = replace(self.row, version=version, wakes_at=due, wakes_for=alarm)
        return self.row

    @property
    def steps(self) -> list[Step]:
        """What was asked of it, each step once."""
        return list(dict.fromkeys(request.step for request in self.taken))
