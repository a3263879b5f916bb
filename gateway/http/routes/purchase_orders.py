"""The routes of purchase orders."""

from __future__ import annotations

from gateway.auth import OPERATIONS_APPROVE, OPERATIONS_READ, OPERATIONS_WRITE
from gateway.http import purchase_orders
from gateway.http.call import Handler
from gateway.http.route import Route, answers
from gateway.http.schemas.model import Body
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

WRITE = (OPERATIONS_WRITE,)
APPROVE = (OPERATIONS_APPROVE,)

ALL = "/api/v1/purchase-orders"
ONE = f"{ALL}/{{purchaseOrderId}}"
PURCHASE_ORDER = answers(PurchaseOrder)

NOT_NOW = ("operation_closed", "step_not_allowed")
OUT_OF_USE = ("supplier_inactive", "warehouse_inactive")


def _step(
    handler: Handler,
    scopes: tuple[str, ...] = WRITE,
    body: type[Body] = StepBody,
    *,
    body_required: bool = False,
    forbidden: tuple[str, ...] = (),
    conflicts: tuple[str, ...] = (),
    wrong: tuple[str, ...] = (),
) -> Route:
    """A step of an order: a POST below it, named like its handler."""
    return Route(
        "POST",
        f"{ONE}/{handler.__name__}",
        handler,
        scopes,
        PURCHASE_ORDER,
        body=body,
        body_required=body_required,
        has_version=True,
        problems={403: forbidden, 409: NOT_NOW + conflicts, 422: wrong},
    )


PURCHASE_ORDERS = (
    Route(
        "GET",
        ALL,
        purchase_orders.list_all,
        OPERATIONS_READ,
        answers(PurchaseOrderListing),
        query=PurchaseOrderQuery,
    ),
    Route("GET", ONE, purchase_orders.read, OPERATIONS_READ, PURCHASE_ORDER, has_version=True),
    Route("GET", f"{ONE}/audit", purchase_orders.audit, OPERATIONS_READ, answers(AuditTrail), query=PageQuery),
    Route(
        "POST",
        ALL,
        purchase_orders.create,
        WRITE,
        answers(PurchaseOrder, 201),
        body=PurchaseOrderCreate,
        makes="purchaseOrderId",
        has_version=True,
        problems={422: ("unknown_item",)},
    ),
    _step(purchase_orders.approve, APPROVE, forbidden=("self_approval",), conflicts=OUT_OF_USE),
    _step(purchase_orders.reject, APPROVE),
    _step(purchase_orders.send, conflicts=OUT_OF_USE),
    _step(
        purchase_orders.receive,
        body=PurchaseOrderReceive,
        conflicts=("receipt_exceeds_order", "receipt_mismatch"),
        wrong=("unknown_item",),
    ),
    _step(purchase_orders.close, body=PurchaseOrderClose, body_required=True),
    _step(purchase_orders.cancel),
)
