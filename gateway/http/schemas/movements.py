"""The ledger of an inventory row as REST sees it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from db.movements import MovementFilter
from domain.stock import MovementType
from gateway.http.schemas.model import Moment, Reference, Shape
from gateway.http.schemas.pages import Listing, PageQuery

MovementName = Annotated[MovementType, Field(strict=False)]


class MovementQuery(PageQuery):
    """Which ledger lines to list; `since` is included, `until` is not."""

    type: MovementType | None = None
    reference: Reference | None = None
    since: Moment | None = None
    until: Moment | None = None

    def filters(self) -> MovementFilter:
        """The filter as views take it."""
        return MovementFilter(type=self.type, reference=self.reference, since=self.since, until=self.until)


class Movement(Shape):
    """One line of the ledger: `quantity` is the signed change of the total."""

    movement_id: UUID
    inventory_id: UUID
    type: MovementType
    quantity: int
    total_after: int
    sequence: int
    reason: str
    reference: str
    performed_by: UUID
    performed_by_name: str
    created_at: datetime


class MovementListing(Listing[Movement]):
    """Ledger lines, a page at a time."""
