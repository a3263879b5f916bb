"""Transfers between warehouses over REST."""

from __future__ import annotations

from typing import Any

from domain.operations import OperationKind, Step
from domain.transfers import Transfer as TransferRow
from gateway.http.call import Call, Reply
from gateway.http.schemas.operations import AuditTrail, StepBody
from gateway.http.schemas.pages import PageQuery
from gateway.http.schemas.transfers import (
    Transfer,
    TransferCreate,
    TransferListing,
    TransferQuery,
    TransferReceive,
    TransferResolve,
    TransferShip,
)
from gateway.services import Services

PATH = "/api/v1/transfers"


async def create(call: Call[TransferCreate, None]) -> Reply:
    """Ask for a transfer of stock from one warehouse to another.

    Above the house's threshold of pieces in all, or from one region to another, it is PENDING_APPROVAL and waits for
    somebody other than the asker; else it is REQUESTED and may be shipped. Nothing moves before it is shipped, and
    whether the stock is there is judged then. 409 `warehouse_inactive` when the target is not in use; the source need
    not be, so that a closed warehouse can be emptied.
    """
    row = await call.services.transfers.request(call.body.new_transfer(), call.actor, transfer_id=call.resource_id)
    return Reply(
        status=201,
        body=_shape(call.services, row),
        version=row.version,
        headers={"Location": f"{PATH}/{row.transfer_id}"},
    )


async def list_all(call: Call[None, TransferQuery]) -> Reply:
    """List transfers, newest first.

    `late=true` are those on the road that should have arrived, `status=PENDING_APPROVAL` those that wait for somebody.
    """
    page = await call.services.operation_views.transfer_list(call.query.filters(), call.query.page_request())
    items = [_shape(call.services, row) for row in page.items]
    return Reply(body=TransferListing.of(items, page.next_token))


async def read(call: Call[None, None]) -> Reply:
    """Get a transfer as it is now."""
    return _reply(call.services, await call.services.operation_views.transfer(call.ids["transferId"]))


async def audit(call: Call[None, PageQuery]) -> Reply:
    """Get its audit trail: who took which step when and why, and what it was before; refused steps too.

    The oldest step first; `orderBy` is `createdAt`, and `createdAt desc` begins with the newest.
    """
    page = await call.services.operation_views.audit_trail(
        OperationKind.TRANSFER, call.ids["transferId"], call.query.page_request()
    )
    return Reply(body=AuditTrail.of_page(page))


async def approve(call: Call[StepBody, None]) -> Reply:
    """Approve a transfer: it may be shipped from now on.

    Never by whoever asked for it: 403 `self_approval`.
    """
    return await _decide(call, Step.APPROVE)


async def reject(call: Call[StepBody, None]) -> Reply:
    """Reject a transfer: nothing moves."""
    return await _decide(call, Step.REJECT)


async def ship(call: Call[TransferShip, None]) -> Reply:
    """Ship a transfer, once and in whole: the stock leaves the source and is in transit.

    `lines` may name less than was asked for; a line that is not named stays. Only available stock may leave: 409
    `insufficient_stock` lists every short SKU. 409 `shipment_exceeds_request` when a line names more than was asked
    for, 409 `warehouse_inactive` when the target has been closed meanwhile.
    """
    return await _decide(call, Step.SHIP, lines=call.body.pieces())


async def receive(call: Call[TransferReceive, None]) -> Reply:
    """Receive what has arrived, in parts or in whole: it stands on the target's shelf and is available.

    Without `lines` all that is in transit has arrived. A gap stays in transit until somebody decides about it: here by
    `discrepancy`, which makes this the last receipt, or later. The same `receiptId` counts once; with other contents it
    is 409 `receipt_mismatch`. 409 `receipt_exceeds_shipment` lists every line with more than is in transit. A
    warehouse that was closed meanwhile still takes what is on the road to it.
    """
    body = call.body
    return await _decide(
        call,
        Step.RECEIVE,
        lines=body.pieces(),
        receipt_id=body.receipt_id or "",
        discrepancy=body.discrepancy or "",
    )


async def resolve(call: Call[TransferResolve, None]) -> Reply:
    """Decide what became of pieces in transit.

    `lost` writes them off, `found` says that they have arrived after all, `return` puts them back on the source's
    shelf. Without `lines` it is about all that is in transit. CLOSED when nothing is left.
    """
    return await _decide(call, Step.RESOLVE, lines=call.body.pieces(), discrepancy=call.body.discrepancy)


async def cancel(call: Call[StepBody, None]) -> Reply:
    """Cancel a transfer: whatever is in transit returns to the source's shelf."""
    return await _decide(call, Step.CANCEL)


async def _decide(call: Call[Any, None], step: Step, **said: Any) -> Reply:
    row = await call.services.transfers.decide(
        call.ids["transferId"], step, call.actor, decision_id=call.resource_id, reason=call.body.reason, **said
    )
    return _reply(call.services, row)


def _reply(services: Services, row: TransferRow) -> Reply:
    return Reply(body=_shape(services, row), version=row.version)


def _shape(services: Services, row: TransferRow) -> Transfer:
    link = services.operation_link(OperationKind.TRANSFER, row.transfer_id)
    return Transfer.of_row(row, path=f"{PATH}/{row.transfer_id}", workflow_link=link)
