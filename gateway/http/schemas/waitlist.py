"""The waitlist as REST sees it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, Field

from db.waitlist import WaitlistFilter
from domain.limits import WAIT_SECONDS_DEFAULT, WAIT_SECONDS_MAX
from domain.reservations import Item
from domain.waitlist import InLine, WaitlistStatus, Wish
from domain.waitlist import WaitlistEntry as WaitlistRow
from gateway.http.schemas.model import Id, Moment, OrderId, Quantity, Region, Shape, Sku
from gateway.http.schemas.pages import Listing, PageQuery
from gateway.http.schemas.reservations import HoldSeconds, ItemChoice


class WaitlistJoin(ItemChoice):
    """Wait for a SKU. At most one of `waitSeconds` and `expiresAt` says how long."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"orderId": "order-1001", "sku": "TEA-GREEN-250", "quantity": 2, "holdSeconds": 3600},
                {"orderId": "order-1002", "sku": "TEA-GREEN-250", "quantity": 1, "region": "eu", "waitSeconds": 86400},
            ]
        }
    )

    order_id: OrderId
    quantity: Quantity
    warehouse_id: Annotated[Id | None, Field(description="Take it from this warehouse only.")] = None
    region: Annotated[Region | None, Field(description="Take it from warehouses of this region only.")] = None
    hold_seconds: Annotated[
        HoldSeconds | None, Field(description="How long the hold will last once it is offered.")
    ] = None
    wait_seconds: Annotated[
        int | None,
        Field(
            ge=1,
            le=WAIT_SECONDS_MAX,
            description=f"How long to wait, counted from now; without this and `expiresAt` {WAIT_SECONDS_DEFAULT} s.",
        ),
    ] = None
    expires_at: Annotated[Moment | None, Field(description="Until when to wait.")] = None

    def wish(self) -> Wish:
        """The wish as the rules take it."""
        return Wish(
            order_id=self.order_id,
            item=Item(
                quantity=self.quantity,
                sku=self.sku,
                inventory_id=self.inventory_id,
                product_id=self.product_id,
                variant_id=self.variant_id,
                warehouse_id=self.warehouse_id,
            ),
            region=self.region,
            hold_seconds=self.hold_seconds,
            wait_seconds=self.wait_seconds,
            expires_at=self.expires_at,
        )


class WaitlistQuery(PageQuery):
    """Which entries to list, in the order of the line."""

    sku: Sku | None = None
    order_id: OrderId | None = None
    status: WaitlistStatus | None = None

    def filters(self) -> WaitlistFilter:
        """The filter as views take it."""
        return WaitlistFilter(sku=self.sku, order_id=self.order_id, status=self.status)


class WaitlistEntry(Shape):
    """A place in line. `position` (1 is next) is there while it waits, `reservationId` once it was offered."""

    entry_id: UUID
    order_id: str
    sku: str
    quantity: int
    warehouse_id: UUID | None
    region: str | None
    hold_seconds: int
    status: WaitlistStatus
    position: int | None = None
    reservation_id: UUID | None
    joined_at: datetime
    expires_at: Annotated[datetime, Field(description="Until when it waits.")]
    settled_at: Annotated[datetime | None, Field(description="When it was offered, withdrawn or expired.")]
    version: Annotated[int, Field(description="Counts every change; the ETag.")]

    @classmethod
    def of(cls, waits: InLine) -> Self:
        """An entry and its position as callers see them."""
        shape = cls.listed(waits.entry)
        return shape if waits.position is None else shape.model_copy(update={"position": waits.position})

    @classmethod
    def listed(cls, row: WaitlistRow) -> Self:
        """An entry of a list, which tells no position."""
        names = [name for name in cls.model_fields if name not in {"position", "version"}]
        return cls.model_validate({**{name: getattr(row, name) for name in names}, "version": row.sequence})


class WaitlistListing(Listing[WaitlistEntry]):
    """Entries, a page at a time."""
