"""Availability as REST sees it: an answer, not a promise."""

from __future__ import annotations

from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, Field

from domain.availability import AvailabilityQuery
from domain.limits import LINES_MAX
from gateway.http.schemas.allocation import Destination
from gateway.http.schemas.model import Body, Quantity, Region, Shape
from gateway.http.schemas.problems import Problem
from gateway.http.schemas.reservations import ITEM_EXAMPLE, ItemChoice


class AvailabilityCheck(ItemChoice):
    """Could so many pieces be served now? Anywhere, or from one region."""

    model_config = ConfigDict(json_schema_extra={"examples": [ITEM_EXAMPLE, {**ITEM_EXAMPLE, "region": "eu-north"}]})

    quantity: Quantity = 1
    region: Region | None = None
    destination: Annotated[
        Destination | None, Field(description="Where the goods would go. Does not change what is available.")
    ] = None

    def query(self) -> AvailabilityQuery:
        """The question as views take it."""
        return AvailabilityQuery(
            quantity=self.quantity,
            sku=self.sku,
            inventory_id=self.inventory_id,
            product_id=self.product_id,
            variant_id=self.variant_id,
            region=self.region,
        )


class AvailabilityBulk(Body):
    """The same for many items, each by itself and all together."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [ITEM_EXAMPLE]}]})

    items: Annotated[list[AvailabilityCheck], Field(min_length=1, max_length=LINES_MAX)]


class WarehouseAvailability(Shape):
    """What one warehouse could give."""

    inventory_id: UUID
    warehouse_id: UUID
    code: str
    region: str
    quantity_available: int


class Availability(Shape):
    """`available` when `quantityAvailable` over all `warehouses` covers the quantity."""

    sku: str
    quantity_requested: int
    quantity_available: int
    available: bool
    warehouses: list[WarehouseAvailability]


class AvailabilityBulkItem(Shape):
    """One item's answer by itself; for an item that is not known nothing is available and `problem` says why."""

    sku: str | None
    quantity_requested: int
    quantity_available: int
    available: bool
    warehouses: list[WarehouseAvailability]
    problem: Problem | None = None

    @classmethod
    def unknown(cls, asked: AvailabilityCheck, problem: Problem) -> Self:
        """The answer for an item that is not known."""
        return cls(
            sku=asked.sku,
            quantity_requested=asked.quantity,
            quantity_available=0,
            available=False,
            warehouses=[],
            problem=problem,
        )


class AvailabilityBulkAnswer(Shape):
    """`available` when all items together can be served: the same stock is never counted twice."""

    available: bool
    items: list[AvailabilityBulkItem]
