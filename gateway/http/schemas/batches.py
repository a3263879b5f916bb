"""Many stock updates in one request."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from domain.limits import LINES_MAX
from domain.stock import MovementType, StockUpdate
from gateway.http.schemas.adjustments import Adjustment
from gateway.http.schemas.inventory import ROW_EXAMPLE, AdjustedItem
from gateway.http.schemas.model import Body, Delta, Id, Reason, Reference, Shape, Sku, Total, wrong
from gateway.http.schemas.movements import MovementName
from gateway.http.schemas.problems import Problem


class InventoryBatchItem(Body):
    """One update: a row by `inventoryId`, or by `sku` and `warehouseId`; either a signed `delta` or a counted
    `quantityTotal`."""

    inventory_id: Id | None = None
    sku: Sku | None = None
    warehouse_id: Id | None = None
    delta: Delta | None = None
    quantity_total: Total | None = None
    type: MovementName = MovementType.ADJUSTMENT
    reason: Reason = ""
    reference: Reference = ""

    @model_validator(mode="after")
    def _one_row_one_change(self) -> Self:
        by_sku = self.sku is not None and self.warehouse_id is not None
        named_twice = self.inventory_id is not None and (self.sku is not None or self.warehouse_id is not None)
        if named_twice or not (by_sku or self.inventory_id is not None):
            raise wrong("name the row by inventoryId, or by sku and warehouseId")
        if (self.delta is None) == (self.quantity_total is None):
            raise wrong("give either delta or quantityTotal")
        return self

    def update(self) -> StockUpdate:
        """The update as the rules take it."""
        return StockUpdate(**dict(self))


class InventoryBatch(Body):
    """Many updates at once; with `atomic` all or none."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "atomic": True,
                    "items": [
                        {
                            "sku": "TEA-GREEN-250",
                            "warehouseId": ROW_EXAMPLE["warehouseId"],
                            "delta": 40,
                            "type": "INBOUND",
                            "reason": "delivery",
                            "reference": "PO-77",
                        }
                    ],
                }
            ]
        }
    )

    items: Annotated[list[InventoryBatchItem], Field(min_length=1, max_length=LINES_MAX)]
    atomic: bool = False


class BatchItemResult(Shape):
    """What became of one update: `status` as it would have been alone, with the row, the adjustment that waits for an
    approval, or the problem."""

    status: int
    item: AdjustedItem | None = None
    adjustment: Adjustment | None = None
    problem: Problem | None = None


class BatchResults(Shape):
    """One result for each update, in the order they were given."""

    items: list[BatchItemResult]
