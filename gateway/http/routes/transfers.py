"""The routes of transfers."""

from __future__ import annotations

from gateway.auth import INVENTORY_READ, OPERATIONS_APPROVE, OPERATIONS_WRITE
from gateway.http import transfers
from gateway.http.call import Handler
from gateway.http.route import Route, answers
from gateway.http.schemas.model import Body
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

READ = (OPERATIONS_WRITE, OPERATIONS_APPROVE, INVENTORY_READ)
WORK = (OPERATIONS_WRITE,)
APPROVE = (OPERATIONS_APPROVE,)

ALL = "/api/v1/transfers"
ONE = "/api/v1/transfers/{transferId}"
TRANSFER = answers(Transfer)
NOT_NOW = ("operation_closed", "step_not_allowed")


def _step(
    name: str,
    handler: Handler,
    scopes: tuple[str, ...],
    body: type[Body] = StepBody,
    *,
    body_required: bool = False,
    forbidden: tuple[str, ...] = (),
    conflicts: tuple[str, ...] = (),
    wrong: tuple[str, ...] = (),
) -> Route:
    return Route(
        "POST",
        f"{ONE}/{name}",
        handler,
        scopes,
        TRANSFER,
        body=body,
        body_required=body_required,
        has_version=True,
        problems={403: forbidden, 409: NOT_NOW + conflicts, 422: wrong},
    )


TRANSFERS = (
    Route(
        "POST",
        ALL,
        transfers.create,
        WORK,
        answers(Transfer, 201),
        body=TransferCreate,
        makes="transferId",
        has_version=True,
        problems={409: ("warehouse_inactive",), 422: ("unknown_item",)},
    ),
    Route("GET", ALL, transfers.list_all, READ, answers(TransferListing), query=TransferQuery),
    Route("GET", ONE, transfers.read, READ, TRANSFER, has_version=True),
    Route("GET", f"{ONE}/audit", transfers.audit, READ, answers(AuditTrail), query=PageQuery),
    _step("approve", transfers.approve, APPROVE, forbidden=("self_approval",)),
    _step("reject", transfers.reject, APPROVE),
    _step(
        "ship",
        transfers.ship,
        WORK,
        TransferShip,
        conflicts=("insufficient_stock", "shipment_exceeds_request", "warehouse_inactive"),
        wrong=("unknown_item",),
    ),
    _step(
        "receive",
        transfers.receive,
        WORK,
        TransferReceive,
        conflicts=("receipt_exceeds_shipment", "receipt_mismatch"),
        wrong=("unknown_item",),
    ),
    _step(
        "resolve",
        transfers.resolve,
        WORK,
        TransferResolve,
        body_required=True,
        conflicts=("receipt_exceeds_shipment",),
        wrong=("unknown_item",),
    ),
    _step("cancel", transfers.cancel, WORK),
)
