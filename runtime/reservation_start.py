"""How a Reservation workflow is started, whichever process starts it: one shape, so that all look alike in the UI."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)

from domain.contracts.names import RESERVATION_QUEUE, RESERVATION_WORKFLOW, reservation_workflow_id
from domain.contracts.reservations import HoldRequest
from runtime.search_attributes import ORDER_ID, REGION, SKUS, SKUS_SHOWN_MAX, asked_through, one_line
from runtime.temporal import RPC_TIMEOUT

TASK_TIMEOUT = timedelta(seconds=10)
"""How long a workflow task of a killed process blocks its reservation; see DESIGN D1 for what waits on it."""


def start_options(request: HoldRequest) -> dict[str, Any]:
    """Keyword arguments for `Client.start_workflow`.

    A running workflow of the same reservation is joined; a closed one may be started again and adopts the row.
    """
    return {
        "workflow": RESERVATION_WORKFLOW,
        "arg": request,
        "id": reservation_workflow_id(request.reservation_id),
        "task_queue": RESERVATION_QUEUE,
        "id_conflict_policy": WorkflowIDConflictPolicy.USE_EXISTING,
        "id_reuse_policy": WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        "task_timeout": TASK_TIMEOUT,
        "rpc_timeout": RPC_TIMEOUT,
        "search_attributes": _search_attributes(request),
        "static_summary": _summary(request),
        "static_details": asked_through(request.source, request.request_id) if request.request_id else None,
    }


def has_first_task(handle: WorkflowHandle[Any, Any]) -> bool:
    """Whether the server handed us the first task with its answer (the SDK's own tests look here too)."""
    return bool(getattr(handle, "__temporal_eagerly_started", True))


def _search_attributes(request: HoldRequest) -> TypedSearchAttributes:
    skus = sorted({item.sku for item in request.items if item.sku})[:SKUS_SHOWN_MAX]
    pairs: list[SearchAttributePair[Any]] = [SearchAttributePair(ORDER_ID, request.order_id)]
    if skus:
        pairs.append(SearchAttributePair(SKUS, skus))
    if request.region:
        pairs.append(SearchAttributePair(REGION, request.region))
    return TypedSearchAttributes(pairs)


def _summary(request: HoldRequest) -> str:
    lines = ", ".join(f"{item.quantity} × {item.sku or item.inventory_id or item.product_id}" for item in request.items)
    return one_line(f"{lines} · order {request.order_id}")
