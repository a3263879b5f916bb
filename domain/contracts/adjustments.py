"""What a StockAdjustment workflow is started with. Stored in histories: it only grows, with defaults."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from domain.contracts.reservations import Source
from domain.stock import MovementType, ReasonCode


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustmentRequest:
    """A change of stock by hand: `delta` pieces, signed. The id makes it idempotent."""

    adjustment_id: UUID
    inventory_id: UUID
    delta: int
    type: MovementType
    reason: str
    actor_id: UUID
    actor_name: str
    reason_code: ReasonCode | None = None
    reference: str = ""
    source: Source = Source.TEMPORAL
    request_id: str = ""
    traceparent: str | None = None
