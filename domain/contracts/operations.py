"""What travels between staff, the workflows that wait for them, and the activities that take the steps.

Stored in workflow histories: these shapes only grow, and every new field has a default. A person may type a
StaffDecision into Temporal UI as a signal: `{"actor_name": "alice", "reason": "counted twice"}` is enough.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.contracts.reservations import Source
from domain.operations import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class SkuQuantity:
    """Pieces of one SKU."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffDecision:
    """One step that somebody takes. The same `decision_id` takes effect once; without one, each signal is its own.

    `actor_id` is left out by people in Temporal UI: their name stands for the same person as in a token. `lines` say
    how much is shipped or received, all that is left when empty. `receipt_id` counts once. `discrepancy` says what
    became of a gap: lost, found or return.
    """

    decision_id: str = ""
    actor_id: UUID | None = None
    actor_name: str = ""
    reason: str = ""
    lines: list[SkuQuantity] = field(default_factory=list)
    receipt_id: str = ""
    discrepancy: str = ""
    source: Source = Source.TEMPORAL
    request_id: str = ""
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRequest:
    """One step for an activity to take."""

    operation_id: UUID
    step: Step
    decision: StaffDecision


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutcome:
    """The operation's row after a step, whoever took it.

    `changed`: this call did. `refusal_code`: the rule that refused it, with its words and what belongs to them.
    `wakes_at` and `wakes_for`: when the clock acts next, and how.
    """

    status: str
    version: int
    changed: bool = False
    is_closed: bool = False
    is_late: bool = False
    wakes_at: datetime | None = None
    wakes_for: Step | None = None
    refusal_code: str = ""
    refusal_detail: str = ""
    refusal_extra: dict[str, Any] = field(default_factory=dict)
