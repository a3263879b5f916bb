"""What staff have under way: changes that wait for a second person, stock on its way between warehouses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.acceptance.shop_day.books.places import Named, Place
from tests.acceptance.shop_day.books.shelves import Shelf


@dataclass(slots=True, eq=False, repr=False)
class Request(Named):
    """An adjustment that one person could not make alone."""

    adjustment_id: str
    shelf: Shelf
    delta: int
    type: str
    asked_by: str
    reference: str
    status: str = "PENDING"
    decided_by: str | None = None

    def __repr__(self) -> str:
        return f"{self.delta:+d} {self.shelf!r}:{self.status}"


@dataclass(slots=True)
class Cargo:
    """Pieces of one SKU on a transfer, by what became of them; `origin` is the shelf that they come from."""

    asked: int
    origin: Shelf
    shipped: int = 0
    received: int = 0
    lost: int = 0
    returned: int = 0

    @property
    def in_transit(self) -> int:
        return self.shipped - self.received - self.lost - self.returned


@dataclass(slots=True, eq=False, repr=False)
class Transfer(Named):
    """Stock on its way between warehouses; `cargo` by SKU, `receipts` what each slip said."""

    transfer_id: str
    source: Place
    target: Place
    cargo: dict[str, Cargo]
    asked_by: str
    status: str
    decided_by: str | None = None
    receipts: dict[str, Any] = field(default_factory=dict)
    news: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"{self.source}→{self.target} {', '.join(self.cargo)}:{self.status}"

    @property
    def is_closed(self) -> bool:
        return self.status in ("CLOSED", "CANCELLED", "REJECTED")

    @property
    def is_on_the_road(self) -> bool:
        return self.status in ("IN_TRANSIT", "PARTLY_RECEIVED")

    def in_transit(self) -> dict[str, int]:
        """What is on the road, by SKU."""
        return {sku: cargo.in_transit for sku, cargo in self.cargo.items() if cargo.in_transit}

    def settle(self) -> None:
        """The state after pieces were accounted for."""
        arrived = any(cargo.received for cargo in self.cargo.values())
        self.status = "PARTLY_RECEIVED" if arrived else "IN_TRANSIT"
        if not self.in_transit():
            self.status = "CLOSED"
            self.news.append("inventory.transfer_closed")
