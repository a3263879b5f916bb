"""Adjustments over REST: those that need a second person, and the record of all."""

from __future__ import annotations

from domain.adjustments import StockAdjustment
from domain.operations import OperationKind, Step
from gateway.http.call import Call, Reply
from gateway.http.schemas.adjustments import Adjustment, AdjustmentListing, AdjustmentQuery
from gateway.http.schemas.operations import AuditTrail, StepBody
from gateway.http.schemas.pages import PageQuery
from gateway.services import Services

PATH = "/api/v1/adjustments"


async def list_all(call: Call[None, AdjustmentQuery]) -> Reply:
    """List adjustments, newest first.

    `status=PENDING` are those that wait for somebody.
    """
    page = await call.services.operation_views.adjustment_list(call.query.filters(), call.query.page_request())
    items = [shape(call.services, row) for row in page.items]
    return Reply(body=AdjustmentListing.of(items, page.next_token))


async def read(call: Call[None, None]) -> Reply:
    """Get an adjustment as it is now."""
    return _reply(call.services, await call.services.operation_views.adjustment(call.ids["adjustmentId"]))


async def audit(call: Call[None, PageQuery]) -> Reply:
    """Get its audit trail: who took which step when and why, and what it was before; refused steps too.

    The oldest step first; `orderBy` is `createdAt`, and `createdAt desc` begins with the newest.
    """
    page = await call.services.operation_views.audit_trail(
        OperationKind.ADJUSTMENT, call.ids["adjustmentId"], call.query.page_request()
    )
    return Reply(body=AuditTrail.of_page(page))


async def approve(call: Call[StepBody, None]) -> Reply:
    """Approve an adjustment: the stock changes now, if the rules still allow it.

    Never by whoever asked for it: 403 `self_approval`. 409 `insufficient_stock` when the stock has moved meanwhile; it
    stays PENDING then.
    """
    return await _decide(call, Step.APPROVE)


async def reject(call: Call[StepBody, None]) -> Reply:
    """Reject an adjustment: nothing changes."""
    return await _decide(call, Step.REJECT)


async def cancel(call: Call[StepBody, None]) -> Reply:
    """Take a request back: nothing changes."""
    return await _decide(call, Step.CANCEL)


async def _decide(call: Call[StepBody, None], step: Step) -> Reply:
    row = await call.services.adjustments.decide(
        call.ids["adjustmentId"], step, call.actor, reason=call.body.reason, decision_id=call.resource_id
    )
    return _reply(call.services, row)


def accepted(services: Services, row: StockAdjustment) -> Reply:
    """The answer to a change that has to wait: 202 and where it waits."""
    return Reply(
        status=202,
        body=shape(services, row),
        version=row.version,
        headers={"Location": f"{PATH}/{row.adjustment_id}"},
    )


def shape(services: Services, row: StockAdjustment) -> Adjustment:
    """An adjustment as callers see it."""
    link = services.operation_link(OperationKind.ADJUSTMENT, row.adjustment_id)
    return Adjustment.of_row(row, path=f"{PATH}/{row.adjustment_id}", workflow_link=link)


def _reply(services: Services, row: StockAdjustment) -> Reply:
    return Reply(body=shape(services, row), version=row.version)
