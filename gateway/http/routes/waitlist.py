"""The routes of the waitlist."""

from __future__ import annotations

from gateway.auth import RESERVATIONS_READ, RESERVATIONS_WRITE
from gateway.http import waitlist
from gateway.http.route import Route, answers
from gateway.http.schemas.waitlist import WaitlistEntry, WaitlistJoin, WaitlistListing, WaitlistQuery

WAIT = (RESERVATIONS_WRITE,)

WAITLIST = (
    Route(
        "POST",
        "/api/v1/waitlist",
        waitlist.join,
        WAIT,
        answers(WaitlistEntry, 201),
        body=WaitlistJoin,
        makes="entryId",
        has_version=True,
        problems={422: ("unknown_item",)},
    ),
    Route(
        "GET", "/api/v1/waitlist", waitlist.list_all, RESERVATIONS_READ, answers(WaitlistListing), query=WaitlistQuery
    ),
    Route(
        "GET",
        "/api/v1/waitlist/{entryId}",
        waitlist.read,
        RESERVATIONS_READ,
        answers(WaitlistEntry),
        has_version=True,
        tells_more=True,  # its position: others leave the line
    ),
    Route(
        "DELETE",
        "/api/v1/waitlist/{entryId}",
        waitlist.withdraw,
        WAIT,
        answers(None, 204),
        has_version=True,
        problems={409: ("waitlist_settled",)},
    ),
)
