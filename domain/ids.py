"""Identities: how they are made, and the fixed ones of our own processes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from uuid import UUID

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://holdfast.dev/ids")
"""The root of every derived id."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who performs a change: an id for the ledger and the name that belongs to it."""

    actor_id: UUID
    name: str


def system_actor(process: str) -> Actor:
    """The fixed identity of one of our own processes, e.g. `bridge`."""
    return Actor(uuid.uuid5(NAMESPACE, f"system/{process}"), f"system:{process}")


def actor_from_subject(issuer: str, subject: str) -> Actor:
    """The identity behind a token: its `sub` when that is a UUID, else a UUIDv5 of issuer and subject."""
    try:
        return Actor(UUID(subject), subject)
    except ValueError:
        return Actor(uuid.uuid5(NAMESPACE, f"{issuer}/{subject}"), subject)


def reservation_id_for_event(source: str, event_id: str) -> UUID:
    """The reservation that an `order.created` event makes: the same event, the same reservation."""
    return uuid.uuid5(NAMESPACE, f"order-event/{source}/{event_id}")


EXPIRY = system_actor("expiry")
SWEEPER = system_actor("sweeper")
BRIDGE = system_actor("bridge")
MAINTENANCE = system_actor("maintenance")
CLOCK = system_actor("clock")
TEMPORAL_UI = system_actor("temporal-ui")
"""Somebody with Temporal's own tools, who gave no name."""
RESTOCK = system_actor("restock")
RESTOCK_POLICY = system_actor("restock-policy")
"""Whoever set RESTOCK_MODE to automatic has agreed in advance to what RESTOCK asks for: four eyes are two actors."""
