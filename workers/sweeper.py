"""The second hand of expiry: releases what is overdue even while Temporal is down or behind. Needs only Postgres.

The workflow's own timer is the first hand and normally wins; the grace leaves it the time to. Several sweepers may
run: each takes reservations that nobody else is settling.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from db.engine import Database, WriteSession
from db.reservations import Expired, expire_overdue
from domain.errors import Unavailable
from runtime.logs import get_logger
from runtime.metrics import EXPIRY_LAG, RESERVATIONS, SWEEPS, SWEPT_RESERVATIONS
from workers.resting import rest

INTERVAL_SECONDS = 1.0
BATCH_ROWS = 500
REST_PER_WORK = 1.0
"""After a full batch, as long as it took: a herd's rows and news would leave customers nothing of two cores."""

_log = get_logger(__name__)


class Sweeper:
    """A loop over everything overdue by more than the grace. `swept` is called after each batch: there is news."""

    def __init__(self, database: Database, *, grace_seconds: float, swept: Callable[[], None] = lambda: None) -> None:
        self._database = database
        self._grace_seconds = grace_seconds
        self._swept = swept

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep every second until `stop` is set; a database that does not answer is waited for."""
        while not stop.is_set():
            try:
                await self.sweep(stop)
            except Unavailable as error:
                SWEEPS.labels(outcome="failed").inc()
                _log.warning("sweep_failed", error=repr(error))
            await rest(stop, INTERVAL_SECONDS)

    async def sweep(self, stop: asyncio.Event) -> int:
        """Expire everything overdue, batch by batch with rests between; answers how many. Raises Unavailable."""
        total = 0
        while not stop.is_set():
            begin = time.monotonic()
            expired = await self._database.calling(self._batch)
            total += len(expired)
            _measure(expired)
            if expired:
                self._swept()
            if len(expired) < BATCH_ROWS:
                break
            await rest(stop, REST_PER_WORK * (time.monotonic() - begin))
        if total:
            _log.info("reservations_swept", count=total)
        return total

    async def _batch(self, session: WriteSession) -> list[Expired]:
        return await expire_overdue(session, grace_seconds=self._grace_seconds, batch_rows=BATCH_ROWS)


def _measure(expired: list[Expired]) -> None:
    SWEEPS.labels(outcome="expired" if expired else "idle").inc()
    SWEPT_RESERVATIONS.inc(len(expired))
    RESERVATIONS.labels(outcome="expired", source="sweeper").inc(len(expired))
    for one in expired:
        EXPIRY_LAG.observe((one.expired_at - one.expires_at).total_seconds())
