"""Work that waits for people: the steps there are, who may take them, and when the clock takes one itself.

Shared by adjustments, transfers and purchase orders. Each noun says which of its states allow which step; what a step
does stands with the noun.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from domain.errors import OperationClosed, SelfApproval, StepNotAllowed


class OperationKind(StrEnum):
    """The nouns; also the prefix of their workflow ids."""

    ADJUSTMENT = "adjustment"
    TRANSFER = "transfer"
    PURCHASE_ORDER = "purchase-order"


class Step(StrEnum):
    """What may happen to an operation. The last four are taken by the clock, never by a person."""

    APPROVE = "approve"
    REJECT = "reject"
    CANCEL = "cancel"
    SHIP = "ship"
    SEND = "send"
    RECEIVE = "receive"
    RESOLVE = "resolve"
    CLOSE = "close"
    REMIND = "remind"
    ESCALATE = "escalate"
    LAPSE = "lapse"
    LATE = "late"


STEPS_OF_THE_CLOCK = frozenset({Step.REMIND, Step.ESCALATE, Step.LAPSE, Step.LATE})


@dataclass(frozen=True, slots=True)
class Wake:
    """When the clock acts next if nobody else does, and which step it takes."""

    at: datetime
    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long an operation waits for its approval: reminded, escalated, then given up."""

    remind: timedelta
    escalate: timedelta
    lapse: timedelta

    def wake_after(self, asked_at: datetime, taken: Step | None) -> Wake:
        """What the clock does next when `taken` was its last step; None before its first."""
        match taken:
            case None:
                return Wake(asked_at + self.remind, Step.REMIND)
            case Step.REMIND:
                return Wake(asked_at + self.escalate, Step.ESCALATE)
            case _:
                return Wake(asked_at + self.lapse, Step.LAPSE)


def check_step(status: StrEnum, step: Step, allowed: Mapping[Step, Collection[StrEnum]], *, is_closed: bool) -> None:
    """Refuse a step that this state does not take. Raises OperationClosed, StepNotAllowed."""
    if is_closed:
        raise OperationClosed(f"it is {status.lower()} already", extra={"currentStatus": status.value})
    if status not in allowed.get(step, ()):
        raise StepNotAllowed(
            f"{step} is not possible while it is {status.lower()}", extra={"currentStatus": status.value}
        )


def check_four_eyes(requested_by: UUID, actor_id: UUID) -> None:
    """Refuse an approval by the person who asked. Raises SelfApproval."""
    if requested_by == actor_id:
        raise SelfApproval("whoever asked for it cannot approve it")
