"""The routes of adjustments."""

from __future__ import annotations

from gateway.auth import INVENTORY_READ, INVENTORY_WRITE, OPERATIONS_APPROVE, OPERATIONS_WRITE
from gateway.http import adjustments
from gateway.http.route import Route, answers
from gateway.http.schemas.adjustments import Adjustment, AdjustmentListing, AdjustmentQuery
from gateway.http.schemas.operations import AuditTrail, StepBody
from gateway.http.schemas.pages import PageQuery

READ = (INVENTORY_READ, OPERATIONS_WRITE, OPERATIONS_APPROVE)
APPROVE = (OPERATIONS_APPROVE,)
ASK = (INVENTORY_WRITE, OPERATIONS_WRITE)

ONE = "/api/v1/adjustments/{adjustmentId}"
ADJUSTMENT = answers(Adjustment)

ADJUSTMENTS = (
    Route("GET", "/api/v1/adjustments", adjustments.list_all, READ, answers(AdjustmentListing), query=AdjustmentQuery),
    Route("GET", ONE, adjustments.read, READ, ADJUSTMENT, has_version=True),
    Route("GET", f"{ONE}/audit", adjustments.audit, READ, answers(AuditTrail), query=PageQuery),
    Route(
        "POST",
        f"{ONE}/approve",
        adjustments.approve,
        APPROVE,
        ADJUSTMENT,
        body=StepBody,
        body_required=False,
        has_version=True,
        problems={403: ("self_approval",), 409: ("operation_closed", "insufficient_stock")},
    ),
    Route(
        "POST",
        f"{ONE}/reject",
        adjustments.reject,
        APPROVE,
        ADJUSTMENT,
        body=StepBody,
        body_required=False,
        has_version=True,
        problems={409: ("operation_closed",)},
    ),
    Route(
        "POST",
        f"{ONE}/cancel",
        adjustments.cancel,
        ASK,
        ADJUSTMENT,
        body=StepBody,
        body_required=False,
        has_version=True,
        problems={409: ("operation_closed",)},
    ),
)
