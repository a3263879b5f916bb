"""The routes of returns: what was sold and came back."""

from __future__ import annotations

from gateway.auth import RESERVATIONS_READ, RESERVATIONS_WRITE
from gateway.http import returns
from gateway.http.route import Route, answers
from gateway.http.schemas.pages import PageQuery
from gateway.http.schemas.returns import Return, ReturnCreate, ReturnListing

RETURNS = (
    Route(
        "POST",
        "/api/v1/reservations/{reservationId}/return",
        returns.create,
        (RESERVATIONS_WRITE,),
        answers(Return, 201) + answers(Return),
        body=ReturnCreate,
        body_required=False,
        makes="returnId",
        has_version=True,
        problems={409: ("reservation_not_sold", "return_exceeds_sale", "return_mismatch")},
    ),
    Route(
        "GET",
        "/api/v1/reservations/{reservationId}/returns",
        returns.list_all,
        RESERVATIONS_READ,
        answers(ReturnListing),
        query=PageQuery,
    ),
    Route(
        "GET",
        "/api/v1/reservations/{reservationId}/returns/{returnId}",
        returns.read,
        RESERVATIONS_READ,
        answers(Return),
        has_version=True,
    ),
)
