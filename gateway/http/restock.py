"""Restocking over REST: what to order, and a run beside the schedule."""

from __future__ import annotations

from gateway.http.call import Call, Reply
from gateway.http.schemas.restock import RestockLinks, RestockRun, Suggestion, SuggestionListing, SuggestionQuery


async def list_suggestions(call: Call[None, SuggestionQuery]) -> Reply:
    """List what to reorder, how much of it and from whom.

    The supplier is a preferred one, else the cheapest, then the quickest; prices are compared in the row's currency.
    """
    page = await call.services.purchasing.restock_suggestions(call.query.filters(), call.query.page_request())
    return Reply(body=SuggestionListing.of([Suggestion.of(each) for each in page.items], page.next_token))


async def run(call: Call[None, None]) -> Reply:
    """Run the restocking now, beside its schedule.

    It drafts one order for each supplier and warehouse, for review or approved and sent at once by setting. What is on
    order or in transit counts, so a run that follows another drafts nothing twice.
    """
    workflow_id = await call.services.restock.run(call.actor, run_id=call.resource_id)
    links = RestockLinks(workflow=call.services.workflow_link(workflow_id))
    return Reply(status=202, body=RestockRun(workflow_id=workflow_id, links=links))
