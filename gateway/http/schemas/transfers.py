"""Transfers between warehouses as REST sees them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, Field

from db.transfer_rows import TransferFilter
from domain.approval import ApprovalReason
from domain.contracts.names import operation_workflow_id
from domain.limits import LINES_MAX, RECEIPT_ID_CHARACTERS_MAX, TRANSIT_SECONDS_MAX
from domain.lines import pieces_by_sku
from domain.operations import OperationKind
from domain.transfer_lines import Discrepancy
from domain.transfers import NewTransfer, TransferStatus
from domain.transfers import Transfer as TransferRow
from gateway.http.schemas.model import FROM_WORD, Body, Id, Moment, Reason, Reference, Shape, Sku
from gateway.http.schemas.operations import LineBody, OperationLinks, StepWithLines
from gateway.http.schemas.pages import Listing, PageQuery


class TransferCreate(Body):
    """Stock to bring from one warehouse to another; the same SKU twice is summed.

    When it should arrive: an instant, or seconds after it is shipped, or neither, then the house's own time.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "fromWarehouseId": "6f1c2a8e-2c1b-4f0e-8b57-6f2b8a1d9c44",
                    "toWarehouseId": "0b8f6c1e-53f5-4c39-9d7c-3f0f6a6a2f10",
                    "lines": [{"sku": "TEA-GREEN-250", "quantity": 40}],
                    "reason": "the south sells faster",
                    "transitSeconds": 172800,
                }
            ]
        }
    )

    from_warehouse_id: Id
    to_warehouse_id: Id
    lines: Annotated[list[LineBody], Field(min_length=1, max_length=LINES_MAX)]
    reason: Reason = ""
    reference: Reference = ""
    expected_at: Annotated[Moment | None, Field(strict=False)] = None
    transit_seconds: Annotated[int | None, Field(ge=1, le=TRANSIT_SECONDS_MAX)] = None

    def new_transfer(self) -> NewTransfer:
        """The request as the rules take it."""
        return NewTransfer(
            from_warehouse_id=self.from_warehouse_id,
            to_warehouse_id=self.to_warehouse_id,
            lines=pieces_by_sku((line.sku, line.quantity) for line in self.lines),
            reason=self.reason,
            reference=self.reference,
            expected_at=self.expected_at,
            transit_seconds=self.transit_seconds,
        )


class TransferShip(StepWithLines):
    """What leaves; without `lines` all that was asked for."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"lines": [{"sku": "TEA-GREEN-250", "quantity": 38}]}]})


class TransferReceive(StepWithLines):
    """What has arrived; without `lines` all that is in transit.

    `discrepancy` makes it the last receipt: that became of everything that is in transit afterwards. `receiptId` is
    the slip's own number and counts once.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "lines": [{"sku": "TEA-GREEN-250", "quantity": 36}],
                    "receiptId": "slip-4711",
                    "discrepancy": "lost",
                    "reason": "a box was crushed",
                }
            ]
        }
    )

    receipt_id: Annotated[str | None, Field(min_length=1, max_length=RECEIPT_ID_CHARACTERS_MAX)] = None
    discrepancy: Annotated[Discrepancy | None, Field(strict=False)] = None


class TransferResolve(StepWithLines):
    """What became of pieces in transit; without `lines` of all of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"discrepancy": "lost", "reason": "never found"}]})

    discrepancy: Annotated[Discrepancy, Field(strict=False)]


class TransferQuery(PageQuery):
    """Which transfers to list, newest first."""

    status: TransferStatus | None = None
    from_warehouse_id: UUID | None = None
    to_warehouse_id: UUID | None = None
    sku: Sku | None = None
    late: Annotated[bool | None, Field(description="On the road and should have arrived, or not."), FROM_WORD] = None

    def filters(self) -> TransferFilter:
        """The filter as views take it."""
        return TransferFilter(
            status=self.status,
            from_warehouse_id=self.from_warehouse_id,
            to_warehouse_id=self.to_warehouse_id,
            sku=self.sku,
            late=self.late,
        )


class TransferLine(Shape):
    """One SKU of a transfer. In transit = shipped − received − lost − returned, always."""

    sku: str
    quantity: Annotated[int, Field(description="Pieces asked for.")]
    quantity_shipped: int
    quantity_in_transit: int
    quantity_received: int
    quantity_lost: int
    quantity_returned: int


class Transfer(Shape):
    """Stock on its way from one warehouse to another.

    PENDING_APPROVAL waits for somebody other than the asker; REQUESTED and APPROVED may be shipped; IN_TRANSIT and
    PARTLY_RECEIVED are on the road; CLOSED, CANCELLED, REJECTED and LAPSED are final. `approvalReason` says why one
    person was not enough, null when one was.
    """

    transfer_id: UUID
    workflow_id: str
    from_warehouse_id: UUID
    to_warehouse_id: UUID
    status: TransferStatus
    lines: list[TransferLine]
    reason: str
    reference: str
    approval_reason: ApprovalReason | None
    expected_at: Annotated[datetime | None, Field(description="Null while it is not known: before it is shipped.")]
    shipped_at: datetime | None
    is_late: Annotated[bool, Field(description="It should have arrived, and some of it is still in transit.")]
    late_since: datetime | None
    requested_by: UUID
    requested_by_name: str
    requested_at: datetime
    decided_by: UUID | None
    decided_by_name: str | None
    decided_at: datetime | None
    decision_reason: str
    closed_at: datetime | None
    version: Annotated[int, Field(description="Counts its steps; the ETag.")]
    updated_at: datetime
    links: OperationLinks

    @classmethod
    def of_row(cls, row: TransferRow, *, path: str, workflow_link: str) -> Self:
        """A transfer as callers see it."""
        names = cls.model_fields.keys() - {"workflow_id", "links"}
        return cls.model_validate(
            {
                **{name: getattr(row, name) for name in names},
                "workflow_id": operation_workflow_id(OperationKind.TRANSFER, row.transfer_id),
                "links": OperationLinks(self=path, audit=f"{path}/audit", workflow=workflow_link),
            }
        )


class TransferListing(Listing[Transfer]):
    """Transfers, a page at a time."""
