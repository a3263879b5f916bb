"""What the Reconcile schedule reads and deletes. Deletes in small batches, each its own transaction.

News that were sent are the relay's to delete (db/outbox.py).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, TextClause, func, select, text

from db.engine import Database, ReadSession
from db.tables import reservations

BATCH_ROWS = 1_000
BATCHES_PER_RUN_MAX = 50

KEPT = {
    "inbox": timedelta(days=8),
    "idempotency_keys": timedelta(hours=24),
    "reservations": timedelta(days=1),
    "alerts": timedelta(days=90),
    "waitlist_entries": timedelta(days=90),
}
"""Inbox rows outlive the topic's retention (7 days by default); REJECTED rows answer retries for a day; an alert that
is over and an entry that waits no more can be looked up for a quarter of a year."""

_TRIM: dict[str, TextClause] = {
    "inbox": text("""
        delete from inbox where ctid = any (array(
            select ctid from inbox where status in ('DELIVERED', 'DEAD')
              and delivered_at < statement_timestamp() - cast(:kept as interval) limit :rows))"""),
    "idempotency_keys": text("""
        delete from idempotency_keys where ctid = any (array(
            select ctid from idempotency_keys
            where created_at < statement_timestamp() - cast(:kept as interval) limit :rows))"""),
    "reservations": text("""
        delete from reservations where ctid = any (array(
            select ctid from reservations where status = 'REJECTED'
              and created_at < statement_timestamp() - cast(:kept as interval) limit :rows))"""),
    "alerts": text("""
        delete from alerts where ctid = any (array(
            select ctid from alerts where status = 'resolved'
              and resolved_at < statement_timestamp() - cast(:kept as interval) limit :rows))"""),
    "waitlist_entries": text("""
        delete from waitlist_entries where ctid = any (array(
            select ctid from waitlist_entries
            where settled_at < statement_timestamp() - cast(:kept as interval) limit :rows))"""),
}


async def pending_reservations(session: ReadSession, *, older_than_seconds: float, most: int) -> list[UUID]:
    """PENDING reservations by deadline, nearest first, up to `most`, that exist for a while already."""
    statement = (
        select(reservations.c.reservation_id)
        .where(
            reservations.c.status == "PENDING",
            reservations.c.created_at < func.clock_timestamp() - timedelta(seconds=older_than_seconds),
        )
        .order_by(reservations.c.expires_at)
        .limit(most)
    )
    return list((await session.execute(statement)).scalars())


async def trim(database: Database) -> dict[str, int]:
    """Delete rows past their keeping; answers how many by table."""
    trimmed = {}
    for table, kept in KEPT.items():
        trimmed[table] = 0
        for _batch in range(BATCHES_PER_RUN_MAX):
            async with database.single() as session:
                deleted = await session.execute(_TRIM[table], {"kept": kept, "rows": BATCH_ROWS})
            rows = cast("CursorResult[Any]", deleted).rowcount
            trimmed[table] += rows
            if rows < BATCH_ROWS:
                break
    return trimmed
