"""A burst takes turns at the connections that are kept, and nobody waits for ever behind those that are stuck."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from sqlalchemy import event, text

from db import connections
from db.engine import Database, ReadSession
from runtime.settings import Settings

KEPT = 8
SECONDS_MAX = 60.0
_A_WHILE = text("select pg_sleep(0.005)")


class Crowded:
    """A database with few connections. They are counted here: Postgres shows one for a moment after its end."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._open: set[Any] = set()
        event.listen(database.sync_engine.pool, "connect", lambda raw, _record: self._open.add(raw))
        event.listen(database.sync_engine.pool, "close", lambda raw, _record: self._open.discard(raw))

    async def count(self) -> int:
        """How many connections are open while one of them is asked something."""
        return await self.database.reading(self._count)

    async def _count(self, session: ReadSession) -> int:
        await session.execute(_A_WHILE)
        return len(self._open)


@pytest.fixture
async def crowded(database: Settings) -> AsyncIterator[Crowded]:
    few = database.model_copy(update={"db_max_idle_conns": KEPT, "db_max_open_conns": 100})
    connected = Database.connect(few, process="turns")
    yield Crowded(connected)
    await connected.close()


async def until_all_is_given_back(database: Database) -> None:
    async with asyncio.timeout(SECONDS_MAX):
        while database.pool_counts()["in_use"]:  # noqa: ASYNC110 - the pool tells nobody
            await asyncio.sleep(0)


async def ask(session: ReadSession) -> None:
    await session.execute(_A_WHILE)


@pytest.fixture
def _all_the_time_in_the_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a burst may take longer than anybody would wait for a turn."""
    monkeypatch.setattr(connections, "PATIENCE_BEFORE_OVERFLOW_SECONDS", 60.0)


@pytest.mark.usefixtures("_all_the_time_in_the_world")
async def test_a_burst_opens_no_more_connections_than_are_kept(crowded: Crowded) -> None:
    counts = await asyncio.gather(*(crowded.count() for _ in range(100)))
    assert max(counts) <= KEPT


async def test_who_waits_behind_stuck_sessions_gets_a_connection_of_his_own(crowded: Crowded) -> None:
    async with AsyncExitStack() as stuck:
        for _ in range(KEPT):
            await stuck.enter_async_context(crowded.database.write())
        assert await crowded.count() == KEPT + 1
    assert await crowded.count() <= KEPT


@pytest.fixture
def no_collector() -> Iterator[None]:
    """The garbage collector finds lost connections, late: nobody should have to wait for it."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("moment", ["first_connect", "connect", "checkout", "engine_connect"])
async def test_work_that_is_given_up_while_it_gets_a_connection_gives_it_back(database: Settings, moment: str) -> None:
    fresh = Database.connect(database, process="given-up")
    tasks: list[asyncio.Task[None]] = []
    engine = fresh._engine.sync_engine
    place = engine.pool if moment != "engine_connect" else engine
    event.listen(place, moment, lambda *_: tasks[-1].cancel())
    for _ in range(3):
        tasks.append(asyncio.create_task(fresh.calling(ask)))
        await asyncio.wait(tasks)
    await until_all_is_given_back(fresh)
    await fresh.close()


@pytest.mark.usefixtures("_all_the_time_in_the_world")
async def test_turns_come_back_from_work_that_fails_or_is_given_up(crowded: Crowded) -> None:
    async def fail(_session: ReadSession) -> None:
        raise LookupError

    for _ in range(3 * KEPT):
        with pytest.raises(LookupError):
            await crowded.database.reading(fail)
        given_up = asyncio.create_task(crowded.count())
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.wait({given_up})
    await until_all_is_given_back(crowded.database)
    assert max(await asyncio.gather(*(crowded.count() for _ in range(50)))) <= KEPT
