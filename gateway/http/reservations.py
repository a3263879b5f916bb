"""Reservations over REST."""

from __future__ import annotations

from db.paging import PageRequest
from db.reservation_listing import ReservationFilter
from domain.errors import FieldProblem, Unprocessable
from domain.reservations import Reservation as ReservationRow
from gateway.commands.reservations import ReserveCommand
from gateway.http.call import Call, Reply
from gateway.http.schemas.allocation import to_destination
from gateway.http.schemas.pages import PageQuery
from gateway.http.schemas.reservations import (
    Reservation,
    ReservationCancel,
    ReservationCommit,
    ReservationCreate,
    ReservationExtend,
    ReservationListing,
    ReservationQuery,
)
from gateway.services import Services

PATH = "/api/v1/reservations"

ANSWER_MARGIN_SECONDS = 0.5
"""What a reserve leaves of the caller's patience for saying which reservation it was about."""


async def create(call: Call[ReservationCreate, None]) -> Reply:
    """Reserve stock: hold all items for an order, or none.

    201 with `Location` for a new hold. 200 when a reservation with the same `reservationId` and the same contents
    exists already: it is answered as it is now. The answer says why each warehouse was chosen, and why the others were
    not. 409 `insufficient_stock` lists every short SKU in `shortages`, and in `rejected` what each warehouse lacks; 409
    `reservation_mismatch` when the `reservationId` belongs to something else. 503 `outcome_unknown` names the
    `reservationId`: repeat with the same Idempotency-Key or reservationId to find out.
    """
    reserved = await call.services.reservations.reserve(
        _command(call),
        call.actor,
        deadline_seconds=max(0.0, call.seconds_left() - ANSWER_MARGIN_SECONDS),
    )
    reply = _reply(call.services, reserved.reservation)
    if not reserved.is_new:
        return reply
    return Reply(
        status=201,
        body=reply.body,
        version=reply.version,
        headers={"Location": f"{PATH}/{reserved.reservation.reservation_id}"},
    )


async def read(call: Call[None, None]) -> Reply:
    """Get a reservation as it is now."""
    return _reply(call.services, await call.services.views.reservation(call.ids["reservationId"]))


async def commit(call: Call[ReservationCommit, None]) -> Reply:
    """Commit a reservation: the sale is paid for, the stock leaves the shelf.

    Repeating it changes nothing. 409 `reservation_settled` when it was cancelled or has expired; `reservationStatus`
    says which.
    """
    row = await call.services.reservations.commit(call.ids["reservationId"], call.actor, decision_id=call.resource_id)
    return _reply(call.services, row)


async def cancel(call: Call[ReservationCancel, None]) -> Reply:
    """Cancel a reservation: the stock is free again. Repeating it changes nothing.

    With `reason: order_cancelled` a committed one is answered 200, too: it stays COMMITTED, and what was sold and has
    not come back yet returns to the shelf, once; `returnedAt` says when. 409 `reservation_settled` when it has expired,
    or is committed and another reason is given; `reservationStatus` says which.
    """
    row = await call.services.reservations.cancel(
        call.ids["reservationId"],
        call.actor,
        reason=call.body.release_reason(),
        decision_id=call.resource_id,
    )
    return _reply(call.services, row)


async def extend(call: Call[ReservationExtend, None]) -> Reply:
    """Extend a pending reservation.

    The deadline moves to `holdSeconds` from now: never earlier than it was, never past the longest life of a hold,
    never for one that has ended. 409 `extension_limit` after too many.
    """
    row = await call.services.reservations.extend(
        call.ids["reservationId"],
        call.actor,
        hold_seconds=call.body.hold_seconds,
        decision_id=call.resource_id,
    )
    return _reply(call.services, row)


async def list_all(call: Call[None, ReservationQuery]) -> Reply:
    """List reservations, newest first."""
    return await _listing(call.services, call.query.filters(), call.query.page_request())


async def list_of_order(call: Call[None, PageQuery]) -> Reply:
    """List the reservations of an order, newest first; an empty list when there is none."""
    filters = ReservationFilter(order_id=call.texts["orderId"])
    return await _listing(call.services, filters, call.query.page_request())


def _command(call: Call[ReservationCreate, None]) -> ReserveCommand:
    body = call.body
    _check_hold(body.hold_seconds, call.services.settings.reservation_hold_seconds_max)
    return ReserveCommand(
        order_id=body.order_id,
        items=[item.item() for item in body.items],
        reservation_id=body.reservation_id or call.resource_id,
        hold_seconds=body.hold_seconds,
        region=body.region,
        allow_split=body.allow_split,
        strategy=body.strategy,
        destination=to_destination(body.destination),
    )


def _check_hold(hold_seconds: int | None, seconds_max: int) -> None:
    if hold_seconds is not None and hold_seconds > seconds_max:
        detail = f"must be at most {seconds_max} here"
        raise Unprocessable(f"holdSeconds {detail}", fields=[FieldProblem("/holdSeconds", detail)])


async def _listing(services: Services, filters: ReservationFilter, page: PageRequest) -> Reply:
    found = await services.views.reservation_list(filters, page)
    items = [_shape(services, row) for row in found.items]
    return Reply(body=ReservationListing.of(items, found.next_token))


def _reply(services: Services, row: ReservationRow) -> Reply:
    return Reply(body=_shape(services, row), version=row.sequence)


def _shape(services: Services, row: ReservationRow) -> Reservation:
    return Reservation.of(
        row,
        path=f"{PATH}/{row.reservation_id}",
        workflow_link=services.reservation_link(row.reservation_id),
    )
