"""Events that wait for another one, and events that a bridge has left unfinished: taken up again when they are due.

The rows are in Postgres, so any bridge may take them up after a restart; a lease keeps two from doing so at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from functools import partial

from db import inbox
from db.engine import Database
from domain.errors import Unavailable
from runtime.logs import get_logger
from runtime.metrics import BRIDGE_WAITING
from workers.bridge_handling import Handler
from workers.lanes import Lanes

LOOK_SECONDS_MAX = 1.0
LEASE_SECONDS = 10.0
BATCH_ROWS = 200

_log = get_logger(__name__)


class WaitingRoom:
    """Looks for due events every second, and sooner when one was parked here for less."""

    def __init__(self, database: Database, lanes: Lanes) -> None:
        self._database = database
        self._lanes = lanes
        self._due: list[float] = []
        self._sooner = asyncio.Event()

    def expect(self, seconds: float) -> None:
        """An event is due in `seconds`."""
        heapq.heappush(self._due, asyncio.get_running_loop().time() + seconds)
        self._sooner.set()

    async def run(self, handler: Handler) -> None:
        """Hand due events to their lanes, until cancelled."""
        while True:
            try:
                await self._take_up(handler)
                BRIDGE_WAITING.set(await self._database.reading(inbox.waiting_count))
            except Unavailable as error:
                _log.warning("waiting_room_waits", error=repr(error))
            await self._pause()

    async def _take_up(self, handler: Handler) -> None:
        due = await self._database.calling(
            lambda session: inbox.claim_due(session, lease_seconds=LEASE_SECONDS, batch_rows=BATCH_ROWS)
        )
        lanes = {arrival.lane: arrival for arrival in due}  # one look at an order sees all of its events
        for lane, arrival in lanes.items():
            if lane not in self._lanes:  # whoever is in it looks at what waits behind him, or is stuck himself
                self._lanes.submit(lane, partial(handler.retry, arrival))

    async def _pause(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + LOOK_SECONDS_MAX
        while (now := loop.time()) < (wake_at := min([until, *self._due[:1]])):
            self._sooner.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wake_at - now):
                    await self._sooner.wait()
        while self._due and self._due[0] <= now:
            heapq.heappop(self._due)
