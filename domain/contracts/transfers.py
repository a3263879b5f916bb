"""What a Transfer workflow is started with. Stored in histories: it only grows, with defaults."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.contracts.operations import SkuQuantity
from domain.contracts.reservations import Source
from domain.ids import Actor
from domain.lines import pieces_by_sku
from domain.transfers import NewTransfer


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRequest:
    """Stock that is to go from one warehouse to another. The id makes it idempotent. When it should arrive: an instant,
    or seconds after it is shipped, or neither."""

    transfer_id: UUID
    from_warehouse_id: UUID
    to_warehouse_id: UUID
    lines: list[SkuQuantity]
    actor_id: UUID
    actor_name: str
    reason: str = ""
    reference: str = ""
    expected_at: datetime | None = None
    transit_seconds: int | None = None
    source: Source = Source.TEMPORAL
    request_id: str = ""
    traceparent: str | None = None

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return Actor(self.actor_id, self.actor_name)

    def new_transfer(self) -> NewTransfer:
        """The request as the rules take it. Raises Unprocessable for lines that are wrong."""
        return NewTransfer(
            from_warehouse_id=self.from_warehouse_id,
            to_warehouse_id=self.to_warehouse_id,
            lines=pieces_by_sku((line.sku, line.quantity) for line in self.lines),
            reason=self.reason,
            reference=self.reference,
            expected_at=self.expected_at,
            transit_seconds=self.transit_seconds,
        )
