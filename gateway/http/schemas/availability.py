"""Availability as REST sees it: an answer, not a promise."""

from __future__ import annotations

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field

from domain import availability as domain
from domain.allocation_terms import Strategy
from domain.availability import AvailabilityQuery
from domain.limits import LINES_MAX
from gateway.http.schemas.allocation import (
    Allocation,
    AllowSplit,
    BoundTo,
    Destination,
    Distance,
    Explained,
    Place,
    Preferred,
    RejectedWarehouse,
    StrategyName,
    Wall,
    members_of,
    to_destination,
)
from gateway.http.schemas.model import Body, Quantity, Shape
from gateway.http.schemas.problems import Problem
from gateway.http.schemas.reservations import ITEM_EXAMPLE, ItemChoice


class AvailabilityItem(ItemChoice):
    """Could so many pieces be served now? Anywhere, or from one region, to wherever they go."""

    model_config = ConfigDict(json_schema_extra={"examples": [ITEM_EXAMPLE, {**ITEM_EXAMPLE, "region": "eu-north"}]})

    quantity: Quantity = 1
    warehouse_id: BoundTo = None
    preferred_warehouse_id: Preferred = None
    region: Wall | None = None
    destination: Destination | None = None

    def _query(self, **terms: Any) -> AvailabilityQuery:
        return AvailabilityQuery(
            quantity=self.quantity,
            sku=self.sku,
            inventory_id=self.inventory_id,
            product_id=self.product_id,
            variant_id=self.variant_id,
            warehouse_id=self.warehouse_id,
            preferred_warehouse_id=self.preferred_warehouse_id,
            **terms,
        )


class AvailabilityCheck(AvailabilityItem):
    """Could so many pieces be served now, and from where? Asked as a reservation would be."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                ITEM_EXAMPLE,
                {**ITEM_EXAMPLE, "strategy": "nearest", "destination": {"country": "DE"}, "allowSplit": False},
            ]
        }
    )

    strategy: StrategyName = Strategy.BALANCED
    allow_split: AllowSplit = True

    def query(self) -> AvailabilityQuery:
        """The question as views take it."""
        return self._query(
            region=self.region,
            destination=to_destination(self.destination),
            strategy=self.strategy,
            allow_split=self.allow_split,
        )


class AvailabilityBulk(Body):
    """The same for many items, each by itself and all together, as one order.

    `region` and `destination` of an item count before those of all.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"items": [ITEM_EXAMPLE]},
                {"items": [ITEM_EXAMPLE], "strategy": "fewest_shipments", "destination": {"region": "eu-north"}},
            ]
        }
    )

    items: Annotated[list[AvailabilityItem], Field(min_length=1, max_length=LINES_MAX)]
    strategy: StrategyName = Strategy.BALANCED
    region: Wall | None = None
    destination: Destination | None = None
    allow_split: AllowSplit = True

    def queries(self) -> list[AvailabilityQuery]:
        """The questions as views take them."""
        return [
            item._query(
                region=item.region or self.region,
                destination=to_destination(item.destination or self.destination),
                strategy=self.strategy,
                allow_split=self.allow_split,
            )
            for item in self.items
        ]


class WarehouseAvailability(Shape):
    """What one warehouse could give."""

    inventory_id: UUID
    warehouse_id: UUID
    code: str
    region: str
    quantity_available: int
    distance_km: Distance


class _Answer(Explained):
    """What is said of one item. `warehouses` come the best first."""

    quantity_requested: int
    quantity_available: int
    available: bool
    warehouses: list[WarehouseAvailability]

    @classmethod
    def of(cls, found: domain.Availability) -> Self:
        """The answer as callers see it."""
        facts = {name: getattr(found, name) for name in _FACTS}
        return cls.model_validate({**facts, **members_of(found.explanation)})


class Availability(_Answer):
    """`quantityAvailable` is what a reservation with the same wishes could get of it now: of all `warehouses` together;
    without splitting the most that one has. `allocation` is what it would get of the quantity, and why."""

    sku: str


class AvailabilityBulkItem(_Answer):
    """One item's answer by itself; for an item that is not known nothing is available and `problem` says why."""

    sku: str | None
    problem: Problem | None = None

    @classmethod
    def unknown(cls, asked: AvailabilityItem, problem: Problem, strategy: Strategy) -> Self:
        """The answer for an item that is not known."""
        return cls(
            sku=asked.sku,
            quantity_requested=asked.quantity,
            quantity_available=0,
            available=False,
            warehouses=[],
            problem=problem,
            strategy=strategy,
            allocation=[],
            rejected=[],
        )


class AvailabilityBulkAnswer(Shape):
    """`available` when all items together can be served: the same stock is never counted twice.

    `allocation` and `rejected` say what a reservation of all items would get; they are there when all items are known
    and have region and destination in common, as those of an order do.
    """

    available: bool
    items: list[AvailabilityBulkItem]
    strategy: Strategy | None = None
    destination: Place | None = None
    allocation: Annotated[list[Allocation], Field(default_factory=list)]
    rejected: Annotated[list[RejectedWarehouse], Field(default_factory=list)]

    @classmethod
    def of(cls, found: domain.BulkAvailability, items: list[AvailabilityBulkItem]) -> Self:
        """The answer as callers see it."""
        together = members_of(found.explanation) if found.explanation else {}
        return cls.model_validate({"available": found.available, "items": items, **together})


_FACTS = ("sku", "quantity_requested", "quantity_available", "available", "warehouses")
