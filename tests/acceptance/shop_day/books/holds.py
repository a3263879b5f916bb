"""Orders: what they hold, what they bought and brought back, and who waits in line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.acceptance.shop_day.books.places import Named, Place
from tests.acceptance.shop_day.books.shelves import Shelf


@dataclass(slots=True, eq=False, repr=False)
class Hold(Named):
    """A reservation. `news` are the types of its events, in order; `shortages` what a refused one lacked."""

    reservation_id: str
    order_id: str
    lines: dict[Shelf, int]
    status: str = "PENDING"
    release_reason: str | None = None
    extends: int = 0
    returned: dict[Shelf, int] = field(default_factory=dict)
    shortages: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    news: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"{self.order_id}:{self.status}"

    @property
    def is_whole(self) -> bool:
        """Everything that was sold has come back."""
        return self.status == "COMMITTED" and not any(self.out().values())

    def out(self) -> dict[Shelf, int]:
        """Sold pieces that the customer still has."""
        return {shelf: pieces - self.returned.get(shelf, 0) for shelf, pieces in self.lines.items()}

    def hold(self) -> None:
        for shelf, pieces in self.lines.items():
            shelf.promise(pieces)
        self.news.append("inventory.reserved")

    def extend(self) -> None:
        self.extends += 1
        self.news.append("inventory.reservation_extended")

    def sell(self) -> None:
        self.status = "COMMITTED"
        for shelf, pieces in self.lines.items():
            shelf.move(-pieces, "OUTBOUND", self.order_id, reserved=-pieces)
        self.news.append("inventory.committed")

    def release(self, status: str, reason: str) -> None:
        self.status, self.release_reason = status, reason
        for shelf, pieces in self.lines.items():
            shelf.promise(-pieces)
        self.news.append("inventory.released")

    def take_back(self, shelf: Shelf, pieces: int, *, damaged: bool = False) -> None:
        """Some pieces of one line come back."""
        self.returned[shelf] = self.returned.get(shelf, 0) + pieces
        assert self.returned[shelf] <= self.lines[shelf], f"more came back of {self!r} than was sold"
        if damaged:
            shelf.pass_through(pieces, self.order_id)
        else:
            shelf.move(pieces, "RETURN", self.order_id)

    def call_off(self) -> None:
        """The order is cancelled after its sale: what is still out comes back, sellable."""
        for shelf, pieces in self.out().items():
            if pieces:
                self.take_back(shelf, pieces)
        self.news.append("inventory.released")


@dataclass(slots=True, eq=False, repr=False)
class Waiter(Named):
    """An order in line for a SKU that is short: from anywhere, one warehouse or one region."""

    entry_id: str
    order_id: str
    sku: str
    pieces: int
    place: Place | None = None
    region: str | None = None
    status: str = "WAITING"
    hold: Hold | None = None

    def __repr__(self) -> str:
        return f"{self.pieces} × {self.sku} for {self.order_id}:{self.status}"

    def may_have(self, shelf: Shelf) -> bool:
        """Whether pieces of this shelf would do."""
        is_there = self.place in (None, shelf.place) and self.region in (None, shelf.place.region)
        return shelf.sku == self.sku and is_there
