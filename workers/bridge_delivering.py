"""What an event does: the workflow it starts or tells, or the writes that go into the same commit as its mark.

Everything may be repeated, since an event counts as delivered only when its mark is committed. Marks nothing itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from db import allocation, holding, inbox, outbox, products, reservations, waitlist
from db.engine import Database, WriteSession
from domain.allocation import Plan
from domain.contracts.events import Arrival, order_created, product_created, product_deleted
from domain.contracts.reservations import Decision, DecisionRequest, HoldRequest, SettleRequest, Source, adoption
from domain.errors import Unavailable
from domain.events import Consumed, Effect, Step, TooEarly, steps_for
from domain.ids import BRIDGE, reservation_id_for_event
from domain.reservations import ReleaseReason, Reservation, ReservationStatus, fingerprint
from runtime.metrics import RESERVATIONS
from runtime.settings import Settings
from workers.bridge_port import ReservationWorkflows

LOOKS_MAX = 5
"""A workflow may end between our look at its row and our signal; each time the row is looked at again."""

Write = Callable[[WriteSession], Awaitable[TooEarly | None]]
"""One that answers TooEarly has done what it could: that is committed, and the event waits for the rest."""

_RELEASE_REASONS = {
    Consumed.PAYMENT_FAILED: ReleaseReason.PAYMENT_FAILED,
    Consumed.ORDER_CANCELLED: ReleaseReason.ORDER_CANCELLED,
}


class Impossible(Exception):
    """The event can never work. `reason` is a stable code, the message is for people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Delivery:
    """What remains: writes for the commit that marks the event delivered, and the note on the mark."""

    writes: tuple[Write, ...] = ()
    note: str = ""


class Deliverer:
    """Deliver events. All it does raises Unavailable, TooEarly or Impossible."""

    def __init__(self, database: Database, workflows: ReservationWorkflows, settings: Settings) -> None:
        self._database = database
        self._workflows = workflows
        self._settings = settings

    async def deliver(self, arrival: Arrival, traceparent: str | None) -> Delivery:
        """Do what the event asks for, given what there is now."""
        if arrival.type is Consumed.PRODUCT_CREATED:
            return Delivery((lambda session: _create_product(session, arrival),))
        if arrival.type is Consumed.PRODUCT_DELETED:
            return Delivery((lambda session: _delete_product(session, arrival, traceparent),))
        return await self._tell_order(arrival, traceparent)

    async def _tell_order(self, arrival: Arrival, traceparent: str | None) -> Delivery:
        own_id = reservation_id_for_event(arrival.source, arrival.event_id)
        order_id = arrival.body["orderId"]
        never_was: set[UUID] = set()
        has_waited = arrival.type is Consumed.ORDER_CANCELLED and await self._leave_waitlist(order_id, traceparent)
        for _look in range(LOOKS_MAX):
            known = await self._database.reading(lambda session: inbox.reservations_of_order(session, order_id))
            known = [it for it in known if it.reservation_id not in never_was]
            if has_waited and not known:
                return Delivery(note="waited only")
            steps = steps_for(arrival.type, known, own_id=own_id)
            if arrival.type is Consumed.ORDER_CREATED:
                return await self._hold(arrival, own_id, traceparent) if steps else Delivery(note="attached")
            if await self._tell_open(arrival, steps, never_was, traceparent):
                return Delivery(tuple(_write(arrival, step, traceparent) for step in steps if step.effect in _WRITTEN))
        raise Unavailable("the order's reservations keep changing")

    async def _leave_waitlist(self, order_id: str, traceparent: str | None) -> bool:
        """Take a cancelled order out of every line, before its reservations are looked at: an offer that was faster is
        one of them. Answers whether it ever waited."""
        entries = await self._database.reading(lambda session: waitlist.of_order(session, order_id))
        waiting = [entry.entry_id for entry in entries if entry.is_waiting]
        if waiting:
            await self._database.calling(lambda session: waitlist.withdraw(session, waiting, traceparent))
        return bool(entries)

    async def _hold(self, arrival: Arrival, reservation_id: UUID, traceparent: str | None) -> Delivery:
        request = self._hold_request(arrival, reservation_id, traceparent)
        short = await self._clearly_short(request)
        if short is None:
            await self._workflows.start(request)
            return Delivery(note=inbox.STARTED)

        async def reject(session: WriteSession) -> None:
            await holding.reject(session, request, short)
            RESERVATIONS.labels(outcome="rejected", source=Source.KAFKA).inc()

        return Delivery((reject,), note="rejected")

    async def _clearly_short(self, request: HoldRequest) -> Plan | None:
        """A plan that is short even if every overdue hold were free; an item that nobody knows is short too."""
        found = await self._database.reading(
            lambda session: allocation.candidates(session, request.items, request.destination)
        )
        if not allocation.planned(request, found).shortages:
            return None
        hopeful = await self._database.reading(lambda session: allocation.planned_with_overdue(session, request, found))
        return hopeful if hopeful.shortages else None

    def _hold_request(self, arrival: Arrival, reservation_id: UUID, traceparent: str | None) -> HoldRequest:
        created = order_created(arrival.body)
        return HoldRequest(
            reservation_id=reservation_id,
            order_id=created.order_id,
            items=list(created.items),
            fingerprint=fingerprint(
                created.order_id,
                created.items,
                created.hold_seconds,
                region=created.region,
                allow_split=created.allow_split,
                strategy=created.strategy,
                destination=created.destination,
            ),
            actor_id=BRIDGE.actor_id,
            actor_name=BRIDGE.name,
            hold_seconds=created.hold_seconds or self._settings.reservation_hold_seconds,
            region=created.region,
            allow_split=created.allow_split,
            strategy=created.strategy,
            destination=created.destination,
            source=Source.KAFKA,
            request_id=arrival.event_id,
            traceparent=traceparent,
        )

    async def _tell_open(
        self, arrival: Arrival, steps: Sequence[Step], never_was: set[UUID], traceparent: str | None
    ) -> bool:
        """Hand the decision to every open reservation; False when one turned out not to be open."""
        told = True
        for step in steps:
            if step.effect in _SIGNALLED:
                told &= await self._tell(arrival, step, never_was, traceparent)
        return told

    async def _tell(self, arrival: Arrival, step: Step, never_was: set[UUID], traceparent: str | None) -> bool:
        decision, request = _SIGNALLED[step.effect], _decision(arrival, step, traceparent)
        if await self._workflows.decide(step.reservation_id, decision, request):
            return True
        row = await self._database.reading(lambda session: reservations.get(session, step.reservation_id))
        if row is None:
            never_was.add(step.reservation_id)
            return False
        if row.status.is_terminal:
            return False
        await self._workflows.adopt(adoption(row), decision, request)
        return True


