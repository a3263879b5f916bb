"""What travels between the callers, the Reservation workflow and its activities.

Stored in workflow histories: these shapes only grow, and every new field has a default.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.limits import HOLD_SECONDS_DEFAULT
from domain.reservations import Item, ReservationStatus


class Source(StrEnum):
    """The door a reservation came through."""

    REST = "rest"
    GRPC = "grpc"
    KAFKA = "kafka"
    TEMPORAL = "temporal"


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
    source: Source = Source.REST
    request_id: str = ""
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOutcome:
    """What the row says after a hold: PENDING with its deadline, REJECTED, or whatever became of it since."""

    status: ReservationStatus
    expires_at: datetime


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
    request_id: str = ""
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleRequest:
    """One guarded transition for the activity to make. `number` counts extensions, from 1."""

    reservation_id: UUID
    decision: Decision
    actor_id: UUID
    actor_name: str
    reason: str = ""
    hold_seconds: int = 0
    number: int = 0
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleOutcome:
    """The row after a transition, whoever made it. `changed`: this call did. `refused`: an extension limit was met."""

    status: ReservationStatus
    expires_at: datetime
    changed: bool = False
    refused: bool = False
    returned: bool = False
