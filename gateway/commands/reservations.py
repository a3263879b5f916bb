"""What a checkout can do with a reservation, whatever protocol it speaks: reserve, commit, cancel, extend.

The workflow is asked, the row answers. Everything raised here is one of domain/errors.py, and an outcome that could
not be learned in time is said to be unknown, never guessed.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from temporalio.client import Client

from db import reservations
from db.engine import Database
from domain.allocation_terms import Strategy, check_destination
from domain.contracts.names import CANCEL, COMMIT, EXTEND
from domain.contracts.reservations import DecisionRequest, HoldIdentity, HoldRequest, SettleOutcome
from domain.destinations import Destination
from domain.errors import ExtensionLimit, ReservationSettled
from domain.fields import FieldProblems
from domain.reservations import Item, ReleaseReason, Reservation, ReservationStatus, fingerprint
from gateway.admission import Admission
from gateway.auth import Caller
from gateway.commands.deciding import Deciding
from gateway.commands.holding import Holding, Reserved
from runtime.rendezvous import Rendezvous
from runtime.settings import Settings
from runtime.shared_work import SharedWork

__all__ = ["ReservationCommands", "ReserveCommand", "Reserved"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveCommand:
    """A wish for stock. Quantities in pieces; at most 200 items; the same SKU twice is summed.

    `strategy` chooses among warehouses, all of them or those of one `region`; without `allow_split` one SKU comes from
    one warehouse.
    """

    order_id: str
    items: Sequence[Item]
    reservation_id: UUID | None = None
    hold_seconds: int | None = None
    region: str | None = None
    allow_split: bool = True
    strategy: Strategy = Strategy.BALANCED
    destination: Destination | None = None


class ReservationCommands:
    """The commands on reservations."""

    def __init__(
        self,
        *,
        database: Database,
        temporal: Client,
        rendezvous: Rendezvous[Reservation],
        holds: SharedWork[HoldIdentity, Reservation],
        admission: Admission,
        settings: Settings,
    ) -> None:
        self._database = database
        self._holding = Holding(
            database=database, temporal=temporal, rendezvous=rendezvous, holds=holds, admission=admission
        )
        self._deciding = Deciding(
            database=database, temporal=temporal, deadline_seconds=settings.request_timeout_seconds
        )
        self._admission = admission
        self._settings = settings

    async def reserve(self, command: ReserveCommand, caller: Caller, *, deadline_seconds: float) -> Reserved:
        """Hold stock for an order. `deadline_seconds` bounds the wait, not the hold.

        Raises Unprocessable, UnknownItem, InsufficientStock (every short SKU), ReservationMismatch, Saturated,
        Unavailable, or OutcomeUnknown naming the reservationId by which the outcome can be found out.
        """
        problems = FieldProblems()
        check_destination(problems, "/destination", command.strategy, command.destination, region=command.region)
        problems.refuse()
        return await self._holding.hold(self._hold_request(command, caller), deadline_seconds=deadline_seconds)

    async def commit(self, reservation_id: UUID, caller: Caller, *, decision_id: UUID | None = None) -> Reservation:
        """Turn the hold into a sale. Raises NotFound, ReservationSettled naming the winner, OutcomeUnknown."""
        asked = _decision(caller, decision_id)
        with self._admission.settling():
            outcome = await self._deciding.decide(reservation_id, COMMIT, asked)
        return await self._settled(reservation_id, outcome, ReservationStatus.COMMITTED)

    async def cancel(
        self,
        reservation_id: UUID,
        caller: Caller,
        *,
        reason: ReleaseReason = ReleaseReason.CANCELLED,
        decision_id: UUID | None = None,
    ) -> Reservation:
        """Let the stock go; an order that is cancelled after its sale brings the stock back, once.

        Raises NotFound, ReservationSettled naming the winner, OutcomeUnknown.
        """
        asked = replace(_decision(caller, decision_id), reason=reason.value)
        with self._admission.settling():
            outcome = await self._deciding.decide(reservation_id, CANCEL, asked)
        if reason is ReleaseReason.ORDER_CANCELLED and outcome.status is ReservationStatus.COMMITTED:
            await self._deciding.bring_back(reservation_id, asked)
            return await self._settled(reservation_id, outcome, ReservationStatus.COMMITTED)
        return await self._settled(reservation_id, outcome, ReservationStatus.CANCELLED)

    async def extend(
        self, reservation_id: UUID, caller: Caller, *, hold_seconds: int, decision_id: UUID | None = None
    ) -> Reservation:
        """Move the deadline to `hold_seconds` from now, never back, never past the longest life of a hold.

        Raises NotFound, ReservationSettled for a dead hold, ExtensionLimit, OutcomeUnknown.
        """
        asked = replace(_decision(caller, decision_id), hold_seconds=hold_seconds)
        outcome = await self._deciding.decide(reservation_id, EXTEND, asked)
        if outcome.refused:
            raise ExtensionLimit(
                f"at most {self._settings.reservation_extends_max} extensions and "
                f"{self._settings.reservation_hold_seconds_max} seconds in all",
                extra={"reservationId": str(reservation_id)},
            )
        return await self._settled(reservation_id, outcome, ReservationStatus.PENDING)

    def _hold_request(self, command: ReserveCommand, caller: Caller) -> HoldRequest:
        return HoldRequest(
            reservation_id=command.reservation_id or uuid.uuid4(),
            order_id=command.order_id,
            items=list(command.items),
            fingerprint=fingerprint(
                command.order_id,
                command.items,
                command.hold_seconds,
                region=command.region,
                allow_split=command.allow_split,
                strategy=command.strategy,
                destination=command.destination,
            ),
            actor_id=caller.actor.actor_id,
            actor_name=caller.actor.name,
            hold_seconds=command.hold_seconds or self._settings.reservation_hold_seconds,
            region=command.region,
            allow_split=command.allow_split,
            strategy=command.strategy,
            destination=command.destination,
            source=caller.source,
            request_id=caller.request_id,
            traceparent=caller.traceparent,
        )

    async def _settled(self, reservation_id: UUID, outcome: SettleOutcome, wanted: ReservationStatus) -> Reservation:
        if outcome.status is not wanted:
            raise ReservationSettled(outcome.status, reservation_id=str(reservation_id))
        row = await self._row(reservation_id)
        assert row is not None, "a settled reservation has a row"
        return row

    async def _row(self, reservation_id: UUID) -> Reservation | None:
        return await self._database.reading(lambda session: reservations.get(session, reservation_id))


def _decision(caller: Caller, decision_id: UUID | None) -> DecisionRequest:
    return DecisionRequest(
        decision_id=str(decision_id or uuid.uuid4()),
        actor_id=caller.actor.actor_id,
        actor_name=caller.actor.name,
        source=caller.source,
        request_id=caller.request_id,
        traceparent=caller.traceparent,
    )
