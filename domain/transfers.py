"""Stock on its way from one warehouse to another: asked for, approved when it is much or goes far, shipped, received.

    state                takes                        becomes
    ───────────────────  ───────────────────────────  ─────────────────────────────────────────────────────────
    PENDING_APPROVAL     approve (not by the asker)   APPROVED
                         reject, lapse                REJECTED, LAPSED: the end
                         remind, escalate             what it is
    REQUESTED, APPROVED  ship, once                   IN_TRANSIT: the stock has left the source
    IN_TRANSIT,          receive, resolve             PARTLY_RECEIVED; CLOSED, the end, when nothing is in transit
    PARTLY_RECEIVED      late                         what it is, marked late
    each of these        cancel                       CANCELLED, the end: what is in transit returns to the source

What is in transit belongs to nobody's availability. The target must be in use when stock is asked for, approved or
sent; what is on the road may always arrive. The source need not be: this is how a closed warehouse is emptied.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from domain.approval import ApprovalReason
from domain.errors import FieldProblem, Unprocessable, WarehouseInactive
from domain.fields import FieldProblems
from domain.limits import REASON_CHARACTERS_MAX, REFERENCE_CHARACTERS_MAX, TRANSIT_SECONDS_MAX
from domain.operations import Patience, Step, Wake, check_four_eyes, check_step
from domain.transfer_lines import Discrepancy, TransferLine
from domain.warehouses import Warehouse


class TransferStatus(StrEnum):
    """REQUESTED needed no approval, APPROVED has it; the last four are final."""

    PENDING_APPROVAL = "PENDING_APPROVAL"
    REQUESTED = "REQUESTED"
    APPROVED = "APPROVED"
    IN_TRANSIT = "IN_TRANSIT"
    PARTLY_RECEIVED = "PARTLY_RECEIVED"
    CLOSED = "CLOSED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    LAPSED = "LAPSED"


_WAITING = frozenset({TransferStatus.PENDING_APPROVAL})
_READY = frozenset({TransferStatus.REQUESTED, TransferStatus.APPROVED})
_ON_THE_ROAD = frozenset({TransferStatus.IN_TRANSIT, TransferStatus.PARTLY_RECEIVED})

STEPS: Mapping[Step, Collection[TransferStatus]] = {
    Step.APPROVE: _WAITING,
    Step.REJECT: _WAITING,
    Step.REMIND: _WAITING,
    Step.ESCALATE: _WAITING,
    Step.LAPSE: _WAITING,
    Step.SHIP: _READY,
    Step.RECEIVE: _ON_THE_ROAD,
    Step.RESOLVE: _ON_THE_ROAD,
    Step.LATE: _ON_THE_ROAD,
    Step.CANCEL: _WAITING | _READY | _ON_THE_ROAD,
}
"""Which states take which step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTransfer:
    """What somebody asks for. When it should arrive: an instant, or seconds after it is shipped, or neither."""

    from_warehouse_id: UUID
    to_warehouse_id: UUID
    lines: Mapping[str, int]
    reason: str = ""
    reference: str = ""
    expected_at: datetime | None = None
    transit_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A transfer with its life. `expected_at` is known from the start when it was given as an instant, else once
    shipped: `transit_seconds` later. `approval_reason` says why one person was not enough."""

    transfer_id: UUID
    from_warehouse_id: UUID
    to_warehouse_id: UUID
    status: TransferStatus
    lines: tuple[TransferLine, ...]
    reason: str
    reference: str
    approval_reason: ApprovalReason | None
    transit_seconds: int | None
    expected_at: datetime | None
    shipped_at: datetime | None
    late_since: datetime | None
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
    def is_late(self) -> bool:
        """It should have arrived by now, and it still has not all been accounted for."""
        return self.late_since is not None and self.closed_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferPolicy:
    """How many pieces one person may send alone inside a region, how long others have to decide about more, and how
    long stock may be on the road where the request says nothing else."""

    threshold_quantity: int
    transit_seconds: int
    patience: Patience

    def approval_reason(self, source: Warehouse, target: Warehouse, quantity: int) -> ApprovalReason | None:
        """Why a transfer of so many pieces needs a second person; None when it does not."""
        if source.region != target.region:
            return ApprovalReason.REGION
        return ApprovalReason.QUANTITY if quantity > self.threshold_quantity else None

    def expected_at(self, transfer: Transfer, shipped_at: datetime) -> datetime:
        """When stock that leaves now should be there."""
        if transfer.expected_at is not None:
            return transfer.expected_at
        seconds = self.transit_seconds if transfer.transit_seconds is None else transfer.transit_seconds
        return shipped_at + timedelta(seconds=seconds)


def check_new_transfer(new: NewTransfer, now: datetime) -> None:
    """Refuse a request with wrong or contradicting fields. Raises Unprocessable naming all of them."""
    problems = FieldProblems()
    if new.from_warehouse_id == new.to_warehouse_id:
        problems.add("/toWarehouseId", "must be another warehouse")
    if not new.lines:
        problems.add("/lines", "must not be empty")
    problems.text("/reason", new.reason, characters_max=REASON_CHARACTERS_MAX)
    problems.text("/reference", new.reference, characters_max=REFERENCE_CHARACTERS_MAX)
    problems.number("/transitSeconds", new.transit_seconds, least=1, most=TRANSIT_SECONDS_MAX)
    if new.expected_at is not None and not now < new.expected_at <= now + timedelta(seconds=TRANSIT_SECONDS_MAX):
        problems.add("/expectedAt", f"must be ahead of us, and by at most {TRANSIT_SECONDS_MAX} seconds")
    if new.expected_at is not None and new.transit_seconds is not None:
        problems.add("/transitSeconds", "give either expectedAt or transitSeconds")
    problems.refuse()


def check_transfer_step(transfer: Transfer, step: Step, actor_id: UUID) -> None:
    """Refuse a step that this transfer does not take, or not from this person.

    Raises OperationClosed, StepNotAllowed, SelfApproval.
    """
    check_step(transfer.status, step, STEPS, is_closed=transfer.closed_at is not None)
    if step is Step.APPROVE:
        check_four_eyes(transfer.requested_by, actor_id)


def check_target(target: Warehouse) -> None:
    """Refuse to send stock to a warehouse that is not in use. Raises WarehouseInactive."""
    if not target.is_active:
        raise WarehouseInactive(f"{target.code} is not in use", extra={"warehouseId": str(target.warehouse_id)})


def discrepancy_of(text: str) -> Discrepancy | None:
    """What somebody says became of a gap; None when nothing is said. Raises Unprocessable."""
    try:
        return Discrepancy(text) if text else None
    except ValueError:
        known = ", ".join(Discrepancy)
        raise Unprocessable(fields=[FieldProblem("/discrepancy", f"must be one of: {known}")]) from None


def status_of(lines: Iterable[TransferLine]) -> TransferStatus:
    """The state of a transfer that was shipped."""
    known = list(lines)
    if not any(line.quantity_in_transit for line in known):
        return TransferStatus.CLOSED
    arrived = any(line.quantity_received for line in known)
    return TransferStatus.PARTLY_RECEIVED if arrived else TransferStatus.IN_TRANSIT


def wake_on_the_road(transfer: Transfer, expected_at: datetime | None) -> Wake | None:
    """What the clock waits for while stock is on the road: the moment that makes it late, once."""
    return Wake(expected_at, Step.LATE) if expected_at is not None and transfer.late_since is None else None
