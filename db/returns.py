"""Returns of sold stock: written down and read back. What may come back is decided in domain/returns.py.

The reservation is the caller's to lock (db/locks.py) before he plans.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select, text

from db.engine import ReadSession, WriteSession
from db.paging import Listing, Page, PageRequest
from db.tables import inventory, reservation_return_lines, reservation_returns, reservations
from domain.ids import Actor
from domain.returns import RETURN_REASON, Condition, Return, ReturnLine, ReturnPart, ReturnRequest

LISTING = Listing(name="returns", orders={"createdAt": (reservation_returns.c.sequence,)}, default="createdAt")

_ADD = text("""
    select return_part(:reservation_id, :return_id, :fingerprint, cast(:inventory_ids as uuid[]),
                       cast(:conditions as text[]), cast(:quantities as integer[]), :reason,
                       :performed_by, :performed_by_name, :traceparent)
""")
_LINES = (
    select(
        func.jsonb_agg(
            func.jsonb_build_object(
                "inventory_id",
                reservation_return_lines.c.inventory_id,
                "warehouse_id",
                inventory.c.warehouse_id,
                "sku",
                inventory.c.sku,
                "quantity",
                reservation_return_lines.c.quantity,
                "condition",
                reservation_return_lines.c.condition,
                "movement_id",
                reservation_return_lines.c.movement_id,
                "damage_movement_id",
                reservation_return_lines.c.damage_movement_id,
            )
        )
    )
    .select_from(
        reservation_return_lines.join(inventory, inventory.c.inventory_id == reservation_return_lines.c.inventory_id)
    )
    .where(
        reservation_return_lines.c.reservation_id == reservation_returns.c.reservation_id,
        reservation_return_lines.c.return_id == reservation_returns.c.return_id,
    )
    .scalar_subquery()
)


@dataclass(frozen=True, slots=True)
class _Of:
    """What a token of the list is bound to."""

    reservation_id: UUID


async def add(
    session: WriteSession,
    reservation_id: UUID,
    request: ReturnRequest,
    parts: Sequence[ReturnPart],
    *,
    actor: Actor,
    traceparent: str | None,
) -> None:
    """Bring parts of a sale back and write it down. The reservation is locked, COMMITTED, and has these parts out."""
    values = {
        "reservation_id": reservation_id,
        "return_id": request.return_id,
        "fingerprint": request.fingerprint,
        "inventory_ids": [part.inventory_id for part in parts],
        "conditions": [part.condition.value for part in parts],
        "quantities": [part.quantity for part in parts],
        "reason": request.reason or RETURN_REASON,
        "performed_by": actor.actor_id,
        "performed_by_name": actor.name,
        "traceparent": traceparent,
    }
    await session.execute(_ADD, values)


async def get(session: ReadSession, reservation_id: UUID, return_id: UUID) -> Return | None:
    """One return of a reservation."""
    row = (await session.execute(_of(reservation_id, reservation_returns.c.return_id == return_id))).first()
    return _return_of(row) if row else None


async def listed(session: ReadSession, reservation_id: UUID, page: PageRequest) -> Page[Return]:
    """A page of a reservation's returns, the first one first. Raises InvalidPageToken, Unprocessable."""
    cursor = LISTING.cursor(page, _Of(reservation_id))
    rows = (await session.execute(cursor.narrow(_of(reservation_id)))).all()
    return cursor.page(rows, _return_of)


def _of(reservation_id: UUID, *conditions: ColumnElement[bool]) -> Select[Any]:
    return (
        select(reservation_returns, reservations.c.order_id, _LINES.label("lines"))
        .join(reservations, reservations.c.reservation_id == reservation_returns.c.reservation_id)
        .where(reservation_returns.c.reservation_id == reservation_id, *conditions)
    )


def _return_of(row: Any) -> Return:
    lines = (
        ReturnLine(
            inventory_id=UUID(line["inventory_id"]),
            warehouse_id=UUID(line["warehouse_id"]),
            sku=line["sku"],
            quantity=line["quantity"],
            condition=Condition(line["condition"]),
            movement_id=UUID(line["movement_id"]),
            damage_movement_id=UUID(line["damage_movement_id"]) if line["damage_movement_id"] else None,
        )
        for line in row.lines
    )
    return Return(
        return_id=row.return_id,
        reservation_id=row.reservation_id,
        order_id=row.order_id,
        lines=tuple(sorted(lines, key=lambda line: (line.inventory_id, line.condition))),
        fingerprint=row.fingerprint,
        reason=row.reason,
        is_complete=row.is_complete,
        sequence=row.sequence,
        performed_by=row.performed_by,
        performed_by_name=row.performed_by_name,
        created_at=row.created_at,
    )
