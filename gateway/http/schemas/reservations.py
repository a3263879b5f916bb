"""Reservations as REST sees them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from db.reservation_listing import ReservationFilter
from domain.allocation_terms import Strategy
from domain.limits import HOLD_SECONDS_MAX, HOLD_SECONDS_MIN, LINES_MAX
from domain.reservations import Item, ReleaseReason, ReservationStatus
from domain.reservations import Reservation as ReservationRow
from gateway.http.schemas.allocation import (
    Allocation,
    AllowSplit,
    BoundTo,
    Destination,
    Place,
    Preferred,
    RejectedWarehouse,
    StrategyName,
    Wall,
    members_of,
)
from gateway.http.schemas.model import Body, Id, OrderId, Quantity, Shape, Sku, wrong
from gateway.http.schemas.pages import Listing, PageQuery

ITEM_EXAMPLE: JsonDict = {"sku": "TEA-GREEN-250", "quantity": 2}

HoldSeconds = Annotated[
    int, Field(ge=HOLD_SECONDS_MIN, le=HOLD_SECONDS_MAX, description="How long to hold, counted from now.")
]


class ItemChoice(Body):
    """What is wanted: exactly one of `sku`, `inventoryId`, or `productId` with its `variantId`, if it has any."""

    sku: Sku | None = None
    inventory_id: Id | None = None
    product_id: Id | None = None
    variant_id: Id | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(way is not None for way in (self.sku, self.inventory_id, self.product_id)) != 1:
            raise wrong("give exactly one of sku, inventoryId, productId")
        if self.variant_id is not None and self.product_id is None:
            raise wrong("variantId goes with productId")
        return self


class ReservationItem(ItemChoice):
    """One line of the wish. The same SKU twice is summed."""

    quantity: Quantity
    warehouse_id: BoundTo = None
    preferred_warehouse_id: Preferred = None

    def item(self) -> Item:
        """The line as the rules take it."""
        return Item(
            quantity=self.quantity,
            sku=self.sku,
            inventory_id=self.inventory_id,
            product_id=self.product_id,
            variant_id=self.variant_id,
            warehouse_id=self.warehouse_id,
            preferred_warehouse_id=self.preferred_warehouse_id,
        )


class ReservationCreate(Body):
    """Hold stock for an order: all items or none."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"orderId": "order-1001", "items": [ITEM_EXAMPLE], "holdSeconds": 900},
                {
                    "orderId": "order-1002",
                    "items": [ITEM_EXAMPLE, {"inventoryId": "019ab3c0-7f1e-7d3a-9c55-0a4d2f6b8e11", "quantity": 1}],
                    "allowSplit": False,
                    "region": "eu-west",
                },
                {
                    "orderId": "order-1003",
                    "items": [{**ITEM_EXAMPLE, "preferredWarehouseId": "019ab3c0-7f1e-7d3a-9c55-0a4d2f6b8e12"}],
                    "strategy": "nearest",
                    "destination": {"latitude": 53.55, "longitude": 9.99},
                },
            ]
        }
    )

    order_id: OrderId
    items: Annotated[list[ReservationItem], Field(min_length=1, max_length=LINES_MAX)]
    hold_seconds: HoldSeconds | None = None
    reservation_id: Annotated[
        Id | None, Field(description="Your own id for the reservation; the same id and contents again changes nothing.")
    ] = None
    strategy: StrategyName = Strategy.BALANCED
    destination: Annotated[
        Destination | None, Field(description="Where the goods go; `nearest` and `region` need it.")
    ] = None
    region: Wall | None = None
    allow_split: AllowSplit = True


class ReservationCommit(Body):
    """Nothing needs to be said; an empty object or no body at all."""


class ReservationCancel(Body):
    """Why the hold is given up; may be left out."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "payment_failed"}]})

    reason: Literal["cancelled", "payment_failed", "order_cancelled"] = "cancelled"

    def release_reason(self) -> ReleaseReason:
        """The reason as the rules name it."""
        return ReleaseReason(self.reason)


class ReservationExtend(Body):
    """A later deadline."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"holdSeconds": 600}]})

    hold_seconds: HoldSeconds


class ReservationQuery(PageQuery):
    """Which reservations to list, newest first."""

    status: ReservationStatus | None = None
    order_id: OrderId | None = None

    def filters(self) -> ReservationFilter:
        """The filter as views take it."""
        return ReservationFilter(status=self.status, order_id=self.order_id)


class ReservationLine(Shape):
    """Pieces of one inventory row. `quantityReturned` is there once sold pieces came back."""

    inventory_id: UUID
    warehouse_id: UUID
    sku: str
    quantity: int
    quantity_returned: int = 0


class Shortage(Shape):
    """One SKU that stock did not cover."""

    sku: str
    requested: int
    available: int


class ReservationLinks(Shape):
    """Where to find out more: this resource, and its workflow in Temporal UI."""

    self: str
    workflow: str


class Reservation(Shape):
    """A reservation. `inventoryId` and `quantity` stand at the top when there is exactly one line; `shortages` is
    there when it was refused. `allocation` says why its stock is where it is, and `rejected` why it is nowhere else
    (at most 50 warehouses, the nearest); `destination` is there when one was named."""

    reservation_id: UUID
    order_id: str
    status: ReservationStatus
    lines: list[ReservationLine]
    inventory_id: UUID | None = None
    quantity: int | None = None
    shortages: Annotated[list[Shortage], Field(default_factory=list)]
    strategy: Strategy
    destination: Place | None = None
    allocation: list[Allocation]
    rejected: list[RejectedWarehouse]
    release_reason: str | None
    extends_count: int
    reserved_at: datetime
    expires_at: datetime
    committed_at: datetime | None
    cancelled_at: datetime | None
    expired_at: datetime | None
    returned_at: datetime | None
    created_at: datetime
    updated_at: datetime
    links: ReservationLinks

    @classmethod
    def of(cls, row: ReservationRow, *, path: str, workflow_link: str) -> Self:
        """The row as callers see it."""
        single = row.lines[0] if len(row.lines) == 1 else None
        at_the_top = {"inventory_id": single.inventory_id, "quantity": single.quantity} if single else {}
        refused = {"shortages": row.shortages} if row.shortages else {}
        facts = {name: getattr(row, name) for name in _FACTS}
        lines = [_line(line) for line in row.lines]
        links = ReservationLinks(self=path, workflow=workflow_link)
        told = members_of(row.allocation)
        return cls.model_validate({**facts, "lines": lines, **at_the_top, **refused, **told, "links": links})


class ReservationListing(Listing[Reservation]):
    """Reservations, a page at a time."""


def _line(line: object) -> ReservationLine:
    shape = ReservationLine.model_validate(line)
    if shape.quantity_returned == 0:
        shape.model_fields_set.discard("quantity_returned")
    return shape


_FACTS = (
    "reservation_id",
    "order_id",
    "status",
    "release_reason",
    "extends_count",
    "reserved_at",
    "expires_at",
    "committed_at",
    "cancelled_at",
    "expired_at",
    "returned_at",
    "created_at",
    "updated_at",
)
