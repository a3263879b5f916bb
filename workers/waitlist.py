"""Wakes who waits for stock: whenever there is some again, the first in line whose wish fits is offered a hold.

Looks for itself a few times a second, so that whatever frees stock (a release, an expiry, a receipt, a return) needs to
know nothing of it. Several may run: a line is served by one at a time. Needs only Postgres to make an offer; its
workflow is started afterwards, and one that could not be is started by the Reconcile schedule or the first decision.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from db import waitlist, waitlist_offers
from db.engine import Database, WriteSession
from db.waitlist_offers import Offer
from domain.contracts.reservations import HoldRequest
from domain.errors import HoldfastError, Unavailable
from runtime.failpoints import failpoint
from runtime.logs import get_logger
from runtime.metrics import WAITLIST_DELAY, WAITLIST_ENTRIES
from workers.resting import rest

POLL_SECONDS = 0.2
IDLE_SECONDS_MAX = 1.0
REST_GROWTH = 1.5
"""While anybody waits it looks five times a second; when nobody does, ever more rarely, down to once a second."""

SKUS_PER_LOOK = 500
EXPIRED_PER_LOOK = 500

_log = get_logger(__name__)


class Reservations(Protocol):
    """What is needed of the reservations' workflows; workers/bridge_temporal.py implements it."""

    async def start(self, request: HoldRequest) -> None:
        """Start the workflow of a reservation that has its row; one that runs is left as it is. Raises Unavailable."""


class Waker:
    """A loop over the lines of all SKUs that are waited for."""

    def __init__(self, database: Database, reservations: Reservations) -> None:
        self._database = database
        self._reservations = reservations
        self._starting: set[asyncio.Task[None]] = set()
        self._rest_seconds = POLL_SECONDS

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set, and finish what was started; a database that does not answer is waited for."""
        while not stop.is_set():
            somebody_waits = True
            try:
                somebody_waits = await self.look(stop)
            except Unavailable as error:
                _log.warning("waitlist_waits", error=repr(error))
            await self._rest(stop, somebody_waits)
        await asyncio.gather(*self._starting)

    async def look(self, stop: asyncio.Event) -> bool:
        """End what has waited too long, serve every line that can be; whether anybody waits. Raises Unavailable."""
        await self._expire()
        somebody_waits, after = False, ""
        while not stop.is_set():
            wanted = await self._wanted_behind(after)
            somebody_waits |= bool(wanted)
            for one in wanted:
                if one.is_there:
                    await self._serve(one.sku, stop)
            if len(wanted) < SKUS_PER_LOOK:
                break
            after = wanted[-1].sku
        return somebody_waits

    async def _wanted_behind(self, sku: str) -> list[waitlist_offers.WantedSku]:
        return await self._database.reading(
            lambda session: waitlist_offers.wanted_skus(session, after=sku, most=SKUS_PER_LOOK)
        )

    async def _serve(self, sku: str, stop: asyncio.Event) -> None:
        while not stop.is_set():
            offer = await waitlist_offers.offer_next(self._database, sku)
            if offer is None:
                break
            failpoint("after_waitlist_offer")
            WAITLIST_ENTRIES.labels(outcome="offered").inc()
            WAITLIST_DELAY.observe(max(0.0, offer.delay_seconds))
            self._start_soon(offer)

    def _start_soon(self, offer: Offer) -> None:
        """Beside the next offers: while Temporal is away, nobody in line has to wait for it."""
        task = asyncio.create_task(self._start(offer))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _start(self, offer: Offer) -> None:
        try:
            await self._reservations.start(offer.request)
        except HoldfastError as error:
            _log.warning("waitlist_start_failed", entry_id=str(offer.entry.entry_id), error=repr(error))

    async def _expire(self) -> None:
        expired = EXPIRED_PER_LOOK
        while expired == EXPIRED_PER_LOOK:
            expired = await self._database.calling(_expire_batch)
            WAITLIST_ENTRIES.labels(outcome="expired").inc(expired)

    async def _rest(self, stop: asyncio.Event, somebody_waits: bool) -> None:
        self._rest_seconds = POLL_SECONDS if somebody_waits else min(self._rest_seconds * REST_GROWTH, IDLE_SECONDS_MAX)
        await rest(stop, self._rest_seconds)


async def _expire_batch(session: WriteSession) -> int:
    return await waitlist.expire(session, batch_rows=EXPIRED_PER_LOOK)
