"""The bridge: events of other services become reservations, commits, cancels and stock rows.

Puts its parts together and starts another consumer whenever one gives up. Lanes and the waiting room outlive the
consumer, so that what is in hand keeps its order.
"""

from __future__ import annotations

import asyncio

from db.engine import Database
from domain.errors import Unavailable
from runtime.kafka import KafkaError
from runtime.logs import get_logger
from runtime.settings import Settings
from workers.bridge_consuming import Consumption
from workers.bridge_dead_letters import DeadLetters
from workers.bridge_delivering import Deliverer
from workers.bridge_handling import Handler
from workers.bridge_port import ReservationWorkflows
from workers.bridge_waiting import WaitingRoom
from workers.bridge_watchdog import Stuck
from workers.lanes import Lanes

JOBS_AT_ONCE = 32
RESTART_SECONDS = 0.5
SILENCE_SECONDS_MAX = 30.0

_log = get_logger(__name__)


class Bridge:
    """One bridge. Several may run: Kafka shares the partitions among them."""

    def __init__(self, settings: Settings, database: Database, workflows: ReservationWorkflows) -> None:
        self._settings = settings
        self._lanes = Lanes(jobs_at_once=JOBS_AT_ONCE)
        self._dead_letters = DeadLetters(settings)
        self._waiting_room = WaitingRoom(database, self._lanes)
        deliverer = Deliverer(database, workflows, settings)
        self._handler = Handler(database, deliverer, self._dead_letters, settings, parked=self._waiting_room.expect)
        self._consumption: Consumption | None = None

    async def check(self) -> None:
        """For the readiness probe. Raises Unavailable while nothing is consumed."""
        if self._consumption is None or self._consumption.silence_seconds > SILENCE_SECONDS_MAX:
            raise Unavailable("no connection to Kafka")

    async def run(self, stop: asyncio.Event) -> None:
        """Bridge until `stop` is set, whatever becomes of Postgres, Temporal and the broker meanwhile."""
        waiting = asyncio.create_task(self._waiting_room.run(self._handler))
        consuming = asyncio.create_task(self._consume(stop))
        try:
            done, _ = await asyncio.wait({waiting, consuming}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (waiting, consuming):
                task.cancel()
            await asyncio.gather(waiting, consuming, return_exceptions=True)
            await self._lanes.close()
            await self._dead_letters.close()

    async def _consume(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            consumption = Consumption(self._settings, self._lanes, self._handler)
            self._consumption = consumption
            try:
                await consumption.run(stop)
            except (Stuck, KafkaError, OSError) as error:
                _log.warning("consumer_given_up", error=repr(error))
                self._consumption = None
                await asyncio.sleep(RESTART_SECONDS)
