"""Inventory rows: reading, listing, making, changing, retiring them. Quantities change in db/movements.py only."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class StockFilter:
    """Which inventory rows to list; None does not narrow. Retired rows are never listed."""

    sku: str | None = None
    product_id: UUID | None = None
    variant_id: UUID | None = None
    warehouse_id: UUID | None = None
    region: str | None = None
