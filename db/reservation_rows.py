"""Rows of reservations as the values that the rules know, and back. Reads only, and changes nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, select, text

from db.engine import ReadSession
from db.explanations import as_json, from_json
from db.tables import inventory, reservation_lines, reservations
from domain.allocation import Plan
from domain.contracts.reservations import HoldRequest, SettleOutcome
from domain.errors import Shortage
from domain.explanations import Explanation
from domain.limits import LINES_MAX
from domain.reservations import Line, Reservation, ReservationStatus

_LINES = (
    select(
        func.coalesce(
            func.jsonb_agg(
                func.jsonb_build_object(
                    "inventory_id",
                    reservation_lines.c.inventory_id,
                    "warehouse_id",
                    inventory.c.warehouse_id,
                    "sku",
                    inventory.c.sku,
                    "quantity",
                    reservation_lines.c.quantity,
                    "quantity_returned",
                    reservation_lines.c.quantity_returned,
                )
            ),
            text("'[]'"),
        )
    )
    .select_from(reservation_lines.join(inventory, inventory.c.inventory_id == reservation_lines.c.inventory_id))
    .where(reservation_lines.c.reservation_id == reservations.c.reservation_id)
    .scalar_subquery()
)


async def read_where(session: ReadSession, condition: ColumnElement[bool]) -> list[Reservation]:
    """Reservations with their lines by id, at most 200."""
    statement = (
        select(reservations, _LINES.label("lines"))
        .where(condition)
        .order_by(reservations.c.reservation_id)
        .limit(LINES_MAX)
    )
    return [_reservation_of(row) for row in await session.execute(statement)]


def held_row(request: HoldRequest, planned: Plan, told: Explanation | None, reserved_at: datetime) -> Reservation:
    """The row that hold_reservation has just committed, without reading it back."""
    return Reservation(
        reservation_id=request.reservation_id,
        order_id=request.order_id,
        status=ReservationStatus.PENDING,
        lines=tuple(
            Line(inventory_id=p.inventory_id, warehouse_id=p.warehouse_id, sku=p.sku, quantity=p.quantity)
            for p in planned.picks
        ),
        shortages=(),
        fingerprint=request.fingerprint,
        release_reason=None,
        extends_count=0,
        sequence=1,
        reserved_at=reserved_at,
        expires_at=reserved_at + timedelta(seconds=request.hold_seconds),
        committed_at=None,
        cancelled_at=None,
        expired_at=None,
        returned_at=None,
        created_at=reserved_at,
        updated_at=reserved_at,
        explanation=told,
    )


def opening_values(request: HoldRequest) -> dict[str, Any]:
    """What the row of a new reservation is made of."""
    return {
        "reservation_id": request.reservation_id,
        "order_id": request.order_id,
        "fingerprint": request.fingerprint,
        "source": request.source.value,
        "hold": timedelta(seconds=request.hold_seconds),
        "performed_by": request.actor_id,
        "performed_by_name": request.actor_name,
    }


def hold_values(request: HoldRequest, planned: Plan, told: Explanation | None) -> dict[str, Any]:
    """A request, its plan and what is told of it as hold_reservation takes them."""
    return {
        **opening_values(request),
        "traceparent": request.traceparent,
        "allocation": as_json(told),
        "inventory_ids": [pick.inventory_id for pick in planned.picks],
        "quantities": [pick.quantity for pick in planned.picks],
        "lines": [
            {
                "inventoryId": str(pick.inventory_id),
                "warehouseId": str(pick.warehouse_id),
                "sku": pick.sku,
                "quantity": pick.quantity,
            }
            for pick in planned.picks
        ],
    }


def outcome_of(row: Row[Any] | None) -> SettleOutcome | None:
    """What a transition answered; None when there is no such reservation."""
    if row is None:
        return None
    return SettleOutcome(
        status=ReservationStatus(row.status),
        expires_at=row.expires_at,
        changed=row.changed,
        refused=getattr(row, "refused", False),
        extends_count=getattr(row, "extends_count", 0),
        early_seconds=early.total_seconds() if (early := getattr(row, "early", None)) else 0.0,
    )


def _reservation_of(row: Any) -> Reservation:
    lines = (
        Line(
            inventory_id=UUID(line["inventory_id"]),
            warehouse_id=UUID(line["warehouse_id"]),
            sku=line["sku"],
            quantity=line["quantity"],
            quantity_returned=line["quantity_returned"],
        )
        for line in row.lines
    )
    return Reservation(
        reservation_id=row.reservation_id,
        order_id=row.order_id,
        status=ReservationStatus(row.status),
        lines=tuple(sorted(lines, key=lambda line: line.inventory_id)),
        shortages=tuple(Shortage(**shortage) for shortage in row.shortages),
        fingerprint=row.fingerprint,
        release_reason=row.release_reason,
        extends_count=row.extends_count,
        sequence=row.sequence,
        reserved_at=row.reserved_at,
        expires_at=row.expires_at,
        committed_at=row.committed_at,
        cancelled_at=row.cancelled_at,
        expired_at=row.expired_at,
        returned_at=row.returned_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        explanation=from_json(row.allocation),
    )
