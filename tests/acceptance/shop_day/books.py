"""The books of the shop: what must be on every shelf and what became of every order, kept by hand.

Plain arithmetic written down anew; nothing here is the service's own code, and nothing here asks the service.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

LOW, OUT = "low_stock", "out_of_stock"


class Named:
    """Something that goes by a short name in the steps of a failed run."""

    __slots__ = ()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


@dataclass(frozen=True, slots=True, repr=False)
class Place(Named):
    """A warehouse. One person may change `alone` pieces, worth at most `alone_worth`."""

    code: str
    region: str
    country: str
    priority: int
    latitude: float
    longitude: float
    alone: int
    alone_worth: Decimal | None = None
    warehouse_id: str = ""

    def __repr__(self) -> str:
        return self.code


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
        """No longer kept here."""
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
class Books:
    """All of an aisle: a few SKUs of the shop, which one run of the machine has for itself. `adjustments` are the ids
    of all changes by hand, small ones too."""

    name: str
    places: tuple[Place, ...]
    shelves: list[Shelf] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    adjustments: list[str] = field(default_factory=list)
    orders: int = 0
    closed: set[Place] = field(default_factory=set)

    @property
    def skus(self) -> list[str]:
        """SKUs that are kept somewhere or were, each once, in the order of their shelves."""
        return list(dict.fromkeys(shelf.sku for shelf in self.shelves))

    def kept(self, sku: str | None = None) -> list[Shelf]:
        """Shelves in use, of one SKU or of all."""
        return [shelf for shelf in self.shelves if not shelf.is_retired and sku in (None, shelf.sku)]

    def at(self, sku: str, place: Place) -> Shelf | None:
        """The shelf of a SKU in a warehouse."""
        return next((shelf for shelf in self.kept(sku) if shelf.place is place), None)

    def shelf(self, inventory_id: str) -> Shelf:
        """A shelf by its id, in use or not."""
        return next(shelf for shelf in self.shelves if shelf.inventory_id == inventory_id)

    def lines(self, told: Iterable[Mapping[str, Any]]) -> dict[Shelf, int]:
        """The lines that an answer tells of, in the order of the shelves here: ids come in another one each day."""
        pieces = {it["inventoryId"]: it["quantity"] for it in told}
        found = {shelf: pieces[shelf.inventory_id] for shelf in self.shelves if shelf.inventory_id in pieces}
        assert len(found) == len(pieces), f"a shelf of another aisle: {told}"
        return found

    def of_order(self, order_id: str) -> list[Hold]:
        """The holds of an order, refused ones too."""
        return [hold for hold in self.holds if hold.order_id == order_id]

    def new_order(self) -> str:
        """An order id that nobody has."""
        self.orders += 1
        return f"{self.name}-{self.orders}"
