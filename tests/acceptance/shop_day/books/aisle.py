"""One aisle of the shop with everything that happened in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.acceptance.shop_day.books.holds import Hold, Waiter
from tests.acceptance.shop_day.books.places import Place
from tests.acceptance.shop_day.books.purchases import Purchase, Supplier
from tests.acceptance.shop_day.books.shelves import Shelf
from tests.acceptance.shop_day.books.works import Request, Transfer


@dataclass(slots=True)
class Books:
    """All of an aisle: a few SKUs of the shop, which one run of the machine has for itself. `adjustments` are the ids
    of all changes by hand, small ones too."""

    name: str
    places: tuple[Place, ...]
    shelves: list[Shelf] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)
    purchases: list[Purchase] = field(default_factory=list)
    supplier: Supplier | None = None
    line: list[Waiter] = field(default_factory=list)
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

    def in_transit_to(self, sku: str, place: Place) -> int:
        """Pieces of a SKU that are on their way to a warehouse."""
        return sum(it.cargo[sku].in_transit for it in self.transfers if it.target is place and sku in it.cargo)

    def on_order_for(self, sku: str, place: Place) -> int:
        """Pieces of a SKU that are ordered for a warehouse, drafts included."""
        return sum(it.on_order(sku) for it in self.purchases if it.place is place)

    def waiting(self, sku: str | None = None) -> list[Waiter]:
        """Who waits, in line; for one SKU or for any."""
        return [it for it in self.line if it.status == "WAITING" and sku in (None, it.sku)]

    def next_served(self) -> Waiter | None:
        """The first in line whose wish fits what is free."""
        for waiter in self.waiting():
            if sum(shelf.available for shelf in self.kept() if waiter.may_have(shelf)) >= waiter.pieces:
                return waiter
        return None

    def ids(self) -> list[str]:
        """The ids of everything that is here or happened here."""
        return [
            *(shelf.inventory_id for shelf in self.shelves),
            *(hold.reservation_id for hold in self.holds),
            *(transfer.transfer_id for transfer in self.transfers),
            *(purchase.purchase_order_id for purchase in self.purchases),
            *(waiter.entry_id for waiter in self.line),
            *self.adjustments,
        ]

    def new_order(self) -> str:
        """An order id that nobody has."""
        self.orders += 1
        return f"{self.name}-{self.orders}"
