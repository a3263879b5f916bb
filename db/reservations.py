"""Reservations in Postgres: holding, settling, extending, returning, reading.

Every write here is idempotent on the reservation id and answers the row as it is afterwards. The transitions are SQL
functions (db/migrations/sql), one round trip each; planning again under locks is the only transaction of several.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError

from db.allocation import candidates, planned
from db.durability import wait_until_durable
from db.engine import Database, ReadSession, WriteSession, sqlstate
from db.locks import lock_overdue
from db.reservation_rows import held_row, hold_values, opening_values, outcome_of, read_where
from db.tables import reservations
from domain.allocation import Plan
from domain.contracts.reservations import HoldRequest, SettleOutcome, SettleRequest
from domain.errors import Shortage, Unavailable
from domain.reservations import ReleaseReason, Reservation, ReservationStatus

PLAN_DOES_NOT_FIT = "HF001"

RECLAIM_ATTEMPTS_MAX = 50
"""Each failed attempt means that another buyer reclaimed what we were waiting for, so somebody gets on."""

_HOLD = text("""
    call hold_early_release(:reservation_id, :order_id, :fingerprint, :source, :hold,
                            cast(:inventory_ids as uuid[]), cast(:quantities as integer[]), :lines,
                            :performed_by, :performed_by_name, :traceparent)
""").bindparams(bindparam("lines", type_=JSONB))
_HOLD_OPENED = text("""
    select hold_reservation(:reservation_id, :order_id, :fingerprint, :source, :hold,
                            cast(:inventory_ids as uuid[]), cast(:quantities as integer[]), :lines,
                            :performed_by, :performed_by_name, :traceparent, :opened_at)
""").bindparams(bindparam("lines", type_=JSONB))
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
        update reservations set status = 'REJECTED', shortages = :shortages
        where reservation_id = :reservation_id returning *
    )
    insert into outbox (type, key, stream_id, sequence, data, traceparent)
    select 'inventory.reservation_rejected', order_id, reservation_id, sequence,
           jsonb_build_object('reservationId', reservation_id, 'orderId', order_id, 'status', status,
                              'shortages', shortages), :traceparent
    from rejected
""").bindparams(bindparam("shortages", type_=JSONB))
_SETTLE = text("""
    select status, changed, expires_at, early
    from settle_reservation(:reservation_id, :target, :reason, :performed_by, :performed_by_name, :traceparent)
""")
_EXTEND = text("""
    select status, changed, refused, expires_at, extends_count
    from extend_reservation(:reservation_id, :number, :hold, :lifetime_max, :extends_max,
                            :performed_by, :performed_by_name, :traceparent)
""")
_RETURN = text("""
    select r.status, r.changed, (select expires_at from reservations where reservation_id = :reservation_id) expires_at
    from return_reservation(:reservation_id, :reason, :performed_by, :performed_by_name, :traceparent) r
""")
_SWEEP = text("select reservation_id, expires_at, expired_at from expire_overdue(:grace, :batch_rows, null)")


class _OthersReclaimed(Exception):
    """Short, but others settled overdue holds that we waited for: look again before saying so."""


@dataclass(frozen=True, slots=True)
class Expired:
    """One reservation that the sweeper expired, and when."""

    reservation_id: UUID
    expires_at: datetime
    expired_at: datetime


async def hold(database: Database, request: HoldRequest, hint: Plan | None = None) -> Reservation:
    """Hold stock for a request, or record that it is refused; a repeated call answers the row as it is now.

    With a `hint`, a plan that somebody made a moment ago, usually one round trip: a function that holds everything or
    nothing. Without, one more to read the levels. When the plan does not fit, overdue holds are reclaimed and it is
    planned again under locks before the row says REJECTED. Raises Unavailable.
    """
    chosen = hint or planned(request, await database.reading(lambda session: candidates(session, request.items)))
    if not chosen.shortages:
        try:
            reserved_at = await database.calling(lambda session: _hold_planned(session, request, chosen))
        except DBAPIError as error:
            if sqlstate(error) != PLAN_DOES_NOT_FIT:
                raise
        else:
            if reserved_at is not None:
                return held_row(request, chosen, reserved_at)
    for _ in range(RECLAIM_ATTEMPTS_MAX):
        try:
            return await database.writing(lambda session: _hold_under_locks(session, request), idempotent=True)
        except _OthersReclaimed:
            continue
    raise Unavailable("many buyers are taking the same overdue stock at this moment")


async def reject(session: WriteSession, request: HoldRequest, shortages: Sequence[Shortage]) -> None:
    """Record a refused hold and its event in the caller's transaction; a repeat changes nothing."""
    if (await session.execute(_OPEN, opening_values(request))).first() is not None:
        await _reject(session, request, shortages)


