"""Which workflow stands behind an operation's row, and with what it is started: the first time and when it was lost."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.adjustments import StockAdjustment
from domain.contracts.adjustments import AdjustmentRequest
from domain.contracts.names import ADJUSTMENT_WORKFLOW
from domain.operations import OperationKind


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
