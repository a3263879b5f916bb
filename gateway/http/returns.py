"""Returns of sold stock over REST."""

from __future__ import annotations

from domain.returns import Return as ReturnRow
from gateway.http.call import Call, Reply
from gateway.http.schemas.pages import PageQuery
from gateway.http.schemas.returns import Return, ReturnCreate, ReturnListing

VERSION = 1
"""Of every return: it never changes."""


async def create(call: Call[ReturnCreate, None]) -> Reply:
    """Take back what was sold, whole or in part.

    Without `lines` everything comes back that is not back yet, sellable. A damaged piece is written into the ledger
    twice, as RETURN and as DAMAGE, and never available. 200 when the same return was recorded before. 409
    `reservation_not_sold` unless the reservation is COMMITTED; 409 `return_exceeds_sale` lists every line that is too
    much; 409 `return_mismatch` when the `returnId` belongs to another return.
    """
    taken = await call.services.returns.take_back(
        call.ids["reservationId"], call.body.request(call.resource_id), call.actor
    )
    recorded = taken.recorded
    if not taken.is_new:
        return _reply(recorded)
    location = f"/api/v1/reservations/{recorded.reservation_id}/returns/{recorded.return_id}"
    return Reply(status=201, body=Return.model_validate(recorded), version=VERSION, headers={"Location": location})


async def read(call: Call[None, None]) -> Reply:
    """Get a return as it was recorded."""
    return _reply(await call.services.views.sale_return(call.ids["reservationId"], call.ids["returnId"]))


async def list_all(call: Call[None, PageQuery]) -> Reply:
    """List what came back of a reservation, the first return first: what, when, by whom and why.

    `orderBy` is `createdAt`.
    """
    page = await call.services.views.returns_of_reservation(call.ids["reservationId"], call.query.page_request())
    return Reply(body=ReturnListing.of([Return.model_validate(row) for row in page.items], page.next_token))


def _reply(recorded: ReturnRow) -> Reply:
    return Reply(body=Return.model_validate(recorded), version=VERSION)
