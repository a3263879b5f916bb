"""The names by which processes find each other in Temporal. No caller builds such a string itself."""

from __future__ import annotations

from uuid import UUID

from domain.operations import OperationKind

RESERVATION_QUEUE = "reservations"
OPERATIONS_QUEUE = "operations"
MAINTENANCE_QUEUE = "maintenance"

RESERVATION_WORKFLOW = "Reservation"
ADJUSTMENT_WORKFLOW = "StockAdjustment"
TRANSFER_WORKFLOW = "Transfer"
PURCHASE_ORDER_WORKFLOW = "PurchaseOrder"
RECONCILE_WORKFLOW = "Reconcile"
RECONCILE_SCHEDULE = "reconcile"
RESTOCK_WORKFLOW = "Restock"
RESTOCK_SCHEDULE = "restock"

COMMIT = "commit"
CANCEL = "cancel"
EXTEND = "extend"
HELD = "held"
"""Signals and updates of a reservation; `held` is an update only."""


DECIDE = "decide"
"""The update of every operation; its signals are named after the steps that people take."""

SKUS = "Skus"
"""A search attribute: what a reservation or an operation is about."""

OPERATION_STATUS = "OperationStatus"
IS_LATE = "IsLate"
"""Search attributes that a workflow keeps up to date by itself."""


def operation_workflow_id(kind: OperationKind, operation_id: UUID) -> str:
    """The workflow of one adjustment, transfer or purchase order."""
    return f"{kind}-{operation_id}"


def restock_workflow_id(run_id: UUID) -> str:
    """The workflow of a run that somebody asked for; those of the schedule carry their time."""
    return f"{RESTOCK_SCHEDULE}-{run_id}"


def reservation_workflow_id(reservation_id: UUID) -> str:
    """The workflow of one reservation."""
    return f"reservation-{reservation_id}"


def reservation_id_of(workflow_id: str) -> UUID:
    """The reservation a workflow belongs to. Raises ValueError for another kind of workflow."""
    return UUID(workflow_id.removeprefix("reservation-"))
