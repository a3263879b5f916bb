"""Changes of stock by hand: applied at once when small, else when somebody other than the asker approves.

The rule is checked twice, when asked and again when applied: the stock may have moved in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from domain.approval import ApprovalReason, needs_approval
from domain.errors import ApprovalRequired, FieldProblem, HoldfastError, StockInUse, Unprocessable
from domain.operations import Patience, Step, check_four_eyes, check_step
from domain.stock import Movement, MovementType, ReasonCode, StockItem
from domain.warehouses import Warehouse


class AdjustmentStatus(StrEnum):
    """PENDING waits for a decision; every other state is final."""

    PENDING = "PENDING"
    APPLIED = "APPLIED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    LAPSED = "LAPSED"


STEPS: Mapping[Step, frozenset[AdjustmentStatus]] = {
    step: frozenset({AdjustmentStatus.PENDING})
    for step in (Step.APPROVE, Step.REJECT, Step.CANCEL, Step.REMIND, Step.ESCALATE, Step.LAPSE)
}
"""Which states take which step."""

_TYPE_OF_CODE: Mapping[ReasonCode, tuple[MovementType, int]] = {
    ReasonCode.DAMAGE: (MovementType.DAMAGE, -1),
    ReasonCode.LOSS: (MovementType.ADJUSTMENT, -1),
    ReasonCode.FOUND: (MovementType.ADJUSTMENT, 1),
    ReasonCode.COUNT_CORRECTION: (MovementType.ADJUSTMENT, 0),
    ReasonCode.RETURN: (MovementType.RETURN, 1),
    ReasonCode.RECEIPT: (MovementType.INBOUND, 1),
}
"""The movement that a reason is written as, and the sign it must have (0: either)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustmentPolicy:
    """How much one person may change alone, in pieces and in worth at cost (None: any), where the warehouse says
    nothing else; and how long others have to decide about more."""

    threshold_quantity: int
    threshold_value: Decimal | None
    patience: Patience

    def approval_reason(self, item: StockItem, warehouse: Warehouse, delta: int) -> ApprovalReason | None:
        """Why a change of this row needs a second person; None when it does not."""
        quantity, value = warehouse.adjustment_threshold_quantity, warehouse.adjustment_threshold_value
        return needs_approval(
            delta,
            item.unit_cost,
            self.threshold_quantity if quantity is None else quantity,
            self.threshold_value if value is None else value,
        )

    def check_retirement(self, item: StockItem, warehouse: Warehouse) -> None:
        """Refuse to take a row out of use that is still needed, or of which more is left than one may write off alone.

        Raises StockInUse, ApprovalRequired.
        """
        reserved, left = item.quantity_reserved, item.quantity_total
        if reserved:
            raise StockInUse(f"{reserved} pieces of {item.sku} are reserved", extra={"quantityReserved": reserved})
        if left and self.approval_reason(item, warehouse, -left):
            raise ApprovalRequired(
                f"writing off the {left} pieces of {item.sku} that are left needs approval: adjust the row to 0 first",
                extra={"quantityTotal": left},
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class StockAdjustment:
    """An adjustment with its life. `total_before` is the shelf when it was asked for; `applied_total_before` and
    `total_after` are the shelf around its application. `approval_reason` says why one person was not enough."""

    adjustment_id: UUID
    inventory_id: UUID
    warehouse_id: UUID
    sku: str
    delta: int
    type: MovementType
    reason_code: ReasonCode
    reason: str
    reference: str
    status: AdjustmentStatus
    approval_reason: ApprovalReason | None
    unit_cost: Decimal | None
    currency: str | None
    total_before: int
    applied_total_before: int | None
    total_after: int | None
    requested_by: UUID
    requested_by_name: str
    requested_at: datetime
    decided_by: UUID | None
    decided_by_name: str | None
    decided_at: datetime | None
    decision_reason: str
    wakes_at: datetime | None
    wakes_for: Step | None
    closed_at: datetime | None
    version: int
    updated_at: datetime

    @property
    def value(self) -> Decimal | None:
        """What the pieces are worth at cost, unsigned; None where no cost is known."""
        return None if self.unit_cost is None else abs(self.delta) * self.unit_cost


def check_adjustment_step(adjustment: StockAdjustment, step: Step, actor_id: UUID) -> None:
    """Refuse a step that this adjustment does not take, or not from this person.

    Raises OperationClosed, StepNotAllowed, SelfApproval.
    """
    check_step(adjustment.status, step, STEPS, is_closed=adjustment.closed_at is not None)
    if step is Step.APPROVE:
        check_four_eyes(adjustment.requested_by, actor_id)


def reason_code_of(type_: MovementType, delta: int) -> ReasonCode:
    """The reason that a change without a code has by its type and sign."""
    if type_ is MovementType.ADJUSTMENT:
        return ReasonCode.FOUND if delta > 0 else ReasonCode.LOSS
    return {
        MovementType.DAMAGE: ReasonCode.DAMAGE,
        MovementType.RETURN: ReasonCode.RETURN,
        MovementType.INBOUND: ReasonCode.RECEIPT,
    }[type_]


def check_reason_code(code: ReasonCode, type_: MovementType, delta: int) -> None:
    """Refuse a code that contradicts the type or the sign. Raises Unprocessable."""
    wanted, sign = _TYPE_OF_CODE[code]
    if type_ is not wanted:
        raise Unprocessable(fields=[FieldProblem("/reasonCode", f"{code} is written as {wanted}, not as {type_}")])
    if sign * delta < 0:
        direction = "adds" if sign > 0 else "takes"
        raise Unprocessable(fields=[FieldProblem("/delta", f"{code} {direction} stock: turn the sign round")])


def movement_type_of(code: ReasonCode) -> MovementType:
    """The movement that a reason is written as."""
    return _TYPE_OF_CODE[code][0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """A row after a change was asked for: applied, with its ledger line, or waiting for somebody's approval.

    Neither a line nor an adjustment when a count found what was expected.
    """

    item: StockItem
    movement: Movement | None = None
    adjustment: StockAdjustment | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether the change needs somebody else's approval first."""
        return self.adjustment is not None and self.adjustment.status is AdjustmentStatus.PENDING


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """What became of one item of a batch: `adjusted`, or the `error` that refused it."""

    adjusted: Adjusted | None = None
    error: HoldfastError | None = None
