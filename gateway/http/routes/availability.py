"""The routes of availability checks."""

from __future__ import annotations

from gateway.auth import INVENTORY_READ
from gateway.http import availability
from gateway.http.route import Route, answers
from gateway.http.schemas.availability import Availability, AvailabilityBulk, AvailabilityBulkAnswer, AvailabilityCheck

READ = (INVENTORY_READ,)

AVAILABILITY = (
    Route(
        "POST",
        "/api/v1/availability/check",
        availability.check,
        READ,
        answers(Availability),
        body=AvailabilityCheck,
        only_asks=True,
        problems={422: ("unknown_item",)},
    ),
    Route(
        "POST",
        "/api/v1/availability/bulk",
        availability.bulk,
        READ,
        answers(AvailabilityBulkAnswer),
        body=AvailabilityBulk,
        only_asks=True,
    ),
)
