"""A purchase order in memory behind workflows/ports.py: ten pieces of one SKU, and enough of the rules to see what the
workflow makes of each answer."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from temporalio import activity

from domain.contracts.operations import SkuQuantity, StaffDecision, StepOutcome, StepRequest
from domain.contracts.purchase_orders import PurchaseOrderRequest
from domain.operations import Step
from domain.purchase_orders import STEPS, PurchaseOrderStatus
from workflows import ports

_NEXT = {
    Step.APPROVE: PurchaseOrderStatus.APPROVED,
    Step.REJECT: PurchaseOrderStatus.REJECTED,
    Step.CLOSE: PurchaseOrderStatus.CLOSED,
    Step.CANCEL: PurchaseOrderStatus.CANCELLED,
}
_ENDS = {PurchaseOrderStatus.RECEIVED, *_NEXT.values()} - {PurchaseOrderStatus.APPROVED}


@dataclass
class FakePurchaseOrder(ports.PurchaseOrderActivities):
    """`now` is the clock of the server, `lead_time` how long a delivery may take. What it was asked is in `taken`."""

    now: Callable[[], Awaitable[datetime]]
    lead_time: timedelta = timedelta(days=7)
    outstanding: int = 10
    row: StepOutcome = field(default_factory=lambda: StepOutcome(status=PurchaseOrderStatus.DRAFT, version=1))
    taken: list[StepRequest] = field(default_factory=list)

    @property
    def steps(self) -> list[Step]:
        """What was asked of it, each decision once: a task that is tried again asks again."""
        return [step for step, _ in dict.fromkeys((one.step, one.decision.decision_id) for one in self.taken)]

    @activity.defn(name="open_purchase_order")
    async def open(self, request: PurchaseOrderRequest) -> StepOutcome:
        """The row as it is."""
        return self.row

    @activity.defn(name="take_purchase_order_step")
    async def take(self, request: StepRequest) -> StepOutcome:
        """Take a step that the state allows."""
        self.taken.append(request)
        if PurchaseOrderStatus(self.row.status) not in STEPS[request.step]:
            code = "operation_closed" if self.row.is_closed else "step_not_allowed"
            return replace(self.row, changed=False, refusal_code=code, refusal_detail="not now")
        match request.step:
            case Step.SEND:
                self._become(PurchaseOrderStatus.SENT, await self.now() + self.lead_time, Step.LATE)
            case Step.LATE:
                self._become(self.row.status)
                self.row = replace(self.row, is_late=True)
            case Step.RECEIVE:
                self.outstanding -= sum(line.quantity for line in request.decision.lines) or self.outstanding
                partly = (PurchaseOrderStatus.PARTIALLY_RECEIVED, self.row.wakes_at, self.row.wakes_for)
                self._become(*(partly if self.outstanding else (PurchaseOrderStatus.RECEIVED,)))
            case step:
                self._become(_NEXT[step])
        return self.row

    def _become(self, status: str, wakes_at: datetime | None = None, wakes_for: Step | None = None) -> None:
        self.row = StepOutcome(
            status=status,
            version=self.row.version + 1,
            changed=True,
            is_closed=status in _ENDS,
            is_late=self.row.is_late and status not in _ENDS,
            wakes_at=wakes_at,
            wakes_for=wakes_for,
        )


def purchase_order_request() -> PurchaseOrderRequest:
    """An order that is drafted."""
    return PurchaseOrderRequest(purchase_order_id=uuid.uuid4(), title="PO-000001 · 10 × SKU-1")


def arrived(quantity: int) -> dict[str, Any]:
    """What a decision says of pieces that came."""
    return {"lines": [SkuQuantity(sku="SKU-1", quantity=quantity)]}


def by_buyer(**said: Any) -> StaffDecision:
    """A decision of the buyer."""
    return StaffDecision(
        **{"decision_id": str(uuid.uuid4()), "actor_id": uuid.UUID(int=1), "actor_name": "buyer", **said}
    )
