"""The outbox into Kafka: claim what is unsent, send it in order per key, mark it sent, again.

Everything is at least once: what was sent and not marked is sent again with the same event ids. Decides no content.
On their way the levels that events tell go into the availability view, whoever made the change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from db import outbox
from db.availability_view import AvailabilityView
from db.engine import Database, WriteSession
from domain.errors import Unavailable
from runtime.failpoints import failpoint
from runtime.kafka import KafkaError
from runtime.logs import get_logger
from runtime.metrics import OUTBOX_OLDEST
from runtime.settings import Settings
from workers.relay_lease import Lease
from workers.relay_sending import Sender
from workers.resting import rest

ROWS_PER_BUCKET = 100
"""Of each bucket in one round: enough to keep up, small enough that a quiet key never waits long."""

BUSY_SECONDS = 0.010
"""Half of it brought news 2.5 ms sooner on average, and cost 3 of the 58 ms of processor time of a sale at 15/s."""
IDLE_SECONDS_MAX = 0.020
REST_GROWTH = 1.1
"""After work the relay looks again soon, then ever more rarely: after a tenth of a second at the idle pause."""

TROUBLE_SECONDS = 0.5
UPKEEP_SECONDS = 1.0
KEPT_SECONDS = 3600.0
"""Sent events stay for an hour: long enough for the invariants to find one event for each recent change."""

TRIM_ROWS = 1000

_log = get_logger(__name__)


class Relay:
    """One relay. Several may run, in one process or many."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        *,
        owner: str | None = None,
        view: AvailabilityView | None = None,
    ) -> None:
        self._database = database
        self._view = view
        self._lease = Lease(database, owner=owner)
        self._sender = Sender(settings)
        self._woken = asyncio.Event()
        self._rest_seconds = BUSY_SECONDS
        self._unmarked: list[int] = []
        self._connected = False

    def wake(self) -> None:
        """Look for news now: whoever writes events in this process may say so."""
        self._woken.set()

    async def check(self) -> None:
        """For the readiness probe. Raises Unavailable while Kafka does not take our events."""
        if not self._connected:
            raise Unavailable("no connection to Kafka")

    async def run(self, stop: asyncio.Event) -> None:
        """Relay until `stop` is set, whatever becomes of Postgres and the broker meanwhile."""
        upkeep = asyncio.create_task(self._keep_up())
        try:
            while not stop.is_set():
                await self._rest(await self._attempt(self._round))
        finally:
            upkeep.cancel()
            await asyncio.gather(upkeep, return_exceptions=True)
            await self._attempt(self._close)

    async def _attempt(self, work: Callable[[], Awaitable[bool]]) -> bool:
        """Do `work`; a database or broker that does not answer is waited for. Answers whether anything moved."""
        try:
            return await work()
        except (Unavailable, KafkaError, OSError) as error:
            _log.warning("relay_waits", error=repr(error))
            await asyncio.sleep(TROUBLE_SECONDS)
            return False

    async def _round(self) -> bool:
        if not self._connected:
            await self._sender.connect()
            self._connected = True
        await self._mark()
        await self._lease.renew_when_due()
        events = await self._database.calling(
            lambda session: outbox.unsent(session, self._lease.buckets, rows_per_bucket=ROWS_PER_BUCKET)
        )
        if not events:
            return False
        if self._view is not None:
            await self._view.store_events(events)
        self._unmarked, complete = await self._sender.send(events, self._lease.is_valid)
        failpoint("after_relay_send")
        self._connected = complete or not self._lease.is_valid()
        await self._mark()
        if not self._connected:
            raise Unavailable("Kafka did not take all events")
        return complete

    async def _mark(self) -> None:
        if self._unmarked:
            await self._database.calling(lambda session: outbox.mark_sent(session, self._unmarked))
            self._unmarked = []

    async def _rest(self, moved: bool) -> None:
        self._rest_seconds = BUSY_SECONDS if moved else min(self._rest_seconds * REST_GROWTH, IDLE_SECONDS_MAX)
        await rest(self._woken, self._rest_seconds)
        self._woken.clear()

    async def _close(self) -> bool:
        await self._sender.close()
        await self._mark()
        await self._lease.give_back()
        return True

    async def _keep_up(self) -> None:
        """Measure the age of what waits, and delete what was sent long ago."""
        while True:
            trimmed = 0
            try:
                OUTBOX_OLDEST.set(await self._database.reading(outbox.oldest_unsent_seconds))
                trimmed = await self._database.calling(_trim)
            except Unavailable as error:
                _log.warning("relay_upkeep_waits", error=repr(error))
            await asyncio.sleep(BUSY_SECONDS if trimmed == TRIM_ROWS else UPKEEP_SECONDS)


async def _trim(session: WriteSession) -> int:
    return await outbox.trim(session, kept_seconds=KEPT_SECONDS, batch_rows=TRIM_ROWS)
