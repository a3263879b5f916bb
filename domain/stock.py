"""One shelf: how much stands there, how much of it is promised, and what a change of it means.

Available = total − reserved, always; nothing is ever negative. The same rules stand as CHECK constraints in
db/migrations and as queries in db/invariants.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain.errors import (
    FieldProblem,
    InsufficientStock,
    Shortage,
    Unprocessable,
)
from domain.limits import STOCK_TOTAL_MAX

REORDER_POINT_DEFAULT = 10
REORDER_QUANTITY_DEFAULT = 50
"""Pieces, from the specification's Inventory entity."""

OPENING_REASON = "opening stock"
COUNT_REASON = "stock count"
RETIRED_REASON = "retired"
PRODUCT_DELETED_REASON = "product deleted"
"""The ledger's words where the caller gives none."""


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


class ReasonCode(StrEnum):
    """Why stock was changed by hand, for reports; the words beside it are free."""

    DAMAGE = "damage"
    LOSS = "loss"
    FOUND = "found"
    COUNT_CORRECTION = "count_correction"
    RETURN = "return"
    RECEIPT = "receipt"


@dataclass(frozen=True, slots=True, kw_only=True)
class StockItem:
    """An inventory row: one SKU in one warehouse. Quantities in pieces.

    `unit_cost` is what one piece costs us, in `currency`; a row has both or neither. `sequence` counts changes of
    quantity, without gaps; `version` counts every change of the row.
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
    unit_cost: Decimal | None = None
    currency: str | None = None
    sequence: int
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def quantity_available(self) -> int:
        """Pieces that may still be promised."""
        return self.quantity_total - self.quantity_reserved


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """Pieces on their way to a shelf, nobody's availability yet: `in_transit` left another warehouse by a transfer,
    `on_order` are those that suppliers are to deliver, drafts included."""

    in_transit: int = 0
    on_order: int = 0


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


def check_adjustment(type_: MovementType, delta: int) -> None:
    """Refuse an adjustment that no person may make. Raises Unprocessable for a wrong type or sign."""
    if type_ not in ADJUSTABLE:
        raise Unprocessable(fields=[FieldProblem("/type", f"{type_} is written by its own process, not by hand")])
    if delta == 0:
        raise Unprocessable(fields=[FieldProblem("/delta", "must not be zero")])
    if type_ is MovementType.DAMAGE and delta > 0:
        raise Unprocessable(fields=[FieldProblem("/delta", "damage takes stock away: use a negative number")])
    if type_ in {MovementType.INBOUND, MovementType.RETURN} and delta < 0:
        raise Unprocessable(fields=[FieldProblem("/delta", f"{type_} brings stock in: use a positive number")])


def check_takeable(item: StockItem, delta: int) -> None:
    """Refuse to take away stock that is promised to somebody, or to fill a shelf beyond what can be counted.

    Raises InsufficientStock or Unprocessable.
    """
    if item.quantity_available + delta < 0:
        raise InsufficientStock([Shortage(item.sku, -delta, item.quantity_available)])
    if item.quantity_total + delta > STOCK_TOTAL_MAX:
        raise Unprocessable(f"{item.sku} would hold more than {STOCK_TOTAL_MAX} pieces")


def delta_of(item: StockItem, update: StockUpdate) -> int:
    """The signed pieces by which an update changes a row; 0 when a count found what was expected."""
    delta = update.quantity_total - item.quantity_total if update.quantity_total is not None else update.delta
    assert delta is not None, "domain.stock_fields has seen either a delta or a count"
    return delta


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStockItem:
    """A new inventory row; `quantity_total` pieces are its opening stock. A cost needs its currency, and only then."""

    sku: str
    product_id: UUID
    warehouse_id: UUID
    variant_id: UUID | None = None
    quantity_total: int = 0
    reorder_point: int = REORDER_POINT_DEFAULT
    reorder_quantity: int = REORDER_QUANTITY_DEFAULT
    unit_cost: Decimal | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StockItemChanges:
    """What a PUT carries; None leaves a field as it is.

    `quantity_total` is a stock count: the difference becomes an ADJUSTMENT with `reason`. The identity fields may be
    repeated as they are, so that a row that was read can be sent back, but not changed.
    """

    quantity_total: int | None = None
    reorder_point: int | None = None
    reorder_quantity: int | None = None
    unit_cost: Decimal | None = None
    currency: str | None = None
    reason: str = ""
    sku: str | None = None
    product_id: UUID | None = None
    variant_id: UUID | None = None
    warehouse_id: UUID | None = None

    def details(self, item: StockItem) -> dict[str, Any]:
        """What changes besides the quantity, by field of the row."""
        names = ("reorder_point", "reorder_quantity", "unit_cost", "currency")
        return {name: value for name in names if (value := getattr(self, name)) not in (None, getattr(item, name))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """A change of stock by hand: `delta` pieces, signed. Without a `reason_code` it has that of its type and sign."""

    delta: int
    reason: str
    type: MovementType = MovementType.ADJUSTMENT
    reference: str = ""
    reason_code: ReasonCode | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StockUpdate:
    """One item of a batch: a row by `inventory_id` or by `sku` and `warehouse_id`; either `delta` pieces or a count."""

    inventory_id: UUID | None = None
    sku: str | None = None
    warehouse_id: UUID | None = None
    delta: int | None = None
    quantity_total: int | None = None
    type: MovementType = MovementType.ADJUSTMENT
    reason: str = ""
    reference: str = ""
