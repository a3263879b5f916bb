"""The routes of reservations."""

from __future__ import annotations

from gateway.auth import RESERVATIONS_READ, RESERVATIONS_WRITE
from gateway.http import reservations
from gateway.http.route import Route, answers
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

RESERVE = (RESERVATIONS_WRITE,)

RESERVATION = answers(Reservation)
RESERVATION_PAGE = answers(ReservationListing)

RESERVATIONS = (
    Route(
        "POST",
        "/api/v1/reservations",
        reservations.create,
        RESERVE,
        answers(Reservation, 201) + RESERVATION,
        body=ReservationCreate,
        makes="reservationId",
        has_version=True,
        problems={409: ("insufficient_stock", "reservation_mismatch"), 422: ("unknown_item",), 503: ("saturated",)},
    ),
    Route(
        "GET",
        "/api/v1/reservations",
        reservations.list_all,
        RESERVATIONS_READ,
        RESERVATION_PAGE,
        query=ReservationQuery,
    ),
    Route(
        "GET",
        "/api/v1/reservations/{reservationId}",
        reservations.read,
        RESERVATIONS_READ,
        RESERVATION,
        has_version=True,
    ),
    Route(
        "POST",
        "/api/v1/reservations/{reservationId}/commit",
        reservations.commit,
        RESERVE,
        RESERVATION,
        body=ReservationCommit,
        body_required=False,
        has_version=True,
        problems={409: ("reservation_settled",)},
    ),
    Route(
        "POST",
        "/api/v1/reservations/{reservationId}/cancel",
        reservations.cancel,
        RESERVE,
        RESERVATION,
        body=ReservationCancel,
        body_required=False,
        has_version=True,
        problems={409: ("reservation_settled",)},
    ),
    Route(
        "POST",
        "/api/v1/reservations/{reservationId}/extend",
        reservations.extend,
        RESERVE,
        RESERVATION,
        body=ReservationExtend,
        has_version=True,
        problems={409: ("reservation_settled", "extension_limit")},
    ),
    Route(
        "GET",
        "/api/v1/reservations/order/{orderId}",
        reservations.list_of_order,
        RESERVATIONS_READ,
        RESERVATION_PAGE,
        query=PageQuery,
    ),
)
