"""What reports say of stock: by region and warehouse, at an instant of the past, and for how long it will last.

Rules and shapes only. Quantities in pieces; amounts in the currency beside them, never converted or added up across
currencies.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from domain.errors import FieldProblem, Unprocessable

COVER_DAYS_DEFAULT = 28
COVER_DAYS_MAX = 92
"""The window of sales that days of cover are judged by: four whole weeks, at most a quarter."""

COVER_UNKNOWN = 2**63 - 1
"""The place of a row that sells nothing among days of cover: behind every other."""


class Grouping(StrEnum):
    """What totals are of."""

    REGION = "region"
    WAREHOUSE = "warehouse"
    SKU = "sku"


@dataclass(frozen=True, slots=True)
class Value:
    """What stock costs, in one currency."""

    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Stock of a place now, retired rows left out. A SKU counts once, in however many warehouses it stands.

    `skus_low` are at or below the reorder point in one of the warehouses at least, those without stock included;
    `skus_out_of_stock` have nothing available in any. `quantity_in_transit` is on the road to the place and
    `quantity_on_order` to be delivered there by suppliers, drafts included: part of no total. `quantity_without_cost`
    pieces are in none of the values.
    """

    skus: int
    skus_low: int
    skus_out_of_stock: int
    quantity_total: int
    quantity_reserved: int
    quantity_in_transit: int
    quantity_on_order: int
    value_at_cost: tuple[Value, ...]
    quantity_without_cost: int

    @property
    def quantity_available(self) -> int:
        """Pieces that may still be promised."""
        return self.quantity_total - self.quantity_reserved


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionStock(Figures):
    """Stock of a region now; warehouses without a region are together in the one without a name."""

    region: str
    warehouses: int
    warehouses_active: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WarehouseStock(Figures):
    """Stock of a warehouse now."""

    warehouse_id: UUID
    warehouse_code: str
    name: str
    region: str
    is_active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StockAt:
    """What stood on a shelf at an instant; `last_movement_at` is when it came to that, None when nothing ever moved."""

    inventory_id: UUID
    product_id: UUID
    variant_id: UUID | None
    sku: str
    warehouse_id: UUID
    warehouse_code: str
    region: str
    quantity_total: int
    last_movement_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StockTotal:
    """Stock at an instant, added up over `inventory_rows`; what it is of, or all None for everything."""

    region: str | None = None
    warehouse_id: UUID | None = None
    warehouse_code: str | None = None
    sku: str | None = None
    inventory_rows: int
    quantity_total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """How long a row's stock will last if it goes on selling as it did over `days_observed` days.

    `quantity_sold` is sales less returns, so it may be negative.
    """

    inventory_id: UUID
    sku: str
    warehouse_id: UUID
    warehouse_code: str
    region: str
    quantity_available: int
    quantity_sold: int
    days_observed: int

    @property
    def average_daily_sales(self) -> float:
        """Pieces a day, to three decimals."""
        return round(self.quantity_sold / self.days_observed, 3)

    @property
    def days_of_cover(self) -> float | None:
        """Days until nothing is available, to one decimal; None when nothing is sold."""
        if self.quantity_sold <= 0:
            return None
        return round(self.quantity_available * self.days_observed / self.quantity_sold, 1)


def check_instant(at: datetime, now: datetime) -> None:
    """Refuse to tell the future. Both with their offset, `now` by the database's clock. Raises Unprocessable."""
    if at > now:
        raise Unprocessable(fields=[FieldProblem("/query/at", "must not be in the future")])
