"""Holding stock for a reservation: planned, held in one round trip, and planned again under locks when that fails.

Idempotent on the reservation id: a repeat answers the row as it is now. Planning again under locks is the only
transaction of several statements.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError

from db.allocation import Candidates, candidates, planned
from db.engine import Database, ReadSession, WriteSession, sqlstate
from db.explanations import as_json, told_of
from db.locks import lock_overdue
from db.reservation_rows import held_row, hold_values, opening_values
from db.reservations import get_durable
from domain.allocation import Plan
from domain.contracts.reservations import HoldRequest
from domain.errors import Unavailable
from domain.reservations import Reservation

PLAN_DOES_NOT_FIT = "HF001"

RECLAIM_ATTEMPTS_MAX = 50
"""Each failed attempt means that another buyer reclaimed what we were waiting for, so somebody gets on."""

_JSON_OR_NULL = JSONB(none_as_null=True)
_HOLD_JSON = bindparam("lines", type_=JSONB), bindparam("allocation", type_=_JSON_OR_NULL)
_HOLD = text("""
    call hold_early_release(:reservation_id, :order_id, :fingerprint, :source, :hold,
                            cast(:inventory_ids as uuid[]), cast(:quantities as integer[]), :lines,
                            :performed_by, :performed_by_name, :traceparent, :allocation)
""").bindparams(*_HOLD_JSON)
_HOLD_OPENED = text("""
    select hold_reservation(:reservation_id, :order_id, :fingerprint, :source, :hold,
                            cast(:inventory_ids as uuid[]), cast(:quantities as integer[]), :lines,
                            :performed_by, :performed_by_name, :traceparent, :allocation, :opened_at)
""").bindparams(*_HOLD_JSON)
_OPEN = text("""
    insert into reservations (reservation_id, order_id, status, fingerprint, source, performed_by, performed_by_name,
                              reserved_at, expires_at)
    select :reservation_id, :order_id, 'PENDING', :fingerprint, :source, :performed_by, :performed_by_name,
           now.at, now.at + :hold
    from (select clock_timestamp() as at) now
    on conflict (reservation_id) do nothing returning reserved_at
""")
_EXPIRE_LOCKED = text("select count(*) from expire_locked(cast(:ids as uuid[]), :traceparent)")
_REJECT = text("""
    with rejected as (
        update reservations set status = 'REJECTED', shortages = :shortages, allocation = :allocation
        where reservation_id = :reservation_id returning *
    )
    insert into outbox (type, key, stream_id, sequence, data, traceparent)
    select 'inventory.reservation_rejected', order_id, reservation_id, sequence,
           jsonb_build_object('reservationId', reservation_id, 'orderId', order_id, 'status', status,
                              'shortages', shortages), :traceparent
    from rejected
""").bindparams(bindparam("shortages", type_=JSONB), bindparam("allocation", type_=_JSON_OR_NULL))


class _OthersReclaimed(Exception):
    """Short, but others settled overdue holds that we waited for: look again before saying so."""


async def hold(database: Database, request: HoldRequest, hint: Plan | None = None) -> Reservation:
    """Hold stock for a request, or record that it is refused; a repeated call answers the row as it is now.

    With a `hint`, a plan that somebody made a moment ago, usually one round trip: a function that holds everything or
    nothing. Without, one more to read the levels. When the plan does not fit, overdue holds are reclaimed and it is
    planned again under locks before the row says REJECTED. Raises Unavailable.
    """
    chosen = hint or planned(request, await database.reading(lambda session: _found(session, request)))
    if not chosen.shortages and (held := await _held_at_once(database, request, chosen)):
        return held
    for _ in range(RECLAIM_ATTEMPTS_MAX):
        try:
            return await database.writing(lambda session: _hold_under_locks(session, request), idempotent=True)
        except _OthersReclaimed:
            continue
    raise Unavailable("many buyers are taking the same overdue stock at this moment")


async def reject(session: WriteSession, request: HoldRequest, short: Plan) -> None:
    """Record a hold that is refused for a plan's shortages, and its event; a repeat changes nothing."""
    if (await session.execute(_OPEN, opening_values(request))).first() is not None:
        await _reject(session, request, short)


async def _found(session: ReadSession, request: HoldRequest) -> Candidates:
    return await candidates(session, request.items, request.destination)


async def _held_at_once(database: Database, request: HoldRequest, chosen: Plan) -> Reservation | None:
    """The row that a plan has made; None when it does not fit any more, or when the reservation was there before."""
    told = told_of(chosen)
    values = hold_values(request, chosen, told)
    try:
        reserved_at = await database.calling(lambda session: _hold_planned(session, values))
    except DBAPIError as error:
        if sqlstate(error) != PLAN_DOES_NOT_FIT:
            raise
        return None
    return held_row(request, chosen, told, reserved_at) if reserved_at else None


async def _hold_planned(session: WriteSession, values: Mapping[str, Any]) -> datetime | None:
    return (await session.execute(_HOLD, values)).scalar_one()  # type: ignore[no-any-return]


async def _hold_under_locks(session: WriteSession, request: HoldRequest) -> Reservation:
    opened_at = (await session.execute(_OPEN, opening_values(request))).scalar()
    if opened_at is not None:
        await _fill_or_reject(session, request, opened_at)
    row = await get_durable(session, request.reservation_id)
    assert row is not None, "a reservation that could not be opened exists"
    return row


async def _fill_or_reject(session: WriteSession, request: HoldRequest, opened_at: datetime) -> None:
    wanted = sum(item.quantity for item in request.items)
    shelves = (await _found(session, request)).levels
    open_shelves = [level.inventory_id for level in shelves if level.is_active]
    overdue = await lock_overdue(session, open_shelves, most=wanted)
    if overdue.reservation_ids:
        values = {"ids": overdue.reservation_ids, "traceparent": request.traceparent}
        await session.execute(_EXPIRE_LOCKED, values)
    chosen = planned(request, await _found(session, request))
    if chosen.shortages and not overdue.is_complete:
        raise _OthersReclaimed
    if chosen.shortages:
        await _reject(session, request, chosen)
        return
    hold = hold_values(request, chosen, told_of(chosen))
    await session.execute(_HOLD_OPENED, {**hold, "opened_at": opened_at})


async def _reject(session: WriteSession, request: HoldRequest, short: Plan) -> None:
    values = {
        "reservation_id": request.reservation_id,
        "shortages": [{"sku": s.sku, "requested": s.requested, "available": s.available} for s in short.shortages],
        "allocation": as_json(told_of(short)),
        "traceparent": request.traceparent,
    }
    await session.execute(_REJECT, values)
