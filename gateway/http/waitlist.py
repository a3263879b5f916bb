"""The waitlist over REST."""

from __future__ import annotations

from gateway.http.call import Call, Reply
from gateway.http.schemas.waitlist import WaitlistEntry, WaitlistJoin, WaitlistListing, WaitlistQuery

PATH = "/api/v1/waitlist"


async def join(call: Call[WaitlistJoin, None]) -> Reply:
    """Wait in line for a SKU that is short.

    First come, first served, for each SKU. As soon as there is enough for an entry, whatever freed it, the entry is
    OFFERED a reservation of its own, held for `holdSeconds` and news as `inventory.waitlist_offered`; commit or cancel
    it like any other. An entry that needs more than there is lets smaller ones behind it pass, since what is free is
    for sale to everybody meanwhile. The answer is always WAITING: when there is stock already, the offer follows within
    a second. `position` counts who waits for the SKU before it, wherever they want it from, itself included.
    """
    waits = await call.services.waitlist.join(call.body.wish(), call.actor, entry_id=call.resource_id)
    shape = WaitlistEntry.of(waits)
    return Reply(
        status=201, body=shape, version=waits.entry.sequence, headers={"Location": f"{PATH}/{waits.entry.entry_id}"}
    )


async def list_all(call: Call[None, WaitlistQuery]) -> Reply:
    """List entries of the waitlist, in the order of the line.

    `orderBy` is `joinedAt`. Positions are told of single entries only.
    """
    page = await call.services.views.waitlist_entries(call.query.filters(), call.query.page_request())
    items = [WaitlistEntry.listed(row) for row in page.items]
    return Reply(body=WaitlistListing.of(items, page.next_token))


async def read(call: Call[None, None]) -> Reply:
    """Get an entry of the waitlist, with its position in line."""
    waits = await call.services.views.waitlist_entry(call.ids["entryId"])
    return Reply(body=WaitlistEntry.of(waits), version=waits.entry.sequence)


async def withdraw(call: Call[None, None]) -> Reply:
    """Leave the line.

    Repeating it changes nothing. 409 `waitlist_settled` when it was offered a reservation, which is to be cancelled
    instead, or has expired.
    """
    await call.services.waitlist.withdraw(call.ids["entryId"], call.actor, expected_version=call.expected_version)
    return Reply(status=204)
