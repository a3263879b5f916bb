"""Alerts as REST sees them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field

from db.alerts import AlertFilter
from domain.alerts import AlertKind, AlertStatus, Resolution
from gateway.http.schemas.model import Body, Reason, Shape, Sku
from gateway.http.schemas.pages import Listing, PageQuery


class AlertAcknowledge(Body):
    """Nothing needs to be said; an empty object or no body at all."""


class AlertResolve(Body):
    """Why it is over; may be left out."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "discontinued, sells out"}]})

    reason: Reason = ""


class AlertQuery(PageQuery):
    """Which alerts to list, newest first."""

    kind: AlertKind | None = None
    status: AlertStatus | None = None
    warehouse_id: UUID | None = None
    sku: Sku | None = None

    def filters(self) -> AlertFilter:
        """The filter as views take it."""
        return AlertFilter(kind=self.kind, status=self.status, warehouse_id=self.warehouse_id, sku=self.sku)


class Alert(Shape):
    """Something to look at. At most one of a kind is unresolved for a subject at a time."""

    alert_id: UUID
    kind: AlertKind
    subject_id: Annotated[
        UUID,
        Field(
            description="What it is about: the inventory row for `low_stock` and `out_of_stock`, the transfer or the "
            "purchase order for one that is late."
        ),
    ]
    status: AlertStatus
    sku: str | None
    warehouse_id: UUID | None
    details: Annotated[
        dict[str, Any],
        Field(
            description="For `low_stock`: `quantityAvailable`, `reorderPoint` and `reorderQuantity` as it was raised."
        ),
    ]
    raised_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: UUID | None
    acknowledged_by_name: str | None
    resolved_at: datetime | None
    resolved_by: Annotated[UUID | None, Field(description="Null when it resolved itself.")]
    resolved_by_name: str | None
    resolution: Resolution | None
    reason: str
    version: Annotated[int, Field(description="Counts every change; the ETag.")]


class AlertListing(Listing[Alert]):
    """Alerts, a page at a time."""
