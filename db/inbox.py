"""Events that came in, by their identity: received, waiting, delivered, dead. Only `delivered` makes a repeat a no-op.

What an order has so far is read here too, because an event may be about a reservation that is only just starting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DataError

from db.engine import ReadSession, WriteSession
from domain.contracts.events import Arrival
from domain.events import Consumed, OrderReservation
from domain.ids import reservation_id_for_event
from domain.reservations import ReservationStatus

STARTED = "started"
"""The note on an event that started a reservation's workflow, which may not have held anything yet."""

WAITING_ROWS_MAX = 1000
"""Events of one order that wait at the same time: far beyond what an order has."""

REASON_CHARACTERS_MAX = 500
SOURCE_CHARACTERS_MAX = 200


class InboxStatus(StrEnum):
    """What has become of an event."""

    RECEIVED = "RECEIVED"
    WAITING = "WAITING"
    DELIVERED = "DELIVERED"
    DEAD = "DEAD"


class Unstorable(Exception):
    """The event holds something that Postgres cannot keep."""


@dataclass(frozen=True, slots=True)
class Reception:
    """The event's row after it was received, and whether earlier events of its order still wait."""

    status: InboxStatus
    others_wait: bool


@dataclass(frozen=True, slots=True)
class Parked:
    """A waiting event: how often it was tried, and whether its time is over."""

    attempts: int
    is_overdue: bool


_RECEIVE = text("""
    with arrived as (
        insert into inbox as i (source, event_id, type, order_id, topic, partition, "offset", status, body, headers,
                                retry_at, deadline_at)
        values (:source, :event_id, :type, :order_id, :topic, :partition, :offset, 'RECEIVED', :body, :headers,
                clock_timestamp() + :retry, clock_timestamp() + :wait)
        on conflict (source, event_id) do update
        set status = 'RECEIVED', topic = excluded.topic, partition = excluded.partition, "offset" = excluded."offset",
            body = excluded.body, headers = excluded.headers, reason = '', attempts = 0, delivered_at = null,
            received_at = clock_timestamp(), retry_at = excluded.retry_at, deadline_at = excluded.deadline_at
        where i.status = 'DEAD'
          and (i.topic, i.partition, i."offset") <> (excluded.topic, excluded.partition, excluded."offset")
        returning i.status
    )
    select coalesce((select status from arrived),
                    (select status from inbox where source = :source and event_id = :event_id)) as status,
           exists (select 1 from inbox w
                   where w.order_id = :order_id and w.status = 'WAITING'
                     and not (w.source = :source and w.event_id = :event_id)) as others_wait
""").bindparams(bindparam("body", type_=JSONB), bindparam("headers", type_=JSONB))
_MARK_DELIVERED = text("""
    with delivered as (
        update inbox set status = 'DELIVERED', delivered_at = clock_timestamp(), retry_at = null, reason = :note
        where source = :source and event_id = :event_id
    )
    select exists (select 1 from inbox w
                   where w.order_id = :order_id and w.status = 'WAITING'
                     and not (w.source = :source and w.event_id = :event_id))
""")
_MARK_DEAD = text("""
    update inbox set status = 'DEAD', reason = :reason, delivered_at = clock_timestamp(), retry_at = null
    where source = :source and event_id = :event_id and status <> 'DELIVERED'
""")
_BURY = text("""
    insert into inbox (source, event_id, type, topic, partition, "offset", status, body, reason, delivered_at)
    values (:source, :event_id, 'unknown', :topic, :partition, :offset, 'DEAD', '{}', :reason, clock_timestamp())
    on conflict (source, event_id) do nothing
""")
_PARK = text("""
    update inbox
    set status = 'WAITING', attempts = attempts + 1, reason = :reason,
        retry_at = clock_timestamp() + least(cast(:retry_max as interval),
                                             cast(:retry_first as interval) * power(2, least(attempts, 20)))
    where source = :source and event_id = :event_id and status <> 'DELIVERED'
    returning attempts, deadline_at <= clock_timestamp() as is_overdue
""")
_CLAIM_DUE = text("""
    update inbox set retry_at = clock_timestamp() + :lease
    where (source, event_id) in (
        select source, event_id from inbox
        where status in ('RECEIVED', 'WAITING') and retry_at <= clock_timestamp()
        order by retry_at limit :batch_rows for update skip locked)
    returning *
""")
_OPEN_OF_ORDER = text("""
    select * from inbox where order_id = :order_id and status in ('RECEIVED', 'WAITING')
    order by received_at, "offset" limit :most
""")
_IS_OPEN = text("""
    select exists (select 1 from inbox where source = :source and event_id = :event_id
                                         and status in ('RECEIVED', 'WAITING'))
""")
_ORDER = text("""
    select r.reservation_id, r.status, r.reserved_at, r.returned_at is not null as is_returned,
           r.status = 'PENDING' and r.expires_at <= clock_timestamp() as is_overdue, null as source, null as event_id
    from reservations r where r.order_id = :order_id
    union all
    select null, 'PENDING', null, false, false, i.source, i.event_id
    from inbox i
    where i.order_id = :order_id and i.type = :created and i.status = 'DELIVERED' and i.reason = :started
""")
_WAITING_COUNT = text("select count(*) from inbox where status = 'WAITING'")


