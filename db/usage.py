"""What Postgres has done so far, by its own counters: for measuring what something costs it. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, fields

from sqlalchemy import text

from db.engine import ReadSession

_USED = text("""
    select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint as wal_bytes,
           (select coalesce(sum(fsyncs), 0) from pg_stat_io where object = 'wal') as wal_flushes,
           (select count(*) from outbox) as events,
           (select coalesce(sum(length(data::text)), 0) from outbox) as event_bytes
""")


@dataclass(frozen=True, slots=True)
class Usage:
    """Counters of one server and one database. `events` are those that the outbox still has."""

    wal_bytes: float
    wal_flushes: float
    events: float
    event_bytes: float

    def __sub__(self, other: Usage) -> Usage:
        """What was used between two looks."""
        names = [field.name for field in fields(self)]
        return Usage(*(getattr(self, name) - getattr(other, name) for name in names))


async def usage_of(session: ReadSession) -> Usage:
    """The counters now. Postgres brings them up to date within a second."""
    return Usage(*map(float, (await session.execute(_USED)).one()))
