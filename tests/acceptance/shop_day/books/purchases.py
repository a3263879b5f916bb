"""Suppliers and what is ordered from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.acceptance.shop_day.books.places import Named, Place

OVER_PERCENT = 10
"""How much more than was ordered the house takes in."""

CLOSED = ("RECEIVED", "CLOSED", "REJECTED", "CANCELLED")


@dataclass(frozen=True, slots=True)
class Terms:
    """How a supplier sells a SKU: pieces in a pack, the least that it delivers, the price of a piece."""

    pack: int
    least: int
    cost: str

    def orderable(self, pieces: int) -> int:
        """Whole packs, not less than the least."""
        wanted = max(pieces, self.least)
        return wanted + -wanted % self.pack


@dataclass(frozen=True, slots=True)
class Supplier:
    """Who sells to an aisle, and what."""

    supplier_id: str
    terms: dict[str, Terms]


@dataclass(slots=True)
class Ordered:
    """Pieces of one SKU on an order, and what has come of them."""

    pieces: int
    cost: Decimal
    received: int = 0

    @property
    def outstanding(self) -> int:
        return max(0, self.pieces - self.received)

    def room(self) -> int:
        """Pieces that it still takes."""
        return max(0, self.pieces * (100 + OVER_PERCENT) // 100 - self.received)


@dataclass(slots=True, eq=False, repr=False)
class Purchase(Named):
    """An order to the supplier, for one warehouse; `receipts` what each slip said."""

    purchase_order_id: str
    place: Place
    lines: dict[str, Ordered]
    asked_by: str
    status: str = "DRAFT"
    decided_by: str | None = None
    receipts: dict[str, Any] = field(default_factory=dict)
    news: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"{', '.join(self.lines)} for {self.place}:{self.status}"

    @property
    def is_closed(self) -> bool:
        return self.status in CLOSED

    def on_order(self, sku: str) -> int:
        """Pieces that are still to come."""
        return 0 if self.is_closed or sku not in self.lines else self.lines[sku].outstanding

    def status_by_lines(self) -> str:
        """What it is after something has come."""
        return "PARTIALLY_RECEIVED" if any(line.outstanding for line in self.lines.values()) else "RECEIVED"
