"""What all work that waits for people has in common as REST sees it: decisions, links, the audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import ConfigDict

from db.audit import AuditEntry
from gateway.http.schemas.model import Body, Reason, Shape
from gateway.http.schemas.pages import Listing


class StepBody(Body):
    """Why; may be left out, as may the body."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "counted again, it is right"}]})

    reason: Reason = ""


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
    """All steps, oldest first; there is one page."""

    @classmethod
    def of_entries(cls, entries: list[AuditEntry]) -> Self:
        """The trail as callers see it."""
        return cls.of([AuditLine.model_validate(entry) for entry in entries])
