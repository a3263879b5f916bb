"""A place in line for a SKU that is short: who waits, for how long, and what may become of it.

WAITING becomes OFFERED (with a reservation of its own), EXPIRED or WITHDRAWN, once. First come, first served, with one
exception: an entry that needs more than there is lets those behind it pass who need less. What is free is for sale to
everybody meanwhile, so holding it back from the line would not save it for the big wish.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from domain.fields import FieldProblems
from domain.limits import (
    HOLD_SECONDS_MIN,
    ORDER_ID_CHARACTERS_MAX,
    QUANTITY_MAX,
    REGION_CHARACTERS_MAX,
    SKU_CHARACTERS_MAX,
    WAIT_SECONDS_MAX,
)
from domain.reservations import Item


class WaitlistStatus(StrEnum):
    """WAITING, and the three ways it ends."""

    WAITING = "WAITING"
    OFFERED = "OFFERED"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants to wait for. `hold_seconds` is how long the hold will last, once there is one.

    At most one of `wait_seconds` and `expires_at` says how long to wait; neither means the usual time.
    """

    order_id: str
    item: Item
    region: str | None = None
    hold_seconds: int | None = None
    wait_seconds: int | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitlistEntry:
    """One place in line. `place` orders the line; `reservation_id` is there once it was offered."""

    entry_id: UUID
    place: int
    order_id: str
    sku: str
    quantity: int
    warehouse_id: UUID | None
    region: str | None
    hold_seconds: int
    status: WaitlistStatus
    reservation_id: UUID | None
    sequence: int
    performed_by: UUID
    performed_by_name: str
    traceparent: str | None
    joined_at: datetime
    expires_at: datetime
    settled_at: datetime | None

    @property
    def is_waiting(self) -> bool:
        """Whether it may still be offered something."""
        return self.status is WaitlistStatus.WAITING


@dataclass(frozen=True, slots=True)
class InLine:
    """An entry and its position: 1 is next; None when it does not wait any more."""

    entry: WaitlistEntry
    position: int | None


def check_wish(wish: Wish, now: datetime, *, hold_seconds_max: int) -> None:
    """Refuse a wish with wrong or contradicting fields. Raises Unprocessable naming all of them."""
    problems = FieldProblems()
    problems.text("/orderId", wish.order_id, characters_max=ORDER_ID_CHARACTERS_MAX, required=True)
    problems.text("/sku", wish.item.sku, characters_max=SKU_CHARACTERS_MAX, required=True)
    problems.text("/region", wish.region, characters_max=REGION_CHARACTERS_MAX)
    problems.number("/quantity", wish.item.quantity, least=1, most=QUANTITY_MAX)
    problems.number("/holdSeconds", wish.hold_seconds, least=HOLD_SECONDS_MIN, most=hold_seconds_max)
    problems.number("/waitSeconds", wish.wait_seconds, least=1, most=WAIT_SECONDS_MAX)
    if wish.wait_seconds is not None and wish.expires_at is not None:
        problems.add("/expiresAt", "give either waitSeconds or expiresAt")
    if wish.expires_at is not None and not now < wish.expires_at <= now + timedelta(seconds=WAIT_SECONDS_MAX):
        problems.add("/expiresAt", f"must be in the future, at most {WAIT_SECONDS_MAX} seconds from now")
    problems.refuse()
