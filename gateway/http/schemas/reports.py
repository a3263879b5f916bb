"""Reports as REST sees them, as JSON and as CSV: the columns of a CSV are the fields of an item, in their order."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from db.days_of_cover import CoverFilter
from db.reports import PlaceFilter
from db.stock_as_of import AsOfFilter
from domain.reports import COVER_DAYS_DEFAULT, COVER_DAYS_MAX, Grouping
from gateway.http.schemas.model import (
    FROM_DIGITS,
    AmountText,
    Currency,
    Moment,
    Region,
    Shape,
    Sku,
)
from gateway.http.schemas.pages import Listing, PageQuery

Form = Annotated[
    Literal["json", "csv"] | None,
    Field(description="Wins over `Accept`. As CSV the whole report comes at once, from `pageToken` to its end."),
]


class ReportQuery(PageQuery):
    """What every report takes."""

    format: Form = None


class RegionsQuery(ReportQuery):
    """Which regions to tell of."""

    region: Region | None = None

    def filters(self) -> PlaceFilter:
        """The filter as reports take it."""
        return PlaceFilter(region=self.region)


class AsOfQuery(ReportQuery):
    """The instant, and which rows to tell of."""

    at: Annotated[
        Moment,
        Field(
            description="RFC 3339, not in the future. What happened at that instant itself counts.",
            examples=["2026-11-23T12:00:00Z"],
        ),
    ]
    sku: Sku | None = None
    warehouse_id: UUID | None = None
    region: Region | None = None

    def filters(self) -> AsOfFilter:
        """The filter as reports take it."""
        return AsOfFilter(at=self.at, sku=self.sku, warehouse_id=self.warehouse_id, region=self.region)


class TotalsQuery(AsOfQuery):
    """The same, and what the totals are of."""

    group_by: Annotated[Grouping | None, Field(description="One total of everything when left out.")] = None


class CoverQuery(ReportQuery):
    """The window of sales, and which rows to tell of."""

    days: Annotated[
        int,
        Field(ge=1, le=COVER_DAYS_MAX, description="How many days of sales, up to now, are looked at."),
        FROM_DIGITS,
    ] = COVER_DAYS_DEFAULT
    sku: Sku | None = None
    warehouse_id: UUID | None = None
    region: Region | None = None

    def filters(self) -> CoverFilter:
        """The filter as reports take it."""
        return CoverFilter(days=self.days, sku=self.sku, warehouse_id=self.warehouse_id, region=self.region)


class Value(Shape):
    """What stock costs, in one currency."""

    currency: Currency
    amount: AmountText


class StockFigures(Shape):
    """Stock of a place now. Available = total − reserved."""

    skus: Annotated[int, Field(description="SKUs kept there, in stock or not.")]
    skus_low: Annotated[int, Field(description="At or below the reorder point in one warehouse at least.")]
    skus_out_of_stock: Annotated[int, Field(description="Nothing available in any warehouse.")]
    quantity_total: int
    quantity_reserved: int
    quantity_available: int
    quantity_in_transit: Annotated[int, Field(description="On the road to it by transfers; not part of its total.")]
    quantity_on_order: Annotated[int, Field(description="Still to come from suppliers, drafts included.")]
    value_at_cost: Annotated[list[Value], Field(description="Pieces times unit cost, by currency.")]
    quantity_without_cost: Annotated[int, Field(description="Pieces whose row has no unit cost; not in the value.")]


class RegionNamed(Shape):
    """A region. Warehouses without one are under the empty name."""

    region: str
    warehouses: int
    warehouses_active: int


class RegionStock(StockFigures, RegionNamed):
    """Stock of a region now."""


class RegionStockListing(Listing[RegionStock]):
    """Regions, a page at a time."""


class WarehouseNamed(Shape):
    """A warehouse."""

    region: str
    warehouse_id: UUID
    warehouse_code: str
    name: str
    is_active: bool


class WarehouseStock(StockFigures, WarehouseNamed):
    """Stock of a warehouse now."""


class RegionReport(Listing[WarehouseStock]):
    """A region's stock now, and its warehouses, a page at a time."""

    total: RegionStock


class StockAt(Shape):
    """What stood on a shelf at the instant; `lastMovementAt` is when it came to that, null when nothing had moved."""

    inventory_id: UUID
    sku: str
    product_id: UUID
    variant_id: UUID | None
    region: str
    warehouse_id: UUID
    warehouse_code: str
    quantity_total: int
    last_movement_at: datetime | None


class StockAtListing(Listing[StockAt]):
    """Rows as they were, a page at a time."""


class StockTotal(Shape):
    """What stood on `inventoryRows` shelves at the instant. The fields that say of what are null for everything."""

    region: str | None
    warehouse_id: UUID | None
    warehouse_code: str | None
    sku: str | None
    inventory_rows: int
    quantity_total: int


class StockTotalListing(Listing[StockTotal]):
    """Totals, a page at a time."""


class DaysOfCover(Shape):
    """How long a row's stock will last if it goes on selling as it did; null when nothing is sold."""

    inventory_id: UUID
    sku: str
    region: str
    warehouse_id: UUID
    warehouse_code: str
    quantity_available: int
    quantity_sold: Annotated[int, Field(description="Sales less returns.")]
    days_observed: Annotated[int, Field(description="The window, or the age of a younger row.")]
    average_daily_sales: Annotated[float, Field(description="To three decimals.")]
    days_of_cover: Annotated[float | None, Field(description="To one decimal.")]


class DaysOfCoverListing(Listing[DaysOfCover]):
    """Rows by days of cover, a page at a time."""
