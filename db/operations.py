"""What the tables of all operations share: opening a row, taking a step of a locked row, telling of it, reading it.

A step is one transaction: row, audit line, event, and whatever stock the noun moves in between. The row's `version`
counts steps and is its event's sequence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Table, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from db.engine import ReadSession, WriteSession
from db.tables import outbox
from domain.contracts.operations import StepOutcome
from domain.errors import HoldfastError
from domain.ids import Actor
from domain.operations import Step, Wake

CLOCK = func.clock_timestamp()
"""The database's clock as the value of a column."""

OperationTable = Table
"""One of the tables that begin with an operation's head; see db/tables.py."""

Place = tuple[datetime, UUID]
"""Where an operation stands among all of its kind: when it was asked for, and its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """The event of one step: its type, and its body without what every event carries. Its key is the operation's id,
    so that its steps stay in order."""

    type: str
    operation_id: UUID
    sequence: int
    data: Mapping[str, Any]
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """What a step makes of an operation: its new status, other columns, and when the clock acts next.

    `event` is the type of the event that tells of it, `also` of further ones with the same body and sequence. `facts`
    join the noun's own in that body, `details` go into the audit line, both as JSON values.
    """

    status: str
    event: str
    also: Sequence[str] = ()
    columns: Mapping[str, Any] = field(default_factory=dict)
    wake: Wake | None = None
    is_closed: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


async def now(session: ReadSession) -> datetime:
    """The database's clock, by which every deadline is judged."""
    moment: datetime = (await session.execute(select(CLOCK))).scalar_one()
    return moment


async def open_rows(
    session: WriteSession, table: OperationTable, rows: Sequence[tuple[UUID, Actor, Advance]], *, at: datetime
) -> frozenset[UUID]:
    """Write new operations, each in its first state, asked for `at`; no event and no audit line yet.

    Answers the ids that are new: one that somebody writes at the same moment is theirs, and is waited for.
    """
    (key,) = table.primary_key
    values = [
        {
            **to.columns,
            **_state(to, at),
            "requested_at": at,
            key.name: operation_id,
            "requested_by": actor.actor_id,
            "requested_by_name": actor.name,
        }
        for operation_id, actor, to in rows
    ]
    columns = {name for row in values for name in row}
    values = [{name: row.get(name) for name in columns} for row in values]
    written = await session.execute(insert(table).on_conflict_do_nothing().returning(key), values)
    return frozenset(written.scalars())


async def advance(session: WriteSession, table: OperationTable, operation_id: UUID, to: Advance) -> Row[Any]:
    """Bring a locked row to its next state; answers the row afterwards."""
    (key,) = table.primary_key
    statement = (
        update(table)
        .where(key == operation_id)
        .values(**to.columns, **_state(to, CLOCK), version=table.c.version + 1, updated_at=CLOCK)
        .returning(table)
    )
    return (await session.execute(statement)).one()


async def tell(session: WriteSession, news: Sequence[News]) -> None:
    """Write events in the caller's transaction."""
    values = [
        {
            "type": one.type,
            "key": str(one.operation_id),
            "stream_id": one.operation_id,
            "sequence": one.sequence,
            "data": dict(one.data),
            "traceparent": one.traceparent,
        }
        for one in news
    ]
    await session.execute(insert(outbox), values)


async def get(session: ReadSession, table: OperationTable, operation_id: UUID) -> Row[Any] | None:
    """The row of an operation as it is now."""
    (key,) = table.primary_key
    return (await session.execute(select(table).where(key == operation_id))).first()


async def open_ones(
    session: ReadSession, table: OperationTable, *, after: Place | None = None, older_than_seconds: float, most: int
) -> list[Place]:
    """Operations that have not ended, oldest first, up to `most` of those `after` a place, that exist for a while
    already."""
    (key,) = table.primary_key
    place = (table.c.requested_at, key)
    statement = (
        select(table.c.requested_at, key.label("operation_id"))
        .where(
            table.c.closed_at.is_(None),
            table.c.requested_at < func.statement_timestamp() - timedelta(seconds=older_than_seconds),
        )
        .order_by(*place)
        .limit(most)
    )
    if after is not None:
        statement = statement.where(tuple_(*place) > tuple_(*after))
    return [(row.requested_at, row.operation_id) for row in await session.execute(statement)]


async def counts_by_status(session: ReadSession, table: OperationTable) -> dict[str, int]:
    """How many operations have not ended, by their state."""
    statement = (
        select(table.c.status, func.count().label("operations"))
        .where(table.c.closed_at.is_(None))
        .group_by(table.c.status)
    )
    return {row.status: row.operations for row in await session.execute(statement)}


def outcome_of(row: Any, *, changed: bool = False, refusal: HoldfastError | None = None) -> StepOutcome:
    """A row of any operation as its workflow sees it."""
    return StepOutcome(
        status=row.status,
        version=row.version,
        changed=changed,
        is_closed=row.closed_at is not None,
        is_late=row.late_since is not None and row.closed_at is None,
        wakes_at=row.wakes_at,
        wakes_for=Step(row.wakes_for) if row.wakes_for else None,
        refusal_code=refusal.code if refusal else "",
        refusal_detail=refusal.detail if refusal else "",
        refusal_extra=refusal.extra if refusal else {},
    )


def _state(to: Advance, now: Any) -> dict[str, Any]:
    return {
        "status": to.status,
        "wakes_at": to.wake.at if to.wake else None,
        "wakes_for": to.wake.step.value if to.wake else None,
        "closed_at": now if to.is_closed else None,
    }
