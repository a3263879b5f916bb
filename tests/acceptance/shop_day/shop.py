"""The shop as the machine finds it: one aisle after the other, what was done in it, and its rows against the books."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from holdfast.local_stack import local_addresses
from holdfast.stack_file import STACK_FILE
from runtime.settings import Settings
from tests.acceptance.shop_day.books.aisle import Books
from tests.acceptance.shop_day.books.shelves import Shelf
from tests.acceptance.shop_day.floor import Floor, open_floor
from tests.acceptance.shop_day.premises import open_shop
from tests.acceptance.shop_day.proof import all_violations
from tests.acceptance.up import Up

ROWS_MAX = 200


@dataclass(slots=True)
class Shop:
    """An open shop. `steps` counts the rules that were run, `seconds` what they took."""

    floor: Floor
    aisles: list[Books]
    used: list[Books] = field(default_factory=list)
    in_doubt: set[str] = field(default_factory=set)
    steps: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)

    def enter(self) -> Books:
        """An aisle that nobody has been in."""
        assert self.aisles, "every aisle has been used: a longer day needs another shop"
        self.used.append(self.aisles.pop(0))
        return self.used[-1]

    def leave_in_doubt(self, books: Books) -> None:
        """A run ended badly: what its aisle holds is not known any more."""
        self.in_doubt.add(books.name)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Count what happens inside."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.steps[name] += 1
            self.seconds[name] += time.perf_counter() - begin

    def shelves(self) -> dict[str, Shelf]:
        """Every shelf of the shop that is in use, by its id."""
        return {
            shelf.inventory_id: shelf
            for books in (*self.used, *self.aisles)
            if books.name not in self.in_doubt
            for shelf in books.kept()
        }

    def differences(self) -> list[str]:
        """Every row of the shop that is not what the books say, and every row or shelf without the other."""
        shelves, doubtful = self.shelves(), self._doubtful()
        seen: dict[str, str] = {}
        for place in self.used[-1].places:
            for row in self.floor.pages(f"/warehouses/{place.warehouse_id}/inventory", pageSize=ROWS_MAX):
                if row["inventoryId"] not in doubtful:
                    seen[row["inventoryId"]] = quantities_of(row)
        books = {inventory_id: quantities_in(shelf) for inventory_id, shelf in shelves.items()}
        return [
            f"{it}: the service says {seen.get(it)}, the books {books.get(it)}"
            for it in seen.keys() | books.keys()
            if seen.get(it) != books.get(it)
        ]

    def violations(self) -> list[str]:
        """Invariants that do not hold, anywhere."""
        found: list[str] = self.floor.run(all_violations(self.floor.database))
        return found

    def _doubtful(self) -> set[str]:
        return {shelf.inventory_id for books in self.used if books.name in self.in_doubt for shelf in books.shelves}


def quantities_of(row: dict[str, object]) -> str:
    """What a row says of a shelf."""
    return "{sku}: total {quantityTotal}, reserved {quantityReserved}, available {quantityAvailable}".format(**row)


def quantities_in(shelf: Shelf) -> str:
    """The same from the books."""
    return f"{shelf.sku}: total {shelf.total}, reserved {shelf.reserved}, available {shelf.available}"


@contextmanager
def opened(up: Up) -> Iterator[Shop]:
    """A shop in a running stack."""
    settings = Settings(**local_addresses(up.directory / STACK_FILE, Settings()))
    with open_floor(up.facts(), settings) as floor:
        yield Shop(floor, open_shop(floor, settings, up.directory))
