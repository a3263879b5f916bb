"""Availability over REST: an answer, not a promise."""

from __future__ import annotations

from domain.availability import BulkAvailabilityItem
from gateway.http.call import Call, Reply
from gateway.http.problems import problem_of
from gateway.http.schemas.availability import (
    Availability,
    AvailabilityBulk,
    AvailabilityBulkAnswer,
    AvailabilityBulkItem,
    AvailabilityCheck,
)


async def check(call: Call[AvailabilityCheck, None]) -> Reply:
    """Check availability of one item.

    An answer, not a promise: only a reservation holds anything. 422 `unknown_item` for what we do not have.
    """
    return Reply(body=Availability.model_validate(await call.services.views.check_availability(call.body.query())))


async def bulk(call: Call[AvailabilityBulk, None]) -> Reply:
    """Check availability of many items, each by itself and all together: stock is never counted twice."""
    asked = call.body.items
    answer = await call.services.views.check_availability_bulk([item.query() for item in asked])
    items = [_item(one, item, call.path) for one, item in zip(answer.items, asked, strict=True)]
    return Reply(body=AvailabilityBulkAnswer(available=answer.available, items=items))


def _item(one: BulkAvailabilityItem, asked: AvailabilityCheck, path: str) -> AvailabilityBulkItem:
    if one.error is not None:
        return AvailabilityBulkItem.unknown(asked, problem_of(one.error, path))
    assert one.availability is not None, "an item is known or refused"
    return AvailabilityBulkItem.model_validate(one.availability)
