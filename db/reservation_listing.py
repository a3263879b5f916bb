"""Reservations as a list, newest first, those of an order too. Single ones are in db/reservations.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, String, column, select, true, values

from db.engine import ReadSession
from db.paging import Cursor, Listing, Page, PageRequest
from db.reservations import by_ids
from db.tables import reservations
from domain.reservations import Reservation, ReservationStatus

LISTING = Listing(
    name="reservations",
    orders={"createdAt": (reservations.c.created_at, reservations.c.reservation_id)},
    default="createdAt desc",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationFilter:
    """Which reservations to list; None does not narrow."""

    status: ReservationStatus | None = None
    order_id: str | None = None


async def listed(session: ReadSession, filters: ReservationFilter, page: PageRequest) -> Page[Reservation]:
    """A page of reservations with their lines. Raises InvalidPageToken, Unprocessable."""
    cursor = LISTING.cursor(page, filters)
    keys = cursor.page((await session.execute(page_statement(cursor, filters))).all(), _reservation_id)
    found = await by_ids(session, keys.items)
    return Page(tuple(found[key] for key in keys.items if key in found), keys.next_token)


def page_statement(cursor: Cursor, filters: ReservationFilter) -> Select[Any]:
    """The query for a page's ids. Without an order id it walks the index of each status and merges."""
    keys = select(reservations.c.created_at, reservations.c.reservation_id)
    if filters.order_id is not None:
        keys = keys.where(reservations.c.order_id == filters.order_id)
        return cursor.narrow(keys if filters.status is None else keys.where(reservations.c.status == filters.status))
    wanted = [filters.status] if filters.status is not None else list(ReservationStatus)
    statuses = values(column("status", String), name="statuses").data([(status.value,) for status in wanted])
    there = cursor.narrow(keys.where(reservations.c.status == statuses.c.status)).lateral("there")
    return cursor.ordered(select(there).select_from(statuses.join(there, true())), there)


def _reservation_id(row: Any) -> UUID:
    return row.reservation_id  # type: ignore[no-any-return]
