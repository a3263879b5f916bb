"""Row locks, all of them, in one order: one operation (an adjustment, a transfer, a purchase order, an entry of the
waitlist), then reservations by id, then inventory rows by id. Nothing else takes one.

The SQL functions in db/migrations/sql keep the same order. Locks wait (bounded by lock_timeout); they never skip,
except the sweeper's, which has another second to come back.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Table, select, text

from db.engine import WriteSession

RECLAIM_RESERVATIONS_LEAST = 20
RECLAIM_RESERVATIONS_MAX = 5_000
"""Overdue holds on a row that one short buyer clears in one transaction: more than it needs, since others are waiting
for the same ones."""

# Looking for what is overdue compares with statement_timestamp(): an index can be searched for it, while the volatile
# clock_timestamp() would be compared with every PENDING row there is. It is earlier, so it never finds too much.
_OVERDUE = text("""
    select distinct o.reservation_id
    from unnest(cast(:inventory_ids as uuid[])) as s (inventory_id)
    cross join lateral (
        select r.reservation_id from reservation_lines l join reservations r using (reservation_id)
        where l.inventory_id = s.inventory_id and r.status = 'PENDING' and r.expires_at <= statement_timestamp()
        order by r.expires_at limit :most) o
""")
_LOCK_OVERDUE = text("""
    select reservation_id from reservations
    where reservation_id = any (:ids) and status = 'PENDING' and expires_at <= clock_timestamp()
    order by reservation_id for no key update
""")
_STOCK_OF = text("select distinct inventory_id from reservation_lines where reservation_id = any (:ids)")
_LOCK_RESERVATION = text("select 1 from reservations where reservation_id = :id for no key update")
_TRY_LOCK_LINE = text("select pg_try_advisory_xact_lock(hashtextextended(:line, 0))")
_LOCK_WAREHOUSE = text("select 1 from warehouses where warehouse_id = :id for no key update")
_LOCK_STOCK = text("select lock_stock(cast(:ids as uuid[]))")


async def lock_reservation(session: WriteSession, reservation_id: UUID) -> None:
    """Lock a reservation, if there is one, waiting for whoever has it."""
    await session.execute(_LOCK_RESERVATION, {"id": reservation_id})


async def try_lock_line(session: WriteSession, sku: str) -> bool:
    """Have the waitlist's line for a SKU to oneself until the end of the transaction; False while somebody else has.

    Taken before any row, and never waited for: whoever has it serves the line.
    """
    return bool((await session.execute(_TRY_LOCK_LINE, {"line": f"waitlist/{sku}"})).scalar_one())


async def lock_operation(session: WriteSession, table: Table, operation_id: UUID) -> Row[Any] | None:
    """Lock one row of an operation's table and read it; None when there is none. Nobody holds two of them."""
    (key,) = table.primary_key
    statement = select(table).where(key == operation_id).with_for_update(key_share=True)
    return (await session.execute(statement)).first()


async def lock_warehouse(session: WriteSession, warehouse_id: UUID) -> None:
    """Lock a warehouse, if there is one, before anything else: orders for it are drafted one after the other."""
    await session.execute(_LOCK_WAREHOUSE, {"id": warehouse_id})


async def lock_stock(session: WriteSession, inventory_ids: Collection[UUID]) -> None:
    """Lock inventory rows in id order, waiting for whoever has them."""
    if inventory_ids:
        await session.execute(_LOCK_STOCK, {"ids": list(inventory_ids)})


@dataclass(frozen=True, slots=True)
class LockedOverdue:
    """Overdue holds that are ours to expire. `is_complete` unless somebody settled some while we waited for them:
    there may be others that we did not look at."""

    reservation_ids: list[UUID]
    is_complete: bool


async def lock_overdue(session: WriteSession, inventory_ids: Collection[UUID], *, most: int) -> LockedOverdue:
    """Lock the oldest overdue holds on these rows, at least `most` a row if there are, and then all stock concerned."""
    limit = min(max(most, RECLAIM_RESERVATIONS_LEAST), RECLAIM_RESERVATIONS_MAX)
    found = await session.execute(_OVERDUE, {"inventory_ids": list(inventory_ids), "most": limit})
    overdue = list(found.scalars())
    locked = list((await session.execute(_LOCK_OVERDUE, {"ids": overdue})).scalars()) if overdue else []
    theirs = list((await session.execute(_STOCK_OF, {"ids": locked})).scalars()) if locked else []
    await lock_stock(session, {*inventory_ids, *theirs})
    return LockedOverdue(locked, is_complete=len(locked) == len(overdue))
