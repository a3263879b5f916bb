"""A transfer in memory behind workflows/ports.py: one SKU, and enough of the rules to see what the workflow makes of
each answer."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from temporalio import activity

from domain.contracts.operations import SkuQuantity, StaffDecision, StepOutcome, StepRequest
from domain.contracts.transfers import TransferRequest
from domain.ids import system_actor
from domain.operations import Patience, Step
from domain.transfers import STEPS, TransferStatus
from workflows import ports

TESTER = system_actor("tester")
DAY = timedelta(days=1)
PATIENCE = Patience(remind=DAY, escalate=2 * DAY, lapse=7 * DAY)

_ENDS = {
    Step.REJECT: TransferStatus.REJECTED,
    Step.LAPSE: TransferStatus.LAPSED,
    Step.CANCEL: TransferStatus.CANCELLED,
    Step.RESOLVE: TransferStatus.CLOSED,
}


class FakeTransfer(ports.TransferActivities):
    """What it was asked is in `taken`. `now` is the clock of the server; stock is on the road for `transit`."""

    def __init__(
        self, now: Callable[[], Awaitable[datetime]], *, needs_approval: bool = False, transit: timedelta = 3 * DAY
    ) -> None:
        self._now = now
        self._transit = transit
        self._left = 0
        self._asked_at: datetime | None = None
        first = TransferStatus.PENDING_APPROVAL if needs_approval else TransferStatus.REQUESTED
        self.row = StepOutcome(status=first, version=0)
        self.taken: list[StepRequest] = []

    @property
    def steps(self) -> list[Step]:
        """What was asked of it, each decision once: a task that is tried again asks again."""
        return [step for step, _ in dict.fromkeys((one.step, one.decision.decision_id) for one in self.taken)]

    @activity.defn(name="open_transfer")
    async def open(self, request: TransferRequest) -> StepOutcome:
        """Record it, or answer what became of it."""
        if self.row.version == 0:
            self._asked_at = await self._now()
            self._left = sum(line.quantity for line in request.lines)
            self._become(self.row.status, *self._alarm(None))
        return self.row

    @activity.defn(name="take_transfer_step")
    async def take(self, request: StepRequest) -> StepOutcome:
        """Take a step that the state allows; the same decision once."""
        repeated = any(one.decision.decision_id == request.decision.decision_id for one in self.taken)
        self.taken.append(request)
        status = TransferStatus(self.row.status)
        if repeated:
            return replace(self.row, changed=False)
        if status not in STEPS[request.step]:
            code = "operation_closed" if self.row.is_closed else "step_not_allowed"
            return replace(self.row, changed=False, refusal_code=code, refusal_detail="not now")
        await self._step(status, request)
        return self.row

    async def _step(self, status: TransferStatus, request: StepRequest) -> None:
        match request.step:
            case Step.REMIND | Step.ESCALATE:
                self._become(status, *self._alarm(request.step))
            case Step.APPROVE:
                self._become(TransferStatus.APPROVED)
            case Step.SHIP:
                self._become(TransferStatus.IN_TRANSIT, await self._now() + self._transit, Step.LATE)
            case Step.LATE:
                self._become(status)
                self.row = replace(self.row, is_late=True)
            case Step.RECEIVE:
                self._receive(request.decision)
            case _:
                self._become(_ENDS[request.step])

    def _receive(self, decision: StaffDecision) -> None:
        self._left -= sum(line.quantity for line in decision.lines) or self._left
        if self._left:
            self._become(TransferStatus.PARTLY_RECEIVED, self.row.wakes_at, self.row.wakes_for)
        else:
            self._become(TransferStatus.CLOSED)

    def _alarm(self, taken: Step | None) -> tuple[datetime | None, Step | None]:
        if self.row.status != TransferStatus.PENDING_APPROVAL:
            return None, None
        assert self._asked_at is not None
        wake = PATIENCE.wake_after(self._asked_at, taken)
        return wake.at, wake.step

    def _become(self, status: str, wakes_at: datetime | None = None, wakes_for: Step | None = None) -> None:
        ends = {*_ENDS.values(), TransferStatus.CLOSED}
        self.row = StepOutcome(
            status=status,
            version=self.row.version + 1,
            changed=True,
            is_closed=status in ends,
            is_late=self.row.is_late and status not in ends,
            wakes_at=wakes_at,
            wakes_for=wakes_for,
        )


def transfer_request(**fields: Any) -> TransferRequest:
    """Five pieces from one warehouse to another."""
    return TransferRequest(
        **{
            "transfer_id": uuid.uuid4(),
            "from_warehouse_id": uuid.uuid4(),
            "to_warehouse_id": uuid.uuid4(),
            "lines": [SkuQuantity(sku="SKU-1", quantity=5)],
            "actor_id": TESTER.actor_id,
            "actor_name": TESTER.name,
            **fields,
        }
    )


def staff(**said: Any) -> StaffDecision:
    """A decision of the tester."""
    return StaffDecision(
        **{"decision_id": str(uuid.uuid4()), "actor_id": TESTER.actor_id, "actor_name": TESTER.name, **said}
    )
