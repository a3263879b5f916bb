"""How connections of the pool are shared out: bursts take turns, and nobody who gives up takes one along."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

PATIENCE_BEFORE_OVERFLOW_SECONDS = 1.0
"""A burst waits this long for its turn at a kept connection. Opening another and closing it again costs Postgres some
twenty times a hold: 200 buyers at once cost 38 s of CPU without this wait, 10 with it."""

TURNS_MIN = 8
"""Where fewer connections than this are kept, as many still work at once."""


class Connections:
    """Connections in use by one process; `kept` is how many the pool keeps open."""

    def __init__(self, kept: int) -> None:
        self._turns = asyncio.Semaphore(max(TURNS_MIN, kept))
        self._given_back: set[asyncio.Future[None]] = set()

    @asynccontextmanager
    async def of(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        """A connection of the pool, given back whatever happens.

        SQLAlchemy loses one when it is cancelled between taking it and setting its isolation level, so that step is
        always brought to its end; who gave up does not wait for it.
        """
        async with self._turn():
            opening = asyncio.ensure_future(_opened(engine))
            try:
                connection = await asyncio.shield(opening)
            except asyncio.CancelledError:
                self._give_back(opening)
                raise
            try:
                yield connection
            finally:
                await asyncio.shield(asyncio.ensure_future(connection.close()))

    def _give_back(self, opening: asyncio.Future[AsyncConnection]) -> None:
        giving_back = asyncio.ensure_future(_close_once_open(opening))
        self._given_back.add(giving_back)
        giving_back.add_done_callback(self._given_back.discard)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """At a kept connection; whoever waited too long, perhaps behind locks, goes on to open one of his own."""
        is_ours = True
        try:
            async with asyncio.timeout(PATIENCE_BEFORE_OVERFLOW_SECONDS):
                await self._turns.acquire()
        except TimeoutError:
            is_ours = False
        try:
            yield
        finally:
            if is_ours:
                self._turns.release()


async def _opened(engine: AsyncEngine) -> AsyncConnection:
    return await engine.connect()


async def _close_once_open(opening: asyncio.Future[AsyncConnection]) -> None:
    (outcome,) = await asyncio.gather(opening, return_exceptions=True)
    if isinstance(outcome, AsyncConnection):
        await outcome.close()
