"""News on their way out: what is unsent, which relay may send which keys, and what has been sent.

Rows are written by the SQL functions that make the changes, in the same commit. Nothing here keeps a high-water mark:
a lower id may become visible later, so the unsent rows themselves are asked for.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from db.durability import wait_until_durable
from db.engine import ReadSession, WriteSession
from domain.events import InventoryEvent
from domain.ids import NAMESPACE
from domain.reservations import Reservation

_LEASE = text("select lease_buckets(:owner, :lease)")
_GIVE_BACK = text("""
    with gone as (delete from relay_members where owner = :owner)
    update relay_leases set owner = null, leased_until = '-infinity' where owner = :owner
""")
_UNSENT = text("""
    select o.* from unnest(cast(:buckets as smallint[])) as b (bucket)
    cross join lateral (
        select outbox_id, event_id, type, key, stream_id, sequence, data, traceparent, created_at
        from outbox where bucket = b.bucket and sent_at is null order by outbox_id limit :rows_per_bucket) o
    order by o.outbox_id
""")
_MARK_SENT = text("""
    update outbox set sent_at = clock_timestamp()
    where outbox_id = any (cast(:outbox_ids as bigint[])) and sent_at is null
""")
_OLDEST = text("""
    select coalesce(extract(epoch from clock_timestamp() - min(o.created_at)), 0)
    from relay_leases l cross join lateral (
        select created_at from outbox where bucket = l.bucket and sent_at is null order by outbox_id limit 1) o
""")
_TRIM = text("""
    with trimmed as (
        delete from outbox where outbox_id in (
            select outbox_id from outbox where sent_at < statement_timestamp() - cast(:kept as interval)
            order by sent_at limit :batch_rows for update skip locked)
        returning outbox_id
    )
    select count(*) from trimmed
""")
_REFUSE_COMMIT = text("select refuse_commit(:reservation_id, :event_id, :decision_id, :reason, :traceparent)")


async def lease_buckets(session: WriteSession, owner: str, *, lease_seconds: float) -> frozenset[int]:
    """Renew and take this relay's share of the buckets, for `lease_seconds` from now; answers what is its own."""
    rows = await session.execute(_LEASE, {"owner": owner, "lease": timedelta(seconds=lease_seconds)})
    return frozenset(rows.scalars())


async def give_back_buckets(session: WriteSession, owner: str) -> None:
    """Let others have this relay's buckets at once."""
    await session.execute(_GIVE_BACK, {"owner": owner})


async def unsent(session: WriteSession, buckets: Collection[int], *, rows_per_bucket: int) -> list[InventoryEvent]:
    """The oldest unsent events of these buckets, in the order of their ids; durable once the session has committed."""
    rows = await session.execute(_UNSENT, {"buckets": sorted(buckets), "rows_per_bucket": rows_per_bucket})
    events = [InventoryEvent(**row) for row in rows.mappings()]
    if events:
        await wait_until_durable(session)
    return events


async def mark_sent(session: WriteSession, outbox_ids: Collection[int]) -> None:
    """These events are in Kafka."""
    await session.execute(_MARK_SENT, {"outbox_ids": sorted(outbox_ids)})


async def oldest_unsent_seconds(session: ReadSession) -> float:
    """The age of the oldest event that waits to be sent; 0 when none does."""
    return float((await session.execute(_OLDEST)).scalar_one())


async def trim(session: WriteSession, *, kept_seconds: float, batch_rows: int) -> int:
    """Delete up to `batch_rows` events sent more than `kept_seconds` ago; answers how many. Unsent ones stay."""
    trimmed = await session.execute(_TRIM, {"kept": timedelta(seconds=kept_seconds), "batch_rows": batch_rows})
    return int(trimmed.scalar_one())


async def add_commit_refused(
    session: WriteSession, reservation: Reservation, reason: str, decision_id: str, traceparent: str | None
) -> bool:
    """Announce that a payment came for a reservation that holds nothing any more; whether this call did.

    Once for each `decision_id`, whose event id it determines. `reason` says what the reservation is instead: expired,
    cancelled, rejected, returned. A PENDING one is left alone.
    """
    values = {
        "reservation_id": reservation.reservation_id,
        "event_id": commit_refused_event_id(decision_id),
        "decision_id": decision_id,
        "reason": reason,
        "traceparent": traceparent,
    }
    return bool((await session.execute(_REFUSE_COMMIT, values)).scalar_one())


def commit_refused_event_id(decision_id: str) -> UUID:
    """The event that answers one refused decision: the same decision, the same event."""
    return uuid.uuid5(NAMESPACE, f"commit-refused/{decision_id}")
