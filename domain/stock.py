"""One shelf: how much stands there, how much of it is promised, and what a change of it means.

Available = total − reserved, always; nothing is ever negative. The same rules stand as CHECK constraints in
db/migrations and as queries in db/invariants.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.errors import ApprovalRequired, FieldProblem, InsufficientStock, Shortage, Unprocessable


class MovementType(StrEnum):
    """Why a total changed. The ledger's words, from the specification."""

    INBOUND = "INBOUND"
    OUTBOUND = "OUTBOUND"
    ADJUSTMENT = "ADJUSTMENT"
    TRANSFER = "TRANSFER"
    RETURN = "RETURN"
    DAMAGE = "DAMAGE"


ADJUSTABLE = frozenset({MovementType.INBOUND, MovementType.ADJUSTMENT, MovementType.RETURN, MovementType.DAMAGE})
"""What a person may write by hand; OUTBOUND belongs to reservations and TRANSFER to transfers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StockItem:
    """An inventory row: one SKU in one warehouse. Quantities in pieces.

    `sequence` counts changes of quantity, without gaps; `version` counts every change of the row.
    """

    inventory_id: UUID
    product_id: UUID
    variant_id: UUID | None
    warehouse_id: UUID
    sku: str
    quantity_total: int
    quantity_reserved: int
    reorder_point: int
    reorder_quantity: int
    sequence: int
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def quantity_available(self) -> int:
        """Pieces that may still be promised."""
        return self.quantity_total - self.quantity_reserved


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One line of the append-only ledger. `quantity` is signed: the change of the row's total."""

    movement_id: UUID
    inventory_id: UUID
    type: MovementType
    quantity: int
    total_after: int
    sequence: int
    reason: str
    reference: str
    performed_by: UUID
    performed_by_name: str
    created_at: datetime


def check_adjustment(type_: MovementType, delta: int, *, threshold: int) -> None:
    """Refuse an adjustment that no person may make, or not alone.

    Raises Unprocessable for a wrong type or sign, ApprovalRequired when |delta| exceeds `threshold` pieces.
    """
    if type_ not in ADJUSTABLE:
        raise Unprocessable(fields=[FieldProblem("/type", f"{type_} is written by its own process, not by hand")])
    if delta == 0:
        raise Unprocessable(fields=[FieldProblem("/delta", "must not be zero")])
    if type_ is MovementType.DAMAGE and delta > 0:
        raise Unprocessable(fields=[FieldProblem("/delta", "damage takes stock away: use a negative number")])
    if type_ in {MovementType.INBOUND, MovementType.RETURN} and delta < 0:
        raise Unprocessable(fields=[FieldProblem("/delta", f"{type_} brings stock in: use a positive number")])
    if abs(delta) > threshold:
        raise ApprovalRequired(
            f"a change of {abs(delta)} pieces is above the threshold of {threshold}",
            extra={"threshold": threshold, "delta": delta},
        )


def check_takeable(item: StockItem, delta: int) -> None:
    """Refuse to take away stock that is promised to somebody. Raises InsufficientStock."""
    if item.quantity_available + delta < 0:
        raise InsufficientStock([Shortage(item.sku, -delta, item.quantity_available)])
