"""Adjustments as REST sees them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from db.adjustment_rows import AdjustmentFilter
from domain.adjustments import AdjustmentStatus, StockAdjustment
from domain.approval import ApprovalReason
from domain.contracts.names import operation_workflow_id
from domain.operations import OperationKind
from domain.stock import MovementType, ReasonCode
from gateway.http.schemas.model import AmountText, Shape, Sku
from gateway.http.schemas.operations import OperationLinks
from gateway.http.schemas.pages import Listing, PageQuery


class AdjustmentQuery(PageQuery):
    """Which adjustments to list, newest first."""

    status: AdjustmentStatus | None = None
    inventory_id: UUID | None = None
    warehouse_id: UUID | None = None
    sku: Sku | None = None

    def filters(self) -> AdjustmentFilter:
        """The filter as views take it."""
        return AdjustmentFilter(
            status=self.status, inventory_id=self.inventory_id, warehouse_id=self.warehouse_id, sku=self.sku
        )


class Adjustment(Shape):
    """A change of stock by hand. PENDING waits for somebody other than the asker; the rest is final.

    `approvalReason` says why one person was not enough, null when one was. `totalBefore` is the shelf when it was
    asked for, `appliedTotalBefore` and `totalAfter` around its application.
    """

    adjustment_id: UUID
    workflow_id: str
    inventory_id: UUID
    warehouse_id: UUID
    sku: str
    status: AdjustmentStatus
    delta: int
    type: MovementType
    reason_code: ReasonCode
    reason: str
    reference: str
    approval_reason: ApprovalReason | None
    unit_cost: AmountText | None
    currency: str | None
    value: Annotated[AmountText | None, Field(description="What the pieces are worth at cost, unsigned.")]
    total_before: int
    applied_total_before: int | None
    total_after: int | None
    requested_by: UUID
    requested_by_name: str
    requested_at: datetime
    decided_by: UUID | None
    decided_by_name: str | None
    decided_at: datetime | None
    decision_reason: str
    closed_at: datetime | None
    version: Annotated[int, Field(description="Counts its steps; the ETag.")]
    links: OperationLinks

    @classmethod
    def of_row(cls, row: StockAdjustment, *, path: str, workflow_link: str) -> Self:
        """An adjustment as callers see it."""
        names = cls.model_fields.keys() & (StockAdjustment.__dataclass_fields__.keys() | {"value"})
        return cls.model_validate(
            {
                **{name: getattr(row, name) for name in names},
                "workflow_id": operation_workflow_id(OperationKind.ADJUSTMENT, row.adjustment_id),
                "links": OperationLinks(self=path, audit=f"{path}/audit", workflow=workflow_link),
            }
        )


class AdjustmentListing(Listing[Adjustment]):
    """Adjustments, a page at a time."""
