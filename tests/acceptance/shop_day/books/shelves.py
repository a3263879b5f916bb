"""Shelves: what stands on them, what of it is promised, what has moved, and what somebody should look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from tests.acceptance.shop_day.books.places import Named, Place

LOW, OUT = "low_stock", "out_of_stock"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the ledger."""

    type: str
    pieces: int
    total_after: int
    reference: str


@dataclass(frozen=True, slots=True)
class Step:
    """A change of a shelf as the news tell it."""

    total_before: int
    total: int
    reserved: int


@dataclass(slots=True, eq=False, repr=False)
class Alert(Named):
    """Something that somebody should look at."""

    kind: str
    status: str = "open"
    resolution: str | None = None

    def __repr__(self) -> str:
        return f"{self.kind}:{self.status}"

    def resolve(self, resolution: str) -> None:
        self.status, self.resolution = "resolved", resolution


@dataclass(slots=True, eq=False, repr=False)
class Shelf(Named):
    """A SKU in a warehouse. `crossings` are the kinds of news that its changes made, in order."""

    inventory_id: str
    sku: str
    product_id: str
    place: Place
    reorder_point: int
    unit_cost: Decimal | None = None
    total: int = 0
    reserved: int = 0
    is_retired: bool = False
    ledger: list[Entry] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    crossings: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"{self.sku}@{self.place}"

    @property
    def available(self) -> int:
        return self.total - self.reserved

    def move(self, pieces: int, type_: str, reference: str = "", *, reserved: int = 0) -> None:
        """Pieces come or go; `reserved` of them were promised before, or are from now on."""
        self._change(pieces, reserved)
        self.ledger.append(Entry(type_, pieces, self.total, reference))

    def promise(self, pieces: int) -> None:
        """Pieces are held for somebody, or free again when negative."""
        self._change(0, pieces)

    def pass_through(self, pieces: int, reference: str) -> None:
        """Damaged pieces come back and are written off at once: nobody could have had them."""
        before = self.total
        self.ledger += [
            Entry("RETURN", pieces, before + pieces, reference),
            Entry("DAMAGE", -pieces, before, reference),
        ]
        self.steps += [Step(before, before + pieces, self.reserved), Step(before + pieces, before, self.reserved)]

    def order_at(self, point: int) -> None:
        """Another reorder point: the line moves, not the stock, which is no news."""
        was, self.reorder_point = self.reorder_point, point
        if was < self.available <= point:
            self._raise(LOW)
        if point < self.available <= was:
            self._resolve(LOW, "rule_changed")

    def retire(self) -> None:
        """No longer kept here: what is left is written off."""
        if self.total:
            self.move(-self.total, "ADJUSTMENT")
        self.is_retired = True
        for kind in (LOW, OUT):
            self._resolve(kind, "retired")

    def unresolved(self) -> list[Alert]:
        return [alert for alert in self.alerts if alert.status != "resolved"]

    def _change(self, pieces: int, reserved: int) -> None:
        before, available = self.total, self.available
        self.total += pieces
        self.reserved += reserved
        assert 0 <= self.reserved <= self.total, f"the books of {self!r} are wrong: {self.total}, {self.reserved}"
        self.steps.append(Step(before, self.total, self.reserved))
        for kind, line in ((LOW, self.reorder_point), (OUT, 0)):
            if available > line >= self.available:
                self.crossings.append(kind)
                self._raise(kind)
            if available <= line < self.available:
                self._resolve(kind, "restocked" if pieces > 0 else "released")

    def _raise(self, kind: str) -> None:
        if all(alert.kind != kind for alert in self.unresolved()):
            self.alerts.append(Alert(kind))

    def _resolve(self, kind: str, resolution: str) -> None:
        for alert in self.unresolved():
            if alert.kind == kind:
                alert.resolve(resolution)
