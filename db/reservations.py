"""Reservations in Postgres: settling, extending, returning, reading. Holding them is in db/holding.py.

Every write here is idempotent on the reservation id and answers the row as it is afterwards. The transitions are SQL
functions (db/migrations/sql), one round trip each.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from db.durability import wait_until_durable
from db.engine import ReadSession, WriteSession
from db.reservation_rows import outcome_of, read_where
from db.tables import reservations
from domain.contracts.reservations import SettleOutcome, SettleRequest
from domain.reservations import ReleaseReason, Reservation, ReservationStatus

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


@dataclass(frozen=True, slots=True)
class Expired:
    """One reservation that the sweeper expired, and when."""

    reservation_id: UUID
    expires_at: datetime
    expired_at: datetime


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


def _performer(request: SettleRequest) -> Mapping[str, Any]:
    return {
        "performed_by": request.actor_id,
        "performed_by_name": request.actor_name,
        "traceparent": request.traceparent,
    }