_SIGNALLED = {Effect.COMMIT: Decision.COMMIT, Effect.CANCEL: Decision.CANCEL}


def _decision(arrival: Arrival, step: Step, traceparent: str | None) -> DecisionRequest:
    reason = _RELEASE_REASONS.get(arrival.type)
    return DecisionRequest(
        decision_id=_decision_id(arrival, step),
        actor_id=BRIDGE.actor_id,
        actor_name=BRIDGE.name,
        reason=reason.value if reason else "",
        source=Source.KAFKA,
        request_id=arrival.event_id,
        traceparent=traceparent,
    )


def _decision_id(arrival: Arrival, step: Step) -> str:
    """The same event about the same reservation is the same decision."""
    return f"{arrival.source}/{arrival.event_id}/{step.reservation_id}"


def _write(arrival: Arrival, step: Step, traceparent: str | None) -> Write:
    return lambda session: _WRITTEN[step.effect](session, arrival, step, traceparent)


async def _return(session: WriteSession, arrival: Arrival, step: Step, traceparent: str | None) -> None:
    request = SettleRequest(
        reservation_id=step.reservation_id,
        decision=Decision.CANCEL,
        actor_id=BRIDGE.actor_id,
        actor_name=BRIDGE.name,
        reason=ReleaseReason.ORDER_CANCELLED.value,
        decision_id=_decision_id(arrival, step),
        source=Source.KAFKA,
        traceparent=traceparent,
    )
    outcome = await reservations.return_sold(session, request)
    if outcome and outcome.returned:
        RESERVATIONS.labels(outcome="returned", source=Source.KAFKA).inc()


async def _refuse(session: WriteSession, arrival: Arrival, step: Step, traceparent: str | None) -> None:
    row = await reservations.get(session, step.reservation_id)
    assert row is not None, "a reservation that is refused has a row"
    await outbox.add_commit_refused(session, row, _refusal(row), _decision_id(arrival, step), traceparent)


def _refusal(row: Reservation) -> str:
    """What the reservation is instead of committed."""
    return "returned" if row.status is ReservationStatus.COMMITTED else row.status.value.lower()


_WRITTEN = {Effect.RETURN: _return, Effect.REFUSE: _refuse}


async def _create_product(session: WriteSession, arrival: Arrival) -> None:
    if await products.add_rows(session, product_created(arrival.body)) is None:
        raise Impossible("unknown_warehouse", "none of the named warehouses is known here")


async def _delete_product(session: WriteSession, arrival: Arrival, traceparent: str | None) -> TooEarly | None:
    outcome = await products.retire_rows(session, product_deleted(arrival.body), BRIDGE, traceparent)
    if outcome is products.Retirement.NEVER_SEEN:
        return TooEarly("the product is not known here yet")
    if outcome is products.Retirement.STILL_RESERVED:
        return TooEarly("stock of the product is reserved")
    return None
