"""Inventory rows and their ledger as REST sees them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from db.stock import StockFilter
from domain.adjustments import Adjusted, movement_type_of
from domain.limits import REASON_CHARACTERS_MAX, STOCK_TOTAL_MAX
from domain.stock import (
    REORDER_POINT_DEFAULT,
    REORDER_QUANTITY_DEFAULT,
    Adjustment,
    Incoming,
    MovementType,
    NewStockItem,
    ReasonCode,
    StockItem,
    StockItemChanges,
)
from gateway.http.schemas.model import (
    PROSE,
    Amount,
    AmountText,
    Body,
    Currency,
    Delta,
    Id,
    Reason,
    Reference,
    Region,
    Shape,
    Sku,
    Total,
)
from gateway.http.schemas.movements import Movement, MovementName
from gateway.http.schemas.pages import Listing, PageQuery

ROW_EXAMPLE: JsonDict = {
    "sku": "TEA-GREEN-250",
    "productId": "0b8f6c1e-53f5-4c39-9d7c-3f0f6a6a2f10",
    "warehouseId": "6f1c2a8e-2c1b-4f0e-8b57-6f2b8a1d9c44",
    "quantityTotal": 120,
    "reorderPoint": 20,
    "reorderQuantity": 100,
    "unitCost": "12.50",
    "currency": "EUR",
}

ReorderPoint = Annotated[
    int, Field(ge=0, le=STOCK_TOTAL_MAX, description="Available pieces at or below which stock is low.")
]
ReorderQuantity = Annotated[int, Field(ge=1, le=STOCK_TOTAL_MAX, description="Pieces to order then.")]
COST = "What one piece costs, with up to four decimals; goes together with `currency`."


class InventoryCreate(Body):
    """A SKU in a warehouse; `quantityTotal` is its opening stock, an INBOUND movement when not zero."""

    model_config = ConfigDict(json_schema_extra={"examples": [ROW_EXAMPLE]})

    sku: Sku
    product_id: Id
    warehouse_id: Id
    variant_id: Id | None = None
    quantity_total: Total = 0
    reorder_point: ReorderPoint = REORDER_POINT_DEFAULT
    reorder_quantity: ReorderQuantity = REORDER_QUANTITY_DEFAULT
    unit_cost: Annotated[Amount | None, Field(description=COST)] = None
    currency: Currency | None = None

    def new_item(self) -> NewStockItem:
        """The row as the rules take it."""
        return NewStockItem(**dict(self))


class InventoryUpdate(Body):
    """Changes of a row; what is left out or null stays as it is.

    `quantityTotal` is a stock count: the difference is written to the ledger with `reason`. A row that was read may be
    sent back whole: its ids must be the same, and its other read-only fields are compared or ignored.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"reorderPoint": 25, "reorderQuantity": 150}]})

    quantity_total: Total | None = None
    reorder_point: ReorderPoint | None = None
    reorder_quantity: ReorderQuantity | None = None
    unit_cost: Annotated[Amount | None, Field(description=COST)] = None
    currency: Currency | None = None
    reason: Reason = ""
    sku: Sku | None = None
    product_id: Id | None = None
    variant_id: Id | None = None
    warehouse_id: Id | None = None

    inventory_id: Annotated[Id | None, Field(description="Read-only.")] = None
    quantity_available: Annotated[int | None, Field(description="Read-only.")] = None
    quantity_reserved: Annotated[int | None, Field(description="Read-only.")] = None
    quantity_in_transit: Annotated[int | None, Field(description="Ignored.")] = None
    quantity_on_order: Annotated[int | None, Field(description="Ignored.")] = None
    version: Annotated[int | None, Field(description="Ignored; use If-Match.")] = None
    created_at: Annotated[str | None, Field(description="Ignored.")] = None
    updated_at: Annotated[str | None, Field(description="Ignored.")] = None

    def changes(self) -> StockItemChanges:
        """The changes as the rules take them."""
        return StockItemChanges(
            quantity_total=self.quantity_total,
            reorder_point=self.reorder_point,
            reorder_quantity=self.reorder_quantity,
            unit_cost=self.unit_cost,
            currency=self.currency,
            reason=self.reason,
            sku=self.sku,
            product_id=self.product_id,
            variant_id=self.variant_id,
            warehouse_id=self.warehouse_id,
        )

    def read_only(self) -> dict[str, Any]:
        """The fields that came in and cannot be changed, to be compared with the row."""
        names = ("inventory_id", "quantity_available", "quantity_reserved")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class InventoryAdjust(Body):
    """A change of stock by hand, signed."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"delta": -3, "type": "DAMAGE", "reason": "dropped in aisle 4"}]}
    )

    delta: Delta
    type: Annotated[MovementName | None, Field(description="May be left out beside a `reasonCode`.")] = None
    reason_code: Annotated[
        ReasonCode | None, Field(strict=False, description="Why, for reports; without one it follows from the type.")
    ] = None
    reason: Annotated[str, Field(min_length=1, max_length=REASON_CHARACTERS_MAX), PROSE]
    reference: Reference = ""

    def adjustment(self) -> Adjustment:
        """The change as the rules take it."""
        code = self.reason_code
        return Adjustment(
            delta=self.delta,
            type=self.type or (movement_type_of(code) if code else MovementType.ADJUSTMENT),
            reason=self.reason,
            reference=self.reference,
            reason_code=code,
        )


class InventoryQuery(PageQuery):
    """Which rows to list."""

    sku: Sku | None = None
    product_id: UUID | None = None
    variant_id: UUID | None = None
    warehouse_id: UUID | None = None
    region: Region | None = None

    def filters(self) -> StockFilter:
        """The filter as views take it."""
        return StockFilter(
            sku=self.sku,
            product_id=self.product_id,
            variant_id=self.variant_id,
            warehouse_id=self.warehouse_id,
            region=self.region,
        )


class InventoryItem(Shape):
    """A SKU in a warehouse. Available = total − reserved, always."""

    inventory_id: UUID
    product_id: UUID
    variant_id: UUID | None
    warehouse_id: UUID
    sku: str
    quantity_available: int
    quantity_reserved: int
    quantity_total: int
    reorder_point: int
    reorder_quantity: int
    unit_cost: Annotated[AmountText | None, Field(description=COST)]
    currency: Currency | None
    version: Annotated[int, Field(description="Counts every change of the row; its ETag.")]
    created_at: datetime
    updated_at: datetime


class InventoryRow(InventoryItem):
    """A SKU in a warehouse as it is read: with what is on its way to it, which is not available yet."""

    quantity_in_transit: Annotated[int, Field(description="Pieces that transfers bring here.")]
    quantity_on_order: Annotated[int, Field(description="Pieces that suppliers are to deliver, drafts included.")]

    @classmethod
    def of(cls, item: StockItem, incoming: Incoming) -> Self:
        """A row as callers read it."""
        row = InventoryItem.model_validate(item)
        return cls(**dict(row), quantity_in_transit=incoming.in_transit, quantity_on_order=incoming.on_order)


class InventoryListing(Listing[InventoryRow]):
    """Inventory rows, a page at a time."""


class AdjustedItem(InventoryItem):
    """The row after a change, and its ledger line; null when a count found what was expected."""

    movement: Movement | None
    adjustment_id: UUID | None

    @classmethod
    def of(cls, adjusted: Adjusted) -> Self:
        """A changed row as callers see it."""
        movement = Movement.model_validate(adjusted.movement) if adjusted.movement else None
        row = InventoryItem.model_validate(adjusted.item)
        adjustment_id = adjusted.adjustment.adjustment_id if adjusted.adjustment else None
        return cls(**dict(row), movement=movement, adjustment_id=adjustment_id)
