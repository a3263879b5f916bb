"""One event from the moment it is read until its row says delivered, waiting or dead.

Received, delivered, marked, in that order, each step repeatable; whoever dies in between leaves a row that is taken up
again. What does not answer is waited for: no outage of ours makes an event dead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from enum import Enum, auto
from typing import TypeVar

from db import inbox
from db.engine import Database, WriteSession, schema_is_wrong
from domain.contracts.events import Arrival
from domain.errors import HoldfastError, Unavailable
from domain.events import Consumed, TooEarly
from runtime.failpoints import failpoint
from runtime.kafka import ConsumerRecord
from runtime.logs import get_logger
from runtime.metrics import BRIDGE_EVENTS, BRIDGE_LAG
from runtime.settings import Settings
from runtime.tracing import continue_trace, current_traceparent
from workers.bridge_dead_letters import DeadLetters
from workers.bridge_delivering import Deliverer, Delivery, Impossible
from workers.bridge_parsing import Malformed, record_identity

T = TypeVar("T")

RETRY_FIRST_SECONDS = 0.05
RETRY_SECONDS_MAX = 5.0
"""A waiting event is looked at again after this long, twice as long each time; so is what did not answer."""

UNFINISHED_SECONDS = 30.0
"""An event that its bridge has not finished by then may be taken up by any."""

FAILURES_MAX = 3
"""How often an event may meet an error that nobody expected before it is dead. A schema that lacks what we need is no
such error: it would make every event dead, so it ends the process instead."""

_log = get_logger(__name__)


class Outcome(Enum):
    """What has become of an event in our hands."""

    DELIVERED = auto()
    WAITING = auto()
    DEAD = auto()


class Handler:
    """Handles events, one at a time within an order; `parked` is told in how many seconds a waiting one is due."""

    def __init__(
        self,
        database: Database,
        deliverer: Deliverer,
        dead_letters: DeadLetters,
        settings: Settings,
        parked: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._database = database
        self._deliverer = deliverer
        self._dead_letters = dead_letters
        self._settings = settings
        self._parked = parked

    async def bury(self, record: ConsumerRecord, malformed: Malformed) -> None:
        """A record that is no event: onto the dead-letter topic, and noted."""
        _log.warning("event_malformed", topic=record.topic, offset=record.offset, reason=malformed.reason)
        await self._dead_letters.send_record(record, malformed.reason, malformed.detail)
        await insist(
            lambda: self._database.calling(
                lambda session: inbox.bury(
                    session,
                    topic=record.topic,
                    partition=record.partition,
                    offset=record.offset,
                    event_id=record_identity(record),
                    reason=f"{malformed.reason}: {malformed.detail}",
                )
            )
        )
        BRIDGE_EVENTS.labels(type="unknown", outcome="dead").inc()

    async def handle(self, arrival: Arrival) -> None:
        """An event that was just read from Kafka."""
        try:
            reception = await insist(lambda: self._database.calling(lambda session: self._receive(session, arrival)))
        except inbox.Unstorable as error:
            _log.warning("event_unstorable", type=arrival.type, event_id=arrival.event_id, error=str(error))
            await self._dead_letters.send_event(arrival, "unstorable", str(error))
            self._count(arrival, "dead")
            return
        failpoint("after_inbox_row")
        if reception.status in {inbox.InboxStatus.DELIVERED, inbox.InboxStatus.DEAD}:
            BRIDGE_EVENTS.labels(type=arrival.type, outcome="duplicate").inc()
        elif reception.others_wait:
            await self.settle_order(arrival.body["orderId"])
        else:
            await self._settle_and_follow(arrival)

    async def retry(self, arrival: Arrival) -> None:
        """An event that waits, or that another bridge has left unfinished."""
        if arrival.order_id is not None:
            await self.settle_order(arrival.order_id)
        elif await insist(lambda: self._database.reading(lambda session: inbox.is_open(session, arrival))):
            await self._settle(arrival)

    async def settle_order(self, order_id: str) -> None:
        """Deliver the order's open events, its creation first, the rest as received; stop at one that must wait."""
        arrivals = await insist(lambda: self._database.reading(lambda session: inbox.open_of_order(session, order_id)))
        arrivals.sort(key=lambda arrival: arrival.type is not Consumed.ORDER_CREATED)
        for position, arrival in enumerate(arrivals):
            outcome, _ = await self._settle(arrival)
            if outcome is Outcome.WAITING:
                for later in arrivals[position + 1 :]:
                    await self._park(later, "an earlier event of the order waits")
                break

    async def _settle_and_follow(self, arrival: Arrival) -> None:
        _, others_wait = await self._settle(arrival)
        if others_wait and arrival.order_id is not None:
            await self.settle_order(arrival.order_id)

    async def _settle(self, arrival: Arrival) -> tuple[Outcome, bool]:
        """Deliver one event and mark it; the outcome, and whether other events of its order wait."""
        try:
            others_wait = await self._delivered(arrival)
        except TooEarly as early:
            return await self._park(arrival, str(early)), False
        except Impossible as impossible:
            return await self._die(arrival, impossible.reason, str(impossible)), False
        self._count(arrival, "delivered")
        BRIDGE_LAG.observe(max(0.0, (datetime.now(UTC) - arrival.occurred_at).total_seconds()))
        return Outcome.DELIVERED, others_wait

    async def _delivered(self, arrival: Arrival) -> bool:
        for _failure in range(FAILURES_MAX):
            try:
                with continue_trace(arrival.traceparent, f"process {arrival.type}"):
                    return await insist(lambda: self._deliver_and_mark(arrival))
            except HoldfastError as error:
                raise Impossible(error.code, error.detail) from error
            except (TooEarly, Impossible):
                raise
            except Exception as error:
                if schema_is_wrong(error):
                    raise
                _log.exception("event_failed", type=arrival.type, event_id=arrival.event_id)
        raise Impossible("processing_failed", "an unexpected error, see the log of the bridge")

    async def _deliver_and_mark(self, arrival: Arrival) -> bool:
        delivery = await self._deliverer.deliver(arrival, current_traceparent() or arrival.traceparent)
        failpoint("after_delivery")
        if not delivery.writes:
            return await self._database.calling(lambda session: inbox.mark_delivered(session, arrival, delivery.note))
        written = await self._database.writing(
            lambda session: _write_and_mark(session, arrival, delivery), idempotent=True
        )
        if isinstance(written, TooEarly):
            raise written
        return written

    async def _receive(self, session: WriteSession, arrival: Arrival) -> inbox.Reception:
        wait_seconds = self._settings.event_wait_seconds
        if arrival.type is Consumed.PRODUCT_DELETED:
            wait_seconds += self._settings.reservation_hold_seconds  # the usual hold is over by then
        return await inbox.receive(session, arrival, wait_seconds=wait_seconds, retry_seconds=UNFINISHED_SECONDS)

    async def _park(self, arrival: Arrival, reason: str) -> Outcome:
        parked = await insist(
            lambda: self._database.calling(
                lambda session: inbox.park(
                    session,
                    arrival,
                    reason,
                    retry_first_seconds=RETRY_FIRST_SECONDS,
                    retry_seconds_max=RETRY_SECONDS_MAX,
                )
            )
        )
        if parked is None:
            return Outcome.DELIVERED
        if parked.is_overdue:
            return await self._die(arrival, "waited_too_long", reason)
        if parked.attempts == 1:
            self._count(arrival, "waiting")
        self._parked(min(RETRY_SECONDS_MAX, RETRY_FIRST_SECONDS * 2 ** min(parked.attempts - 1, 20)))
        return Outcome.WAITING

    async def _die(self, arrival: Arrival, reason: str, detail: str) -> Outcome:
        _log.warning("event_dead", type=arrival.type, event_id=arrival.event_id, reason=reason, detail=detail)
        await self._dead_letters.send_event(arrival, reason, detail)
        await insist(
            lambda: self._database.calling(lambda session: inbox.mark_dead(session, arrival, f"{reason}: {detail}"))
        )
        self._count(arrival, "dead")
        return Outcome.DEAD

    def _count(self, arrival: Arrival, outcome: str) -> None:
        BRIDGE_EVENTS.labels(type=arrival.type, outcome=outcome).inc()


async def insist(work: Callable[[], Awaitable[T]]) -> T:
    """Do `work`, again for as long as something it needs does not answer."""
    pause_seconds = RETRY_FIRST_SECONDS
    while True:
        try:
            return await work()
        except Unavailable as error:
            _log.warning("bridge_waits", error=error.detail, cause=repr(error.__cause__))
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, RETRY_SECONDS_MAX)


async def _write_and_mark(session: WriteSession, arrival: Arrival, delivery: Delivery) -> bool | TooEarly:
    """Answers, not raises, that it is too early for the mark: what was written by then is to be committed."""
    for write in delivery.writes:
        early = await write(session)
        if early is not None:
            return early
    return await inbox.mark_delivered(session, arrival, delivery.note)
