"""Which workflow stands behind an operation's row, and with what it is started: the first time and when it was lost."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from textwrap import shorten
from typing import Any
from uuid import UUID

from domain.adjustments import StockAdjustment
from domain.contracts.adjustments import AdjustmentRequest
from domain.contracts.names import ADJUSTMENT_WORKFLOW, PURCHASE_ORDER_WORKFLOW, TRANSFER_WORKFLOW
from domain.contracts.operations import SkuQuantity
from domain.contracts.purchase_orders import PurchaseOrderRequest
from domain.contracts.transfers import TransferRequest
from domain.operations import OperationKind
from domain.purchase_orders import PurchaseOrder
from domain.transfers import Transfer

TITLE_CHARACTERS_MAX = 150
"""What fits the summary of a workflow, whatever is put beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationStart:
    """A workflow to start: which one, with what, and the line that stands for it in Temporal UI."""

    kind: OperationKind
    workflow: str
    operation_id: UUID
    request: Any
    summary: str
    skus: Collection[str] = ()


def adjustment_start(adjustment: StockAdjustment) -> OperationStart:
    """The workflow of an adjustment that has its row."""
    return OperationStart(
        kind=OperationKind.ADJUSTMENT,
        workflow=ADJUSTMENT_WORKFLOW,
        operation_id=adjustment.adjustment_id,
        request=AdjustmentRequest(
            adjustment_id=adjustment.adjustment_id,
            inventory_id=adjustment.inventory_id,
            delta=adjustment.delta,
            type=adjustment.type,
            reason=adjustment.reason,
            actor_id=adjustment.requested_by,
            actor_name=adjustment.requested_by_name,
            reason_code=adjustment.reason_code,
            reference=adjustment.reference,
        ),
        summary=f"{adjustment.type} {adjustment.delta:+d} × {adjustment.sku} · {adjustment.reason}",
        skus=(adjustment.sku,),
    )


def transfer_start(transfer: Transfer) -> OperationStart:
    """The workflow of a transfer that has its row."""
    lines = ", ".join(f"{line.quantity} × {line.sku}" for line in transfer.lines)
    return OperationStart(
        kind=OperationKind.TRANSFER,
        workflow=TRANSFER_WORKFLOW,
        operation_id=transfer.transfer_id,
        request=TransferRequest(
            transfer_id=transfer.transfer_id,
            from_warehouse_id=transfer.from_warehouse_id,
            to_warehouse_id=transfer.to_warehouse_id,
            lines=[SkuQuantity(sku=line.sku, quantity=line.quantity) for line in transfer.lines],
            actor_id=transfer.requested_by,
            actor_name=transfer.requested_by_name,
            reason=transfer.reason,
            reference=transfer.reference,
            expected_at=transfer.expected_at,
            transit_seconds=transfer.transit_seconds,
        ),
        summary=" · ".join(part for part in (f"transfer of {lines}", transfer.reason) if part),
        skus=[line.sku for line in transfer.lines],
    )


def purchase_order_start(order: PurchaseOrder) -> OperationStart:
    """The workflow of a purchase order that has its row."""
    lines = ", ".join(f"{line.quantity} × {line.sku}" for line in order.lines)
    title = shorten(" · ".join(filter(None, (order.number, order.reference, lines))), TITLE_CHARACTERS_MAX)
    return OperationStart(
        kind=OperationKind.PURCHASE_ORDER,
        workflow=PURCHASE_ORDER_WORKFLOW,
        operation_id=order.purchase_order_id,
        request=PurchaseOrderRequest(purchase_order_id=order.purchase_order_id, title=title),
        summary=title,
        skus=[line.sku for line in order.lines],
    )
