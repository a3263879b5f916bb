"""The ledger: every change of a total with its line, and the lines read back. Nothing here decides what may change."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select, text

from db.engine import ReadSession, WriteSession
from db.paging import Cursor, Listing, Page, PageRequest
from db.tables import stock_movements
from domain.ids import Actor
from domain.stock import Movement, MovementType

LISTING = Listing(
    name="movements",
    orders={"createdAt": (stock_movements.c.created_at, stock_movements.c.sequence)},
    default="createdAt desc",
)

_APPLY = text("""
    with wanted as (
        select * from unnest(cast(:inventory_ids as uuid[]), cast(:deltas as integer[]), cast(:movement_ids as uuid[]),
                             cast(:types as text[]), cast(:reasons as text[]), cast(:references as text[]))
                      as w (inventory_id, delta, movement_id, type, reason, reference)
    ),
    changed as (
        select * from change_stock(cast(:inventory_ids as uuid[]), cast(:deltas as integer[]),
                                   array_fill(0, array[cardinality(cast(:deltas as integer[]))]), :traceparent)
    )
    insert into stock_movements (movement_id, inventory_id, type, quantity, total_after, sequence, reason, reference,
                                 performed_by, performed_by_name)
    select coalesce(w.movement_id, uuidv7()), c.inventory_id, w.type, w.delta, c.total, c.sequence, w.reason,
           w.reference, :performed_by, :performed_by_name
    from changed c join wanted w using (inventory_id)
    returning *
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementFilter:
    """Which ledger lines of a row to list; `since` is included, `until` is not."""

    type: MovementType | None = None
    reference: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of one row's total by `delta` pieces; without `movement_id` the line gets a new id."""

    inventory_id: UUID
    delta: int
    type: MovementType
    reason: str
    reference: str = ""
    movement_id: UUID | None = None


async def apply(
    session: WriteSession, changes: Sequence[Change], actor: Actor, traceparent: str | None
) -> list[Movement]:
    """Change totals of rows that the caller has locked and checked, each row at most once; answers the lines in order.

    A row that would break a rule is our mistake: the rules were checked under the lock.
    """
    values = {
        "inventory_ids": [change.inventory_id for change in changes],
        "deltas": [change.delta for change in changes],
        "movement_ids": [change.movement_id for change in changes],
        "types": [change.type.value for change in changes],
        "reasons": [change.reason for change in changes],
        "references": [change.reference for change in changes],
        "performed_by": actor.actor_id,
        "performed_by_name": actor.name,
        "traceparent": traceparent,
    }
    written = {row.inventory_id: movement_of(row) for row in await session.execute(_APPLY, values)}
    assert len(written) == len(changes), "every change was checked under the lock and names a row of its own"
    return [written[change.inventory_id] for change in changes]


async def by_ids(session: ReadSession, movement_ids: Collection[UUID]) -> dict[UUID, Movement]:
    """Ledger lines by id; an id that was never written is missing."""
    if not movement_ids:
        return {}
    rows = await session.execute(select(stock_movements).where(stock_movements.c.movement_id.in_(movement_ids)))
    return {row.movement_id: movement_of(row) for row in rows}


async def listed(
    session: ReadSession, inventory_id: UUID, filters: MovementFilter, page: PageRequest
) -> Page[Movement]:
    """A page of one row's ledger. Raises InvalidPageToken, Unprocessable."""
    cursor = LISTING.cursor(page, _Bound(inventory_id, filters))
    rows = (await session.execute(page_statement(cursor, inventory_id, filters))).all()
    return cursor.page(rows, movement_of)


def page_statement(cursor: Cursor, inventory_id: UUID, filters: MovementFilter) -> Select[Any]:
    """The query behind a page."""
    of_row = select(stock_movements).where(stock_movements.c.inventory_id == inventory_id)
    return cursor.narrow(of_row.where(*_conditions(filters)))


@dataclass(frozen=True, slots=True)
class _Bound:
    """What a token of this list is bound to."""

    inventory_id: UUID
    filters: MovementFilter


def _conditions(filters: MovementFilter) -> list[ColumnElement[bool]]:
    conditions = []
    if filters.type is not None:
        conditions.append(stock_movements.c.type == filters.type.value)
    if filters.reference is not None:
        conditions.append(stock_movements.c.reference == filters.reference)
    if filters.since is not None:
        conditions.append(stock_movements.c.created_at >= filters.since)
    if filters.until is not None:
        conditions.append(stock_movements.c.created_at < filters.until)
    return conditions


def movement_of(row: Any) -> Movement:
    """A ledger line from a row of `stock_movements`."""
    return Movement(
        movement_id=row.movement_id,
        inventory_id=row.inventory_id,
        type=MovementType(row.type),
        quantity=row.quantity,
        total_after=row.total_after,
        sequence=row.sequence,
        reason=row.reason,
        reference=row.reference,
        performed_by=row.performed_by,
        performed_by_name=row.performed_by_name,
        created_at=row.created_at,
    )
