"""Purchase orders over REST."""

from __future__ import annotations

from typing import Any

from domain.operations import OperationKind, Step
from domain.purchase_orders import PurchaseOrder as PurchaseOrderRow
from gateway.http.call import Call, Reply
from gateway.http.schemas.operations import AuditTrail, StepBody
from gateway.http.schemas.pages import PageQuery
from gateway.http.schemas.purchase_orders import (
    PurchaseOrder,
    PurchaseOrderClose,
    PurchaseOrderCreate,
    PurchaseOrderListing,
    PurchaseOrderQuery,
    PurchaseOrderReceive,
)
from gateway.services import Services

PATH = "/api/v1/purchase-orders"


async def list_all(call: Call[None, PurchaseOrderQuery]) -> Reply:
    """List purchase orders, newest first.

    `late=true` are open ones that should have arrived, `status=DRAFT` those that wait for approval.
    """
    page = await call.services.operation_views.purchase_order_list(call.query.filters(), call.query.page_request())
    items = [_shape(call.services, row) for row in page.items]
    return Reply(body=PurchaseOrderListing.of(items, page.next_token))


async def read(call: Call[None, None]) -> Reply:
    """Get a purchase order as it is now."""
    return _reply(call.services, await call.services.operation_views.purchase_order(call.ids["purchaseOrderId"]))


async def audit(call: Call[None, PageQuery]) -> Reply:
    """Get its audit trail: who took which step when and why, and what it was before; refused steps too.

    The oldest step first; `orderBy` is `createdAt`, and `createdAt desc` begins with the newest.
    """
    page = await call.services.operation_views.audit_trail(
        OperationKind.PURCHASE_ORDER, call.ids["purchaseOrderId"], call.query.page_request()
    )
    return Reply(body=AuditTrail.of_page(page))


async def create(call: Call[PurchaseOrderCreate, None]) -> Reply:
    """Draft a purchase order.

    422 `unknown_item` for a supplier or warehouse that is not in use and for every SKU that the supplier does not
    sell; 422 `validation_failed` for quantities that are not whole packs or below the minimum, naming the next good
    one. What is drafted counts as on order.
    """
    row = await call.services.purchase_orders.create(
        call.body.new_order(), call.actor, purchase_order_id=call.resource_id
    )
    return Reply(
        status=201,
        body=_shape(call.services, row),
        version=row.version,
        headers={"Location": f"{PATH}/{row.purchase_order_id}"},
    )


async def approve(call: Call[StepBody, None]) -> Reply:
    """Approve a draft.

    Never by whoever asked for it: 403 `self_approval`. 409 `supplier_inactive` or `warehouse_inactive` when one of
    them has gone out of use meanwhile.
    """
    return await _decide(call, Step.APPROVE)


async def reject(call: Call[StepBody, None]) -> Reply:
    """Reject a draft: nothing is ordered."""
    return await _decide(call, Step.REJECT)


async def send(call: Call[StepBody, None]) -> Reply:
    """Note that an approved order has gone to the supplier.

    Without a date that was agreed it is expected after the longest lead time of its lines.
    """
    return await _decide(call, Step.SEND)


async def receive(call: Call[PurchaseOrderReceive, None]) -> Reply:
    """Take in what arrived, in parts if need be: INBOUND movements whose reference is the order's id.

    A warehouse that has no row of a SKU yet gets one, and rows take the order's cost as their own. The last part makes
    it RECEIVED. 409 `receipt_exceeds_order` lists the lines that would take more than was ordered (a little more is
    allowed by setting); 422 `unknown_item` names SKUs that were not ordered, or whose product nobody knows here. The
    same `receiptId` counts once; with other contents it is 409 `receipt_mismatch`.
    """
    return await _decide(call, Step.RECEIVE, lines=call.body.pieces(), receipt_id=call.body.receipt_id or "")


async def close(call: Call[PurchaseOrderClose, None]) -> Reply:
    """Close an order short, after a part has arrived: the rest is no longer on order."""
    return await _decide(call, Step.CLOSE)


async def cancel(call: Call[StepBody, None]) -> Reply:
    """Cancel an order before anything has arrived; later, close it."""
    return await _decide(call, Step.CANCEL)


async def _decide(call: Call[Any, None], step: Step, **said: Any) -> Reply:
    row = await call.services.purchase_orders.decide(
        call.ids["purchaseOrderId"], step, call.actor, decision_id=call.resource_id, reason=call.body.reason, **said
    )
    return _reply(call.services, row)


def _reply(services: Services, row: PurchaseOrderRow) -> Reply:
    return Reply(body=_shape(services, row), version=row.version)


def _shape(services: Services, row: PurchaseOrderRow) -> PurchaseOrder:
    link = services.operation_link(OperationKind.PURCHASE_ORDER, row.purchase_order_id)
    return PurchaseOrder.of_row(row, path=f"{PATH}/{row.purchase_order_id}", workflow_link=link)
