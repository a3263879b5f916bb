"""News in and out: which events there are, and what an order's event means for the reservations it has.

Pure rules. Where an event comes from, how it is read and how its effect is made durable is the workers' matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain.reservations import ReservationStatus


class Consumed(StrEnum):
    """What other services tell us."""

    ORDER_CREATED = "order.created"
    PAYMENT_SUCCESSFUL = "payment.successful"
    PAYMENT_FAILED = "payment.failed"
    ORDER_CANCELLED = "order.cancelled"
    PRODUCT_CREATED = "product.created"
    PRODUCT_DELETED = "product.deleted"


class Produced(StrEnum):
    """What we tell them. The bodies are written by the SQL functions that make the change."""

    STOCK_UPDATED = "inventory.stock_updated"
    LOW_STOCK = "inventory.low_stock"
    OUT_OF_STOCK = "inventory.out_of_stock"
    RESERVED = "inventory.reserved"
    RESERVATION_EXTENDED = "inventory.reservation_extended"
    RESERVATION_REJECTED = "inventory.reservation_rejected"
    COMMITTED = "inventory.committed"
    RELEASED = "inventory.released"
    RETURNED = "inventory.returned"
    COMMIT_REFUSED = "inventory.commit_refused"
    ALERT_ACKNOWLEDGED = "inventory.alert_acknowledged"
    ALERT_RESOLVED = "inventory.alert_resolved"
    WAITLIST_JOINED = "inventory.waitlist_joined"
    WAITLIST_OFFERED = "inventory.waitlist_offered"
    WAITLIST_EXPIRED = "inventory.waitlist_expired"
    WAITLIST_WITHDRAWN = "inventory.waitlist_withdrawn"
    ADJUSTMENT_REQUESTED = "inventory.adjustment_requested"
    ADJUSTMENT_APPLIED = "inventory.adjustment_applied"
    ADJUSTMENT_REJECTED = "inventory.adjustment_rejected"
    ADJUSTMENT_CANCELLED = "inventory.adjustment_cancelled"
    ADJUSTMENT_LAPSED = "inventory.adjustment_lapsed"
    ADJUSTMENT_REMINDED = "inventory.adjustment_reminded"
    ADJUSTMENT_ESCALATED = "inventory.adjustment_escalated"
    TRANSFER_REQUESTED = "inventory.transfer_requested"
    TRANSFER_APPROVED = "inventory.transfer_approved"
    TRANSFER_REJECTED = "inventory.transfer_rejected"
    TRANSFER_LAPSED = "inventory.transfer_lapsed"
    TRANSFER_REMINDED = "inventory.transfer_reminded"
    TRANSFER_ESCALATED = "inventory.transfer_escalated"
    TRANSFER_SHIPPED = "inventory.transfer_shipped"
    TRANSFER_RECEIVED = "inventory.transfer_received"
    TRANSFER_RESOLVED = "inventory.transfer_resolved"
    TRANSFER_LATE = "inventory.transfer_late"
    TRANSFER_CLOSED = "inventory.transfer_closed"
    TRANSFER_CANCELLED = "inventory.transfer_cancelled"
    PURCHASE_ORDER_DRAFTED = "inventory.purchase_order_drafted"
    PURCHASE_ORDER_APPROVED = "inventory.purchase_order_approved"
    PURCHASE_ORDER_REJECTED = "inventory.purchase_order_rejected"
    PURCHASE_ORDER_SENT = "inventory.purchase_order_sent"
    PURCHASE_ORDER_RECEIVED = "inventory.purchase_order_received"
    PURCHASE_ORDER_CLOSED = "inventory.purchase_order_closed"
    PURCHASE_ORDER_CANCELLED = "inventory.purchase_order_cancelled"
    PURCHASE_ORDER_LATE = "inventory.purchase_order_late"


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryEvent:
    """One row of the outbox. `sequence` orders the events of one stream: a row, a reservation, an alert."""

    outbox_id: int
    event_id: UUID
    type: str
    key: str
    stream_id: UUID
    sequence: int
    data: Mapping[str, Any]
    traceparent: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReservation:
    """What is known of one reservation of an order.

    `reserved_at` is None while its workflow has been started and has not held anything yet.
    """

    reservation_id: UUID
    status: ReservationStatus
    reserved_at: datetime | None = None
    is_overdue: bool = False
    is_returned: bool = False

    @property
    def is_open(self) -> bool:
        """It can still be committed or cancelled; an overdue one is for the settling transaction to judge."""
        return self.status is ReservationStatus.PENDING

    @property
    def is_sold(self) -> bool:
        """Committed, and the goods are still the customer's."""
        return self.status is ReservationStatus.COMMITTED and not self.is_returned

    @property
    def is_live(self) -> bool:
        """It holds stock for the order, or sold it."""
        return self.is_sold or (self.is_open and not self.is_overdue)


class Effect(StrEnum):
    """What an order's event does to one reservation."""

    HOLD = "hold"
    COMMIT = "commit"
    CANCEL = "cancel"
    RETURN = "return"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Step:
    """One effect on one reservation."""

    effect: Effect
    reservation_id: UUID


class TooEarly(Exception):
    """The event this one depends on has not come yet: wait for it."""


def steps_for(event: Consumed, order: Sequence[OrderReservation], *, own_id: UUID) -> tuple[Step, ...]:
    """What an order's event asks for, given the order's reservations; nothing when it is so already.

    `own_id` is the reservation that this very event makes, if it is an `order.created`. Steps come in the order of
    reservation ids. Raises TooEarly for a decision about an order that has no reservation yet.
    """
    ordered = sorted(order, key=lambda known: known.reservation_id)
    if event is Consumed.ORDER_CREATED:
        return _created(ordered, own_id)
    if not ordered:
        raise TooEarly("the order has no reservation yet")
    return _DECISIONS[event](ordered)


def _created(order: Sequence[OrderReservation], own_id: UUID) -> tuple[Step, ...]:
    """Attach to what the checkout already holds; an event that was here before repeats its own verdict."""
    known = any(it.is_live or it.reservation_id == own_id for it in order)
    return () if known else (Step(Effect.HOLD, own_id),)


def _paid(order: Sequence[OrderReservation]) -> tuple[Step, ...]:
    """Sell what is held; money for an order that holds nothing any more is refused once, for its latest hold."""
    open_ = _each(order, Effect.COMMIT, lambda it: it.is_open)
    if open_ or any(it.is_sold for it in order):
        return open_
    latest = max(order, key=lambda it: (it.reserved_at is not None, it.reserved_at, it.reservation_id))
    return (Step(Effect.REFUSE, latest.reservation_id),)


def _unpaid(order: Sequence[OrderReservation]) -> tuple[Step, ...]:
    return _each(order, Effect.CANCEL, lambda it: it.is_open)


def _cancelled(order: Sequence[OrderReservation]) -> tuple[Step, ...]:
    return tuple(
        Step(Effect.CANCEL if it.is_open else Effect.RETURN, it.reservation_id)
        for it in order
        if it.is_open or it.is_sold
    )


def _each(
    order: Sequence[OrderReservation], effect: Effect, concerned: Callable[[OrderReservation], bool]
) -> tuple[Step, ...]:
    return tuple(Step(effect, it.reservation_id) for it in order if concerned(it))


_DECISIONS: Mapping[Consumed, Callable[[Sequence[OrderReservation]], tuple[Step, ...]]] = {
    Consumed.PAYMENT_SUCCESSFUL: _paid,
    Consumed.PAYMENT_FAILED: _unpaid,
    Consumed.ORDER_CANCELLED: _cancelled,
}