async def receive(session: WriteSession, arrival: Arrival, *, wait_seconds: float, retry_seconds: float) -> Reception:
    """Note that an event is here, before anything is done about it; answers what its row says now.

    A dead event that is sent again (another record) starts anew. If nobody finishes it within `retry_seconds`, any
    bridge may take it up; what it depends on has `wait_seconds` to come. Raises Unstorable.
    """
    values = {
        **_row(arrival),
        "wait": timedelta(seconds=wait_seconds),
        "retry": timedelta(seconds=retry_seconds),
    }
    try:
        row = (await session.execute(_RECEIVE, values)).one()
    except DataError as error:
        raise Unstorable(str(error.orig)) from error
    return Reception(InboxStatus(row.status or InboxStatus.RECEIVED), row.others_wait)


async def mark_delivered(session: WriteSession, arrival: Arrival, note: str = "") -> bool:
    """The event's effect is durable; answers whether other events of its order wait."""
    return bool((await session.execute(_MARK_DELIVERED, {**_identity(arrival), "note": note})).scalar_one())


async def mark_dead(session: WriteSession, arrival: Arrival, reason: str) -> None:
    """A received event is on the dead-letter topic and nothing more is done about it."""
    values = {"source": arrival.source, "event_id": arrival.event_id, "reason": reason[:REASON_CHARACTERS_MAX]}
    await session.execute(_MARK_DEAD, values)


async def bury(session: WriteSession, *, topic: str, partition: int, offset: int, event_id: str, reason: str) -> None:
    """Note a record that could not be read at all and is on the dead-letter topic."""
    values = {
        "source": topic[:SOURCE_CHARACTERS_MAX],
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "event_id": event_id,
        "reason": reason[:REASON_CHARACTERS_MAX],
    }
    await session.execute(_BURY, values)


async def park(
    session: WriteSession, arrival: Arrival, reason: str, *, retry_first_seconds: float, retry_seconds_max: float
) -> Parked | None:
    """Let an event wait, each time twice as long; None when somebody has delivered it meanwhile."""
    values = {
        **_identity(arrival),
        "reason": reason[:REASON_CHARACTERS_MAX],
        "retry_first": timedelta(seconds=retry_first_seconds),
        "retry_max": timedelta(seconds=retry_seconds_max),
    }
    row = (await session.execute(_PARK, values)).first()
    return Parked(row.attempts, row.is_overdue) if row else None


async def claim_due(session: WriteSession, *, lease_seconds: float, batch_rows: int) -> list[Arrival]:
    """Open events whose time to be tried has come; for `lease_seconds` no other bridge gets them."""
    values = {"lease": timedelta(seconds=lease_seconds), "batch_rows": batch_rows}
    return [_arrival(row) for row in await session.execute(_CLAIM_DUE, values)]


async def open_of_order(session: ReadSession, order_id: str) -> list[Arrival]:
    """The order's events that are not delivered, in the order they were received."""
    rows = await session.execute(_OPEN_OF_ORDER, {"order_id": order_id, "most": WAITING_ROWS_MAX})
    return [_arrival(row) for row in rows]


async def is_open(session: ReadSession, arrival: Arrival) -> bool:
    """Whether something is still to be done about an event."""
    return bool((await session.execute(_IS_OPEN, _identity(arrival))).scalar_one())


async def reservations_of_order(session: ReadSession, order_id: str) -> list[OrderReservation]:
    """The order's reservations, those included whose workflow was started and has not held anything yet."""
    values = {"order_id": order_id, "created": Consumed.ORDER_CREATED.value, "started": STARTED}
    return _known((await session.execute(_ORDER, values)).all())


async def waiting_count(session: ReadSession) -> int:
    """How many events wait."""
    return int((await session.execute(_WAITING_COUNT)).scalar_one())


def _known(found: Sequence[Any]) -> list[OrderReservation]:
    rows = {
        row.reservation_id: OrderReservation(
            reservation_id=row.reservation_id,
            status=ReservationStatus(row.status),
            reserved_at=row.reserved_at,
            is_overdue=row.is_overdue,
            is_returned=row.is_returned,
        )
        for row in found
        if row.reservation_id is not None
    }
    started = {reservation_id_for_event(row.source, row.event_id) for row in found if row.reservation_id is None}
    starting = [OrderReservation(reservation_id=it, status=ReservationStatus.PENDING) for it in started - rows.keys()]
    return [*rows.values(), *starting]


def _identity(arrival: Arrival) -> dict[str, Any]:
    return {"source": arrival.source, "event_id": arrival.event_id, "order_id": arrival.order_id}


def _row(arrival: Arrival) -> dict[str, Any]:
    return {
        **_identity(arrival),
        "type": arrival.type.value,
        "topic": arrival.topic,
        "partition": arrival.partition,
        "offset": arrival.offset,
        "body": dict(arrival.body),
        "headers": {
            "key": arrival.key,
            "headers": arrival.headers,
            "traceparent": arrival.traceparent,
            "occurredAt": arrival.occurred_at.isoformat(),
        },
    }


def _arrival(row: Any) -> Arrival:
    record = row.headers
    return Arrival(
        source=row.source,
        event_id=row.event_id,
        type=Consumed(row.type),
        topic=row.topic,
        partition=row.partition,
        offset=row.offset,
        body=row.body,
        occurred_at=datetime.fromisoformat(record["occurredAt"]),
        key=record["key"],
        headers=tuple((name, value) for name, value in record["headers"]),
        traceparent=record["traceparent"],
    )
