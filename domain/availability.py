"""Whether a demand could be served at this moment, and from where: an answer, not a promise.

Levels are what rows say; only a reservation holds anything. A hold past its deadline still counts as taken here until
the sweeper frees it, seconds later, while a reservation may take its stock at once. Never asked before a hold.
"""

from __future__ import annotations

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
