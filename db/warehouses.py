"""Warehouses: reading, listing, making and changing them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WarehouseFilter:
    """Which warehouses to list; None does not narrow."""

    region: str | None = None
    is_active: bool | None = None