async def settle(session: WriteSession, request: SettleRequest, *, target: ReservationStatus) -> SettleOutcome | None:
    """Make the guarded transition to `target`; the answer is the row's status afterwards, None when there is no row."""
    values = {
        "reservation_id": request.reservation_id,
        "target": target.value,
        "reason": request.reason or ReleaseReason.CANCELLED.value,
        **_performer(request),
    }
    return outcome_of((await session.execute(_SETTLE, values)).first())


async def extend(
    session: WriteSession, request: SettleRequest, *, lifetime_seconds_max: int, extends_max: int
) -> SettleOutcome | None:
    """Move the deadline to `hold_seconds` from now, never back, within the limits; None when there is no row."""
    values = {
        "reservation_id": request.reservation_id,
        "number": request.number,
        "hold": timedelta(seconds=request.hold_seconds),
        "lifetime_max": timedelta(seconds=lifetime_seconds_max),
        "extends_max": extends_max,
        **_performer(request),
    }
    return outcome_of((await session.execute(_EXTEND, values)).first())


async def return_sold(session: WriteSession, request: SettleRequest) -> SettleOutcome | None:
    """Bring the stock of a committed reservation back on the shelf, once; None when there is no row."""
    values = {
        "reservation_id": request.reservation_id,
        "reason": request.reason or ReleaseReason.ORDER_CANCELLED.value,
        **_performer(request),
    }
    row = (await session.execute(_RETURN, values)).first()
    if row is None:
        return None
    status = ReservationStatus(row.status)
    return SettleOutcome(status=status, expires_at=row.expires_at, changed=row.changed, returned=row.changed)


async def expire_overdue(session: WriteSession, *, grace_seconds: float, batch_rows: int) -> list[Expired]:
    """Expire up to `batch_rows` reservations that are overdue by more than `grace_seconds`, oldest first."""
    rows = await session.execute(_SWEEP, {"grace": timedelta(seconds=grace_seconds), "batch_rows": batch_rows})
    return [Expired(row.reservation_id, row.expires_at, row.expired_at) for row in rows]


async def get(session: ReadSession, reservation_id: UUID) -> Reservation | None:
    """One reservation with its lines."""
    return next(iter(await read_where(session, reservations.c.reservation_id == reservation_id)), None)


async def get_durable(session: WriteSession, reservation_id: UUID) -> Reservation | None:
    """The same for an answer to whoever wants to know what became of a hold: once committed, a crash cannot undo it."""
    row = await get(session, reservation_id)
    if row is not None:
        await wait_until_durable(session)
    return row


async def by_ids(session: ReadSession, reservation_ids: Collection[UUID]) -> dict[UUID, Reservation]:
    """Reservations with their lines by id, at most 200; one that does not exist is missing."""
    found = await read_where(session, reservations.c.reservation_id.in_(reservation_ids)) if reservation_ids else []
    return {reservation.reservation_id: reservation for reservation in found}


async def of_order(session: ReadSession, order_id: str) -> list[Reservation]:
    """Up to 200 reservations of an order, oldest id first."""
    return await read_where(session, reservations.c.order_id == order_id)


async def _hold_planned(session: WriteSession, request: HoldRequest, chosen: Plan) -> datetime | None:
    return (await session.execute(_HOLD, hold_values(request, chosen))).scalar_one()  # type: ignore[no-any-return]


async def _hold_under_locks(session: WriteSession, request: HoldRequest) -> Reservation:
    opened_at = (await session.execute(_OPEN, opening_values(request))).scalar()
    if opened_at is not None:
        await _fill_or_reject(session, request, opened_at)
    row = await get_durable(session, request.reservation_id)
    assert row is not None, "a reservation that could not be opened exists"
    return row


async def _fill_or_reject(session: WriteSession, request: HoldRequest, opened_at: datetime) -> None:
    wanted = sum(item.quantity for item in request.items)
    shelves = (await candidates(session, request.items)).levels
    overdue = await lock_overdue(session, [level.inventory_id for level in shelves], most=wanted)
    if overdue.reservation_ids:
        values = {"ids": overdue.reservation_ids, "traceparent": request.traceparent}
        await session.execute(_EXPIRE_LOCKED, values)
    chosen = planned(request, await candidates(session, request.items))
    if chosen.shortages and not overdue.is_complete:
        raise _OthersReclaimed
    if chosen.shortages:
        await _reject(session, request, chosen.shortages)
        return
    await session.execute(_HOLD_OPENED, {**hold_values(request, chosen), "opened_at": opened_at})


async def _reject(session: WriteSession, request: HoldRequest, shortages: Sequence[Shortage]) -> None:
    listed = [{"sku": s.sku, "requested": s.requested, "available": s.available} for s in shortages]
    values = {"reservation_id": request.reservation_id, "shortages": listed, "traceparent": request.traceparent}
    await session.execute(_REJECT, values)


def _performer(request: SettleRequest) -> Mapping[str, Any]:
    return {
        "performed_by": request.actor_id,
        "performed_by_name": request.actor_name,
        "traceparent": request.traceparent,
    }
