"""Reads the parts that requests have in common into domain values, noting every wrong field.

Bounds come from domain/limits.py, as for every protocol. A value read here may be used once `refuse` has passed.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TypedDict, TypeVar
from uuid import UUID

from domain.errors import Malformed
from domain.fields import FieldProblems
from domain.limits import (
    HOLD_SECONDS_MAX,
    HOLD_SECONDS_MIN,
    LINES_MAX,
    QUANTITY_MAX,
    REGION_CHARACTERS_MAX,
    SKU_CHARACTERS_MAX,
)
from gateway.rpc.generated.inventory.v1.inventory_pb2 import AvailabilityQuery, Item

E = TypeVar("E", bound=Enum)
N = TypeVar("N", bound=int)

NIL = UUID(int=0)
"""Stands for an id that could not be read, until the request is refused for it."""


class What(TypedDict, total=False):
    """What an item is, as keyword arguments of the domain's items."""

    sku: str
    inventory_id: UUID
    product_id: UUID
    variant_id: UUID | None


class Reading(FieldProblems):
    """A request being read. One field that cannot be read at all makes the whole request malformed."""

    def __init__(self) -> None:
        super().__init__()
        self._readable = True

    def refuse(self) -> None:
        """Raises Malformed or Unprocessable with all problems found so far, if there are any."""
        if not self._readable:
            raise Malformed(fields=self._problems)
        super().refuse()

    def uuid(self, pointer: str, text: str) -> UUID:
        """An id that must be there."""
        try:
            return UUID(text)
        except ValueError:
            self.add(pointer, "must be a UUID")
            self._readable = False
            return NIL

    def choice(self, pointer: str, value: N, meanings: Mapping[N, E]) -> E | None:
        """What an enum's number means to us; a number without meaning is wrong."""
        if value not in meanings:
            self.add(pointer, "must be one of " + ", ".join(sorted({meaning.name for meaning in meanings.values()})))
        return meanings.get(value)

    def quantity(self, pointer: str, pieces: int) -> None:
        """Pieces of one line."""
        self.number(pointer, pieces, least=1, most=QUANTITY_MAX)

    def hold_seconds(self, seconds: int | None, *, most: int = HOLD_SECONDS_MAX) -> None:
        """How long to hold."""
        self.number("/holdSeconds", seconds, least=HOLD_SECONDS_MIN, most=most)

    def region(self, pointer: str, region: str | None) -> None:
        """A region to stay in."""
        self.text(pointer, region, characters_max=REGION_CHARACTERS_MAX, required=True)

    def lines(self, count: int) -> bool:
        """Whether there are as many items as allowed; only then are they worth reading."""
        self.number("/items", count, least=1, most=LINES_MAX)
        return 1 <= count <= LINES_MAX

    def what(self, pointer: str, item: Item | AvailabilityQuery) -> What:
        """A SKU, an inventory row, or a product."""
        match item.WhichOneof("what"):
            case "sku":
                self.text(f"{pointer}/sku", item.sku, characters_max=SKU_CHARACTERS_MAX, required=True)
                return {"sku": item.sku}
            case "inventory_id":
                return {"inventory_id": self.uuid(f"{pointer}/inventoryId", item.inventory_id)}
            case "product":
                return self._product(f"{pointer}/product", item)
            case _:
                self.add(pointer, "give exactly one of sku, inventory_id, product")
                return {}

    def _product(self, pointer: str, item: Item | AvailabilityQuery) -> What:
        product_id = self.uuid(f"{pointer}/productId", item.product.product_id)
        if not item.product.HasField("variant_id"):
            return {"product_id": product_id}
        return {"product_id": product_id, "variant_id": self.uuid(f"{pointer}/variantId", item.product.variant_id)}
