"""How the workflow of an operation is started, whichever process starts it: one shape, so that all look alike."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)

from domain.contracts.names import OPERATIONS_QUEUE, operation_workflow_id
from domain.contracts.operation_starts import OperationStart
from runtime.search_attributes import SKUS, SKUS_SHOWN_MAX, one_line
from runtime.temporal import RPC_TIMEOUT

TASK_TIMEOUT = timedelta(seconds=10)


def start_options(start: OperationStart, *, details: str | None = None) -> dict[str, Any]:
    """Keyword arguments for `Client.start_workflow`: one that runs is joined, a lost one begins again at its row.

    `details` say which request it is started for; an adoption has none.
    """
    skus: SearchAttributePair[Any] = SearchAttributePair(SKUS, sorted(start.skus)[:SKUS_SHOWN_MAX])
    return {
        "workflow": start.workflow,
        "arg": start.request,
        "id": operation_workflow_id(start.kind, start.operation_id),
        "task_queue": OPERATIONS_QUEUE,
        "id_conflict_policy": WorkflowIDConflictPolicy.USE_EXISTING,
        "id_reuse_policy": WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        "task_timeout": TASK_TIMEOUT,
        "rpc_timeout": RPC_TIMEOUT,
        "search_attributes": TypedSearchAttributes([skus]) if start.skus else None,
        "static_summary": one_line(start.summary),
        "static_details": details,
    }
