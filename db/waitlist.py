"""The waitlist: joining, leaving, looking at it. Offers are made in db/waitlist_offers.py.

Entries end by SQL functions (db/migrations/sql/waitlist.sql), guarded by their status and told in the same commit.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, text

from db.engine import ReadSession, WriteSession
from db.paging import Cursor, Listing, Page, PageRequest
from db.tables import waitlist_entries
from domain.ids import Actor
from domain.limits import WAIT_SECONDS_DEFAULT
from domain.waitlist import InLine, WaitlistEntry, WaitlistStatus, Wish

LISTING = Listing(name="waitlist", orders={"joinedAt": (waitlist_entries.c.place,)}, default="joinedAt")

_JOIN = text("""
    select join_waitlist(:entry_id, :order_id, :sku, :quantity, :warehouse_id, :region, :hold_seconds, :wait,
                         :expires_at, :performed_by, :performed_by_name, :traceparent)
""")
_LEAVE = text("select leave_waitlist(cast(:entry_ids as uuid[]), 'WITHDRAWN', :traceparent)")
_EXPIRE = text("select expire_waitlist(:batch_rows)")
_AHEAD = text("select count(*) from waitlist_entries where sku = :sku and status = 'WAITING' and place < :place")


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitlistFilter:
    """Which entries to list; None does not narrow."""

    sku: str | None = None
    order_id: str | None = None
    status: WaitlistStatus | None = None


async def join(
    session: WriteSession,
    entry_id: UUID,
    wish: Wish,
    *,
    sku: str,
    warehouse_id: UUID | None,
    hold_seconds: int,
    actor: Actor,
    traceparent: str | None,
) -> bool:
    """Put a wish at the end of the line for `sku`; False when the entry is there already."""
    given = {
        "entry_id": entry_id,
        "order_id": wish.order_id,
        "sku": sku,
        "quantity": wish.item.quantity,
        "warehouse_id": warehouse_id,
        "region": wish.region,
        "hold_seconds": hold_seconds,
        "wait": timedelta(seconds=wish.wait_seconds or WAIT_SECONDS_DEFAULT),
        "expires_at": wish.expires_at,
        "performed_by": actor.actor_id,
        "performed_by_name": actor.name,
        "traceparent": traceparent,
    }
    return bool((await session.execute(_JOIN, given)).scalar_one())


async def withdraw(session: WriteSession, entry_ids: Collection[UUID], traceparent: str | None) -> int:
    """Take entries out of their lines; answers how many still waited. Any other is left as it is."""
    left = await session.execute(_LEAVE, {"entry_ids": list(entry_ids), "traceparent": traceparent})
    return int(left.scalar_one())


async def expire(session: WriteSession, *, batch_rows: int) -> int:
    """End the waiting of up to `batch_rows` entries that have waited too long; answers how many."""
    return int((await session.execute(_EXPIRE, {"batch_rows": batch_rows})).scalar_one())


async def get(session: ReadSession, entry_id: UUID) -> InLine | None:
    """One entry and its position. Counts the line before it."""
    row = (await session.execute(select(waitlist_entries).where(waitlist_entries.c.entry_id == entry_id))).first()
    if row is None:
        return None
    entry = entry_of(row)
    if not entry.is_waiting:
        return InLine(entry, None)
    ahead = await session.execute(_AHEAD, {"sku": entry.sku, "place": entry.place})
    return InLine(entry, 1 + int(ahead.scalar_one()))


async def of_order(session: ReadSession, order_id: str) -> list[WaitlistEntry]:
    """All entries of an order, the first first."""
    statement = select(waitlist_entries).where(waitlist_entries.c.order_id == order_id)
    return [entry_of(row) for row in await session.execute(statement.order_by(waitlist_entries.c.place))]


async def listed(session: ReadSession, filters: WaitlistFilter, page: PageRequest) -> Page[WaitlistEntry]:
    """A page of entries. Raises InvalidPageToken, Unprocessable."""
    cursor = LISTING.cursor(page, filters)
    rows = (await session.execute(page_statement(cursor, filters))).all()
    return cursor.page(rows, entry_of)


def page_statement(cursor: Cursor, filters: WaitlistFilter) -> Select[Any]:
    """The query behind a page."""
    statement = select(waitlist_entries)
    asked = (
        (waitlist_entries.c.sku, filters.sku),
        (waitlist_entries.c.order_id, filters.order_id),
        (waitlist_entries.c.status, filters.status.value if filters.status else None),
    )
    return cursor.narrow(statement.where(*(column == wanted for column, wanted in asked if wanted is not None)))


async def waiting_count(session: ReadSession) -> int:
    """How many entries wait."""
    waiting = select(func.count()).where(waitlist_entries.c.status == WaitlistStatus.WAITING.value)
    return int((await session.execute(waiting)).scalar_one())


def entry_of(row: Any) -> WaitlistEntry:
    """An entry from its row."""
    facts = {field.name: getattr(row, field.name) for field in fields(WaitlistEntry)}
    return WaitlistEntry(**{**facts, "status": WaitlistStatus(row.status)})
