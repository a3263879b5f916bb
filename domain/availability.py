"""Whether a demand could be served at this moment, and from where: an answer, not a promise.

Levels are what rows say; only a reservation holds anything. A hold past its deadline still counts as taken here until
the sweeper frees it, seconds later, while a reservation may take its stock at once. Never asked before a hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.errors import HoldfastError


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailabilityQuery:
    """What is asked for: exactly one of sku, inventory_id, or product_id (with variant_id); anywhere or in a region."""

    quantity: int
    sku: str | None = None
    inventory_id: UUID | None = None
    product_id: UUID | None = None
    variant_id: UUID | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Shelf:
    """An inventory row as availability sees it. Inactive warehouses make an item known, never available."""

    inventory_id: UUID
    warehouse_id: UUID
    code: str
    region: str
    is_active: bool
    sequence: int
    quantity_available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WarehouseAvailability:
    """What one warehouse can promise of an item, in pieces."""

    inventory_id: UUID
    warehouse_id: UUID
    code: str
    region: str
    quantity_available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """The answer for one item: `available` when `quantity_available` over all `warehouses` covers the quantity."""

    sku: str
    quantity_requested: int
    quantity_available: int
    available: bool
    warehouses: tuple[WarehouseAvailability, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkAvailabilityItem:
    """One item of a bulk check, by itself: an answer, or the `error` for an item that is not known."""

    availability: Availability | None = None
    error: HoldfastError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkAvailability:
    """`available` when all items together can be served: the same stock is never counted for two of them."""

    available: bool
    items: tuple[BulkAvailabilityItem, ...]


def eligible(query: AvailabilityQuery, shelves: Sequence[Shelf]) -> list[Shelf]:
    """The shelves that may serve a query: active warehouses, in its region, or the one row it names."""
    return [
        shelf
        for shelf in shelves
        if shelf.is_active
        and (not query.region or shelf.region == query.region)
        and query.inventory_id in {None, shelf.inventory_id}
    ]


def assess(query: AvailabilityQuery, sku: str, shelves: Sequence[Shelf]) -> Availability:
    """Answer a query from all shelves of its SKU, given in the order of preference."""
    chosen = eligible(query, shelves)
    total = sum(shelf.quantity_available for shelf in chosen)
    return Availability(
        sku=sku,
        quantity_requested=query.quantity,
        quantity_available=total,
        available=total >= query.quantity,
        warehouses=tuple(
            WarehouseAvailability(
                inventory_id=shelf.inventory_id,
                warehouse_id=shelf.warehouse_id,
                code=shelf.code,
                region=shelf.region,
                quantity_available=shelf.quantity_available,
            )
            for shelf in chosen
        ),
    )


def servable_together(demands: Sequence[tuple[int, Sequence[Shelf]]]) -> bool:
    """Whether all demands (pieces, eligible shelves) can be served at once, no piece twice.

    Sets of shelves that belong to queries are nested or disjoint (a row, a region, a SKU), so by Hall's theorem it is
    enough that within each set the demands that have no other place fit.
    """
    sets = [frozenset(shelf.inventory_id for shelf in shelves) for _, shelves in demands]
    for _, shelves in demands:
        place = frozenset(shelf.inventory_id for shelf in shelves)
        bound = sum(quantity for (quantity, _), own in zip(demands, sets, strict=True) if own <= place)
        if bound > sum(shelf.quantity_available for shelf in shelves):
            return False
    return True
