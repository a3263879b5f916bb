"""Returns of sold stock as REST sees them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from domain.limits import LINES_MAX
from domain.returns import Condition, ReturnItem, ReturnRequest
from gateway.http.schemas.model import Body, Id, Quantity, Reason, Shape, Sku, wrong
from gateway.http.schemas.pages import Listing

ConditionName = Annotated[
    Condition, Field(strict=False, description="A damaged piece comes back and is written off at once.")
]


class ReturnItemCreate(Body):
    """Pieces that came back: of a SKU, or of one inventory row that served the sale."""

    sku: Sku | None = None
    inventory_id: Id | None = None
    quantity: Quantity
    condition: ConditionName = Condition.SELLABLE

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.sku is None) == (self.inventory_id is None):
            raise wrong("give exactly one of sku, inventoryId")
        return self

    def item(self) -> ReturnItem:
        """The pieces as the rules take them."""
        return ReturnItem(**dict(self))


class ReturnCreate(Body):
    """What came back. Without `lines`, or without a body: everything that is not back yet, sellable."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "lines": [
                        {"sku": "TEA-GREEN-250", "quantity": 1},
                        {"sku": "TEA-GREEN-250", "quantity": 1, "condition": "damaged"},
                    ],
                    "reason": "wrong taste, one box torn",
                }
            ]
        }
    )

    lines: Annotated[list[ReturnItemCreate], Field(min_length=1, max_length=LINES_MAX)] | None = None
    reason: Reason = ""
    return_id: Annotated[
        Id | None, Field(description="Your own id for the return; the same id and lines again changes nothing.")
    ] = None

    def request(self, resource_id: UUID) -> ReturnRequest:
        """The return as the rules take it, with `resource_id` for its id unless it has its own."""
        return ReturnRequest(
            return_id=self.return_id or resource_id,
            items=tuple(line.item() for line in self.lines or ()),
            reason=self.reason,
        )


class ReturnLine(Shape):
    """Pieces that came back to one inventory row, and their lines in its ledger."""

    inventory_id: UUID
    warehouse_id: UUID
    sku: str
    quantity: int
    condition: Condition
    movement_id: Annotated[UUID, Field(description="The RETURN movement.")]
    damage_movement_id: Annotated[UUID | None, Field(description="The DAMAGE movement; null unless damaged.")]


class Return(Shape):
    """A return as it was recorded; it never changes. `isComplete`: with it, all that was sold had come back."""

    return_id: UUID
    reservation_id: UUID
    order_id: str
    lines: list[ReturnLine]
    reason: str
    is_complete: bool
    performed_by: UUID
    performed_by_name: str
    created_at: datetime


class ReturnListing(Listing[Return]):
    """Returns, a page at a time."""
