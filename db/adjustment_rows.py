"""Adjustments read back: rows as the domain sees them, lists, and what their events tell. Changes nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select

from db.engine import ReadSession
from db.paging import Listing, Page, PageRequest
from db.tables import adjustments, inventory
from domain.adjustments import AdjustmentStatus, StockAdjustment
from domain.approval import ApprovalReason
from domain.operations import Step
from domain.stock import MovementType, ReasonCode

LISTING = Listing(
    name="adjustments",
    orders={"requestedAt": (adjustments.c.requested_at, adjustments.c.adjustment_id)},
    default="requestedAt desc",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustmentFilter:
    """Which adjustments to list; None does not narrow."""

    status: AdjustmentStatus | None = None
    inventory_id: UUID | None = None
    warehouse_id: UUID | None = None
    sku: str | None = None


_WITH_PLACE: Select[Any] = select(adjustments, inventory.c.sku, inventory.c.warehouse_id).join(
    inventory, inventory.c.inventory_id == adjustments.c.inventory_id
)


async def get(session: ReadSession, adjustment_id: UUID) -> StockAdjustment | None:
    """One adjustment."""
    return (await by_ids(session, [adjustment_id])).get(adjustment_id)


async def by_ids(session: ReadSession, adjustment_ids: Collection[UUID]) -> dict[UUID, StockAdjustment]:
    """Adjustments by id, at most 200; one that does not exist is missing."""
    rows = await session.execute(_WITH_PLACE.where(adjustments.c.adjustment_id.in_(adjustment_ids)))
    return {row.adjustment_id: adjustment_of(row) for row in rows}


async def listed(session: ReadSession, filters: AdjustmentFilter, page: PageRequest) -> Page[StockAdjustment]:
    """A page of adjustments, newest first. Raises InvalidPageToken, Unprocessable."""
    cursor = LISTING.cursor(page, filters)
    rows = (await session.execute(cursor.narrow(_WITH_PLACE.where(*_conditions(filters))))).all()
    return cursor.page(rows, adjustment_of)


def facts_of(adjustment: StockAdjustment) -> dict[str, Any]:
    """What every event of an adjustment tells."""
    return {
        "adjustmentId": str(adjustment.adjustment_id),
        "inventoryId": str(adjustment.inventory_id),
        "warehouseId": str(adjustment.warehouse_id),
        "sku": adjustment.sku,
        "delta": adjustment.delta,
        "type": adjustment.type.value,
        "reasonCode": adjustment.reason_code.value,
        "reason": adjustment.reason,
        "status": adjustment.status.value,
        "requestedBy": adjustment.requested_by_name,
        "decidedBy": adjustment.decided_by_name,
    }


def adjustment_of(row: Any) -> StockAdjustment:
    """An adjustment from a row of `adjustments` with its place."""
    values = {name: value for name, value in row._mapping.items() if name in StockAdjustment.__dataclass_fields__}
    return StockAdjustment(
        **{
            **values,
            "type": MovementType(row.type),
            "reason_code": ReasonCode(row.reason_code),
            "status": AdjustmentStatus(row.status),
            "approval_reason": ApprovalReason(row.approval_reason) if row.approval_reason else None,
            "wakes_for": Step(row.wakes_for) if row.wakes_for else None,
        }
    )


def _conditions(filters: AdjustmentFilter) -> list[ColumnElement[bool]]:
    asked = (
        (adjustments.c.status, filters.status.value if filters.status else None),
        (adjustments.c.inventory_id, filters.inventory_id),
        (inventory.c.warehouse_id, filters.warehouse_id),
        (inventory.c.sku, filters.sku),
    )
    return [column == wanted for column, wanted in asked if wanted is not None]
