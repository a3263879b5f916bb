"""A hold on stock for one order: its states, its lines, and who may move it where.

PENDING becomes COMMITTED, CANCELLED or EXPIRED, once. REJECTED is a hold that never was. The guarded transition
itself is one SQL function (db/migrations/sql/settle_reservation.sql); this module says what it means.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain.allocation_terms import Strategy
from domain.destinations import Destination
from domain.errors import Shortage
from domain.explanations import Allocated, Explanation, Reason


class ReservationStatus(StrEnum):
    """The states of the specification, and REJECTED for a refused hold."""

    PENDING = "PENDING"
    COMMITTED = "COMMITTED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"

    @property
    def is_terminal(self) -> bool:
        """True when nothing but a return of sold stock can follow."""
        return self is not ReservationStatus.PENDING


class ReleaseReason(StrEnum):
    """Why held or sold stock came back; the `reason` of `inventory.released`."""

    CANCELLED = "cancelled"
    PAYMENT_FAILED = "payment_failed"
    EXPIRED = "expired"
    ORDER_CANCELLED = "order_cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What a customer wants, as asked: exactly one of sku, inventory_id, or product_id (with variant_id).

    It may come from `warehouse_id` only; from `preferred_warehouse_id` as far as its stock goes.
    """

    quantity: int
    sku: str | None = None
    inventory_id: UUID | None = None
    product_id: UUID | None = None
    variant_id: UUID | None = None
    warehouse_id: UUID | None = None
    preferred_warehouse_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Pieces of one inventory row that a reservation holds."""

    inventory_id: UUID
    warehouse_id: UUID
    sku: str
    quantity: int
    quantity_returned: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A reservation as its row and lines say. `returned_at` is set when sold stock came back whole.

    `explanation` is kept only when there was something to choose: see `allocation`.
    """

    reservation_id: UUID
    order_id: str
    status: ReservationStatus
    lines: tuple[Line, ...]
    shortages: tuple[Shortage, ...]
    fingerprint: str
    release_reason: str | None
    extends_count: int
    sequence: int
    reserved_at: datetime
    expires_at: datetime
    committed_at: datetime | None
    cancelled_at: datetime | None
    expired_at: datetime | None
    returned_at: datetime | None
    created_at: datetime
    updated_at: datetime
    explanation: Explanation | None = None

    @property
    def allocation(self) -> Explanation:
        """Why its stock is where it is. Where nothing was kept, each item came from the only warehouse that has it."""
        return self.explanation or Explanation(
            allocated=tuple(
                Allocated(
                    inventory_id=line.inventory_id,
                    warehouse_id=line.warehouse_id,
                    sku=line.sku,
                    quantity=line.quantity,
                    distance_km=None,
                    reasons=(Reason.ONLY_CANDIDATE,),
                )
                for line in self.lines
            )
        )


def fingerprint(
    order_id: str,
    items: Sequence[Item],
    hold_seconds: int | None,
    *,
    region: str | None = None,
    allow_split: bool = True,
    strategy: Strategy = Strategy.BALANCED,
    destination: Destination | None = None,
) -> str:
    """What a reservation was asked for, as a SHA-256 hex digest: the order of the items does not matter.

    What came later than the first reservations is in it only when it was asked for, so that theirs stay as they are.
    """
    asked: list[Any] = [order_id, sorted(_asked(item) for item in items), hold_seconds, region, allow_split]
    if strategy is not Strategy.BALANCED or destination is not None:
        asked.append([strategy.value, asdict(destination) if destination else None])
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


def _asked(item: Item) -> list[str]:
    parts = (item.sku, item.inventory_id, item.product_id, item.variant_id, item.warehouse_id, item.quantity)
    preferred = [item.preferred_warehouse_id] if item.preferred_warehouse_id else []
    return [str(part) for part in (*parts, *preferred)]
