"""The names by which processes find each other in Temporal. No caller builds such a string itself."""

from __future__ import annotations

from uuid import UUID

RESERVATION_QUEUE = "reservations"
MAINTENANCE_QUEUE = "maintenance"

RESERVATION_WORKFLOW = "Reservation"
RECONCILE_WORKFLOW = "Reconcile"
RECONCILE_SCHEDULE = "reconcile"

COMMIT = "commit"
CANCEL = "cancel"
EXTEND = "extend"
HELD = "held"
"""Signals and updates of a reservation; `held` is an update only."""


def reservation_workflow_id(reservation_id: UUID) -> str:
    """The workflow of one reservation."""
    return f"reservation-{reservation_id}"


def reservation_id_of(workflow_id: str) -> UUID:
    """The reservation a workflow belongs to. Raises ValueError for another kind of workflow."""
    return UUID(workflow_id.removeprefix("reservation-"))
