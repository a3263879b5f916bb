"""What travels between the callers, the Reservation workflow and its activities.

Stored in workflow histories: these shapes only grow, and every new field has a default.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.allocation_terms import Rules, Strategy
from domain.destinations import Destination, Place
from domain.ids import MAINTENANCE
from domain.limits import HOLD_SECONDS_DEFAULT
from domain.reservations import Item, Reservation, ReservationStatus

HoldIdentity = tuple[UUID, str]
"""Which reservation is asked for, and with what contents."""


class Source(StrEnum):
    """The door that something was asked for through.

    Each of our doors says its own; what says none was typed into Temporal by hand.
    """

    REST = "rest"
    GRPC = "grpc"
    KAFKA = "kafka"
    TEMPORAL = "temporal"
    IMPORT = "import"
    WAITLIST = "waitlist"


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRequest:
    """Everything a hold needs. The id makes it idempotent, the fingerprint tells another request apart."""

    reservation_id: UUID
    order_id: str
    items: list[Item]
    fingerprint: str
    actor_id: UUID
    actor_name: str
    hold_seconds: int = HOLD_SECONDS_DEFAULT
    region: str | None = None
    allow_split: bool = True
    source: Source = Source.TEMPORAL
    request_id: str = ""
    traceparent: str | None = None
    strategy: Strategy = Strategy.BALANCED
    destination: Destination | None = None

    @property
    def identity(self) -> HoldIdentity:
        """What tells this hold from any other, one with the same reservation id and other contents too."""
        return self.reservation_id, self.fingerprint

    def rules(self, place: Place | None) -> Rules:
        """How its shelves are chosen, `place` being its destination on the map."""
        return Rules(strategy=self.strategy, place=place, region=self.region, allow_split=self.allow_split)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOutcome:
    """What the row says after a hold: PENDING with its deadline, REJECTED, or whatever became of it since.

    `late_seconds`: how long after the deadline its workflow need not wake, because a crowd is due with it.
    """

    status: ReservationStatus
    expires_at: datetime
    extends_count: int = 0
    late_seconds: float = 0.0


class Decision(StrEnum):
    """What somebody decided about a live reservation."""

    COMMIT = "commit"
    CANCEL = "cancel"
    EXTEND = "extend"
    EXPIRE = "expire"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRequest:
    """A decision with its own identity: the same `decision_id` takes effect once.

    `reason` is a domain.reservations.ReleaseReason for cancels; `hold_seconds` counts from now, for extends.
    """

    decision_id: str
    actor_id: UUID
    actor_name: str
    reason: str = ""
    hold_seconds: int = 0
    source: Source = Source.TEMPORAL
    request_id: str = ""
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleRequest:
    """One guarded transition for the activity to make. `number` counts extensions, from 1.

    A commit from Kafka that loses its race is answered by an event, since nobody waits for it.
    """

    reservation_id: UUID
    decision: Decision
    actor_id: UUID
    actor_name: str
    reason: str = ""
    hold_seconds: int = 0
    number: int = 0
    decision_id: str = ""
    source: Source = Source.TEMPORAL
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleOutcome:
    """The row after a transition, whoever made it. `changed`: this call did. `refused`: an extension limit was met.

    `early_seconds`: an expiry came so long before the deadline by the database's clock, which counts.
    `extends_count`: what the row says after an extension, whether this call made it or an earlier try of it.
    """

    status: ReservationStatus
    expires_at: datetime
    changed: bool = False
    refused: bool = False
    returned: bool = False
    early_seconds: float = 0.0
    extends_count: int = 0


def adoption(row: Reservation) -> HoldRequest:
    """The request by which a new workflow takes over a row that lost its own: its hold changes nothing."""
    return HoldRequest(
        reservation_id=row.reservation_id,
        order_id=row.order_id,
        items=[Item(quantity=line.quantity, sku=line.sku, warehouse_id=line.warehouse_id) for line in row.lines],
        fingerprint=row.fingerprint,
        actor_id=MAINTENANCE.actor_id,
        actor_name=MAINTENANCE.name,
        source=Source.TEMPORAL,
    )
