"""What all work that waits for people has in common as REST sees it: decisions, links, the audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field

from db.audit import AuditEntry
from db.paging import Page
from domain.contracts.operations import SkuQuantity
from domain.limits import LINES_MAX
from gateway.http.schemas.model import Body, Quantity, Reason, Shape, Sku
from gateway.http.schemas.pages import Listing


class StepBody(Body):
    """Why; may be left out, as may the body."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "counted again, it is right"}]})

    reason: Reason = ""


class LineBody(Body):
    """Pieces of one SKU."""

    sku: Sku
    quantity: Quantity


class StepWithLines(StepBody):
    """A step that may be about some of the pieces."""

    lines: Annotated[list[LineBody], Field(max_length=LINES_MAX)] = Field(default_factory=list)

    def pieces(self) -> list[SkuQuantity]:
        """The lines as a decision carries them."""
        return [SkuQuantity(sku=line.sku, quantity=line.quantity) for line in self.lines]


class OperationLinks(Shape):
    """Where to find out more: this resource, its audit trail, and its workflow in Temporal UI."""

    self: str
    audit: str
    workflow: str


class AuditLine(Shape):
    """One step: who took it or tried to, when, why, and what it was before. `refusalCode` is null for one that was
    taken; `details` are what belongs to it."""

    audit_id: UUID
    step: str
    source: str
    performed_by: UUID
    performed_by_name: str
    reason: str
    status_before: str | None
    status_after: str
    refusal_code: str | None
    refusal_detail: str | None
    details: dict[str, Any]
    created_at: datetime


class AuditTrail(Listing[AuditLine]):
    """One page of the steps; `nextPageToken` is null on the last."""

    @classmethod
    def of_page(cls, page: Page[AuditEntry]) -> Self:
        """The trail as callers see it."""
        return cls.of([AuditLine.model_validate(entry) for entry in page.items], page.next_token)
