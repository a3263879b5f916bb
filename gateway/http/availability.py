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
    AvailabilityItem,
)


async def check(call: Call[AvailabilityCheck, None]) -> Reply:
    """Check availability of one item, and from where a reservation with the same wishes would get it.

    An answer, not a promise: only a reservation holds anything. 422 `unknown_item` for what we do not have.
    """
    return Reply(body=Availability.of(await call.services.views.check_availability(call.body.query())))


async def bulk(call: Call[AvailabilityBulk, None]) -> Reply:
    """Check availability of many items, each by itself and all together: stock is never counted twice."""
    answer = await call.services.views.check_availability_bulk(call.body.queries())
    items = [_item(one, item, call) for one, item in zip(answer.items, call.body.items, strict=True)]
    return Reply(body=AvailabilityBulkAnswer.of(answer, items))


def _item(
    one: BulkAvailabilityItem, asked: AvailabilityItem, call: Call[AvailabilityBulk, None]
) -> AvailabilityBulkItem:
    if one.error is not None:
        return AvailabilityBulkItem.unknown(asked, problem_of(one.error, call.path), call.body.strategy)
    assert one.availability is not None, "an item is known or refused"
    return AvailabilityBulkItem.of(one.availability)
