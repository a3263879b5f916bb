"""What is on its way, and how old it is, as REST sees it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from db.ageing import AgeingFilter
from domain.ageing import Ageing
from gateway.http.schemas.model import FROM_WORD, Query, Region, Shape
from gateway.http.schemas.pages import Listing
from gateway.http.schemas.reports import Form, ReportQuery


class GroupsQuery(Query):
    """Which operations to tell of, by where they go."""

    format: Form = None
    kind: Ageing | None = None
    warehouse_id: UUID | None = None
    region: Region | None = None
    cross_region: Annotated[bool | None, FROM_WORD] = None

    def filters(self) -> AgeingFilter:
        """The filter as reports take it."""
        return AgeingFilter(
            kind=self.kind,
            warehouse_id=self.warehouse_id,
            region=self.region,
            is_cross_region=self.cross_region,
        )


class AgeingQuery(GroupsQuery, ReportQuery):
    """The same, a page at a time."""


class OnTheWay(Shape):
    """A transfer on the road, or a purchase order that is not closed, and what of it is still to come."""

    kind: Ageing
    operation_id: Annotated[UUID, Field(description="Of the transfer or the purchase order.")]
    status: str
    from_region: Annotated[str | None, Field(description="Of a transfer.")]
    from_warehouse_id: UUID | None
    from_warehouse_code: str | None
    supplier_id: Annotated[UUID | None, Field(description="Of a purchase order.")]
    supplier_code: str | None
    region: Annotated[str, Field(description="Where it goes.")]
    warehouse_id: UUID
    warehouse_code: str
    is_cross_region: bool
    since: Annotated[datetime, Field(description="Shipped or sent; asked for, if it was not sent yet.")]
    expected_at: datetime | None
    age_days: Annotated[int, Field(description="Whole days since `since`.")]
    days_late: Annotated[int | None, Field(description="Whole days since `expectedAt`; negative before it.")]
    quantity_outstanding: int


class OnTheWayListing(Listing[OnTheWay]):
    """What is on its way, a page at a time."""


class AgeGroup(Shape):
    """What is of one kind and about as old; `ageDaysMax` is null in the oldest group."""

    kind: Ageing
    age_days_min: int
    age_days_max: int | None
    operations: int
    operations_late: int
    quantity_outstanding: int


class AgeGroupListing(Listing[AgeGroup]):
    """All groups."""
