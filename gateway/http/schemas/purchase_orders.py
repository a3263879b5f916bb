"""Purchase orders as REST sees them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, Field

from db.purchase_order_rows import PurchaseOrderFilter
from domain.contracts.names import operation_workflow_id
from domain.limits import LINES_MAX, REASON_CHARACTERS_MAX, RECEIPT_ID_CHARACTERS_MAX
from domain.operations import OperationKind
from domain.purchase_orders import NewPurchaseOrder, PurchaseOrderStatus, WantedLine
from domain.purchase_orders import PurchaseOrder as PurchaseOrderRow
from gateway.http.schemas.model import (
    FROM_WORD,
    PROSE,
    Amount,
    AmountText,
    Body,
    Currency,
    Id,
    Moment,
    Quantity,
    Reference,
    Shape,
    Sku,
)
from gateway.http.schemas.operations import OperationLinks, StepWithLines
from gateway.http.schemas.pages import Listing, PageQuery


class OrderedLine(Body):
    """Pieces of one SKU to order; without a cost, at the supplier's."""

    sku: Sku
    quantity: Quantity
    unit_cost: Amount | None = None


class PurchaseOrderCreate(Body):
    """An order to draft. The supplier must sell every SKU, in these quantities; the same SKU twice is added up."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "supplierId": "3d8b1c52-7a35-4f6e-9a0d-0e7d7b8f1a11",
                    "warehouseId": "6f1c2a8e-2c1b-4f0e-8b57-6f2b8a1d9c44",
                    "lines": [{"sku": "TEA-GREEN-250", "quantity": 48}],
                    "reference": "spring catalogue",
                }
            ]
        }
    )

    supplier_id: Id
    warehouse_id: Id
    lines: Annotated[list[OrderedLine], Field(min_length=1, max_length=LINES_MAX)]
    reference: Reference = ""
    expected_at: Annotated[
        Moment | None,
        Field(
            strict=False,
            description="When it should be here: in the future, 366 days at most; null: the longest lead time of its "
            "lines after it is sent, 24 hours at least.",
        ),
    ] = None

    def new_order(self) -> NewPurchaseOrder:
        """The order as the rules take it."""
        lines = tuple(WantedLine(**dict(line)) for line in self.lines)
        return NewPurchaseOrder(**{**dict(self), "lines": lines})


class PurchaseOrderReceive(StepWithLines):
    """What has arrived; without `lines` all that is outstanding. `receiptId` is the slip's own number and counts
    once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"lines": [{"sku": "TEA-GREEN-250", "quantity": 24}], "receiptId": "GRN-2026-0815"}]
        }
    )

    receipt_id: Annotated[str | None, Field(min_length=1, max_length=RECEIPT_ID_CHARACTERS_MAX)] = None


class PurchaseOrderClose(Body):
    """Why nothing more will come."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "the rest is discontinued"}]})

    reason: Annotated[str, Field(min_length=1, max_length=REASON_CHARACTERS_MAX), PROSE]


class PurchaseOrderQuery(PageQuery):
    """Which orders to list, newest first."""

    status: PurchaseOrderStatus | None = None
    supplier_id: UUID | None = None
    warehouse_id: UUID | None = None
    sku: Sku | None = None
    late: Annotated[bool | None, Field(description="Open and should have arrived, or not."), FROM_WORD] = None

    def filters(self) -> PurchaseOrderFilter:
        """The filter as views take it."""
        return PurchaseOrderFilter(
            status=self.status,
            supplier_id=self.supplier_id,
            warehouse_id=self.warehouse_id,
            sku=self.sku,
            late=self.late,
        )


class PurchaseOrderLine(Shape):
    """One SKU of an order. `quantityOutstanding` is what may still come: nothing once the order has ended."""

    sku: str
    quantity: int
    quantity_received: int
    quantity_outstanding: int
    unit_cost: AmountText


class PurchaseOrder(Shape):
    """An order to a supplier: DRAFT, APPROVED, SENT, PARTIALLY_RECEIVED, then RECEIVED, or CLOSED short; or REJECTED,
    or CANCELLED before anything arrived."""

    purchase_order_id: UUID
    number: Annotated[str, Field(examples=["PO-000123"])]
    workflow_id: str
    supplier_id: UUID
    warehouse_id: UUID
    status: PurchaseOrderStatus
    lines: list[PurchaseOrderLine]
    value: Annotated[AmountText, Field(description="What all of it costs, as ordered.")]
    currency: Currency
    reference: str
    restock_run: Annotated[str | None, Field(description="The Restock workflow that drafted it, if one did.")]
    expected_at: datetime | None
    is_late: Annotated[bool, Field(description="It should have arrived, and it is still open.")]
    late_since: datetime | None
    requested_by: UUID
    requested_by_name: str
    requested_at: datetime
    decided_by: UUID | None
    decided_by_name: str | None
    decided_at: datetime | None
    sent_at: datetime | None
    closed_at: datetime | None
    closing_reason: str
    version: Annotated[int, Field(description="Counts its steps; the ETag.")]
    updated_at: datetime
    links: OperationLinks

    @classmethod
    def of_row(cls, row: PurchaseOrderRow, *, path: str, workflow_link: str) -> Self:
        """An order as callers see it."""
        made = {"workflow_id", "links", "lines"}
        return cls.model_validate(
            {
                **{name: getattr(row, name) for name in cls.model_fields.keys() - made},
                "lines": [PurchaseOrderLine.model_validate(line) for line in row.lines],
                "workflow_id": operation_workflow_id(OperationKind.PURCHASE_ORDER, row.purchase_order_id),
                "links": OperationLinks(self=path, audit=f"{path}/audit", workflow=workflow_link),
            }
        )


class PurchaseOrderListing(Listing[PurchaseOrder]):
    """Purchase orders, a page at a time."""
