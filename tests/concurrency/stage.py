"""Two or three transactions on real Postgres that go from statement to statement only when they are told to.

A racer stops before each statement that it sends, before each write to stock or reservations inside an SQL function,
and before its commit (stage.sql). Somebody who waits for another's lock is found by asking Postgres, never by waiting a
while. The product's code is not touched: racers differ from it in the name of their connection only.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import event

from db import engine
from db.engine import Database
from runtime.settings import Settings
from tests.patience import LIMITS

RACERS = 3
LOOK_SECONDS = 0.001
"""Between two looks at who waits for whom, while somebody is on his way."""

LOOKS_AT_A_CIRCLE = 3
"""Everybody waiting for somebody who waits: once may be a look at two moments."""

PATIENCE_SECONDS = 60.0
"""For the next stop, whatever else the machine does."""

_UNSHARED = re.compile(
    r"savepoint|into (outbox|audit|import_lines)\b|from audit\b|clock_timestamp\(\) as clock_timestamp_1"
)
"""Statements that no other racer can tell from nothing: no stop before them."""

_WAITING = """
    select application_name, array(select b.application_name from pg_stat_activity b
                                   where b.pid = any (pg_blocking_pids(a.pid)))
    from pg_stat_activity a
    where datname = current_database() and application_name like 'holdfast-racer-%' and wait_event_type = 'Lock'
"""

Act = Callable[[Database], Awaitable[Any]]


@dataclass(slots=True)
class Racer:
    """One of them: where it has stopped, None while it goes on, and what became of it."""

    number: int
    database: Database = field(init=False)
    stop: str | None = None
    task: asyncio.Task[Any] | None = None
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    _told: asyncio.Future[None] | None = None
    _gate: int | None = None

    @property
    def name(self) -> str:
        return f"holdfast-racer-{self.number}"

    @property
    def is_done(self) -> bool:
        return self.task is None or self.task.done()

    def connect(self, settings: Settings, moved: asyncio.Event) -> None:
        """Its way into Postgres, with a stop at each statement."""
        self.moved = moved
        settings = settings.model_copy(update={"db_max_idle_conns": 1, "db_max_open_conns": 2})
        self.database = Database.connect(settings, process=f"racer-{self.number}")
        listened = self.database._engine.sync_engine
        event.listen(listened, "before_cursor_execute", self._before_statement)
        event.listen(listened, "connect", self._connected)

    def begin(self, act: Act) -> None:
        """Start an act; it stops before its first statement."""
        self.stop, self._told, self._gate = None, None, None
        self.task = asyncio.ensure_future(act(self.database))
        self.task.add_done_callback(lambda _: self.moved.set())

    async def go_on(self, gatekeeper: psycopg.AsyncConnection[Any]) -> None:
        """On to the next stop: the next gate is shut before this one opens."""
        self.stop = None
        told, self._told = self._told, None
        if told is not None:
            told.set_result(None)
            return
        gate, self._gate = self._gate, None
        assert gate is not None
        await gatekeeper.execute(
            "select pg_advisory_lock(%s, %s), pg_advisory_unlock(%s, %s)", (self.number, gate + 1, self.number, gate)
        )

    def _before_statement(self, connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if self.task is not None and not _UNSHARED.search(statement):
            connection.connection.dbapi_connection.run_async(lambda _: self._stopped_before(statement))

    async def _stopped_before(self, statement: str) -> None:
        self._told = asyncio.get_running_loop().create_future()
        self._is_at(label_of(statement))
        await self._told

    def _connected(self, connection: Any, _record: Any) -> None:
        connection.driver_connection.add_notice_handler(self._noticed)

    def _noticed(self, notice: psycopg.errors.Diagnostic) -> None:
        kind, _, rest = (notice.message_primary or "").partition(" ")
        if kind == "races":
            number, _, where = rest.partition(" ")
            self._gate = int(number)
            self._is_at(where)

    def _is_at(self, where: str) -> None:
        self.stop = where
        self.moved.set()


@dataclass(slots=True)
class Ran:
    """One run: who went on from where, in order, what each answered or raised, and whether they waited in a circle."""

    steps: list[tuple[int, str]]
    answers: list[Any]
    deadlocked: bool


@dataclass(slots=True)
class Stage:
    """Where races are run, one after the other."""

    racers: tuple[Racer, ...]
    gatekeeper: psycopg.AsyncConnection[Any]
    moved: asyncio.Event

    async def run(self, acts: Sequence[Act], choose: Callable[[tuple[int, ...]], int]) -> Ran:
        """Let the acts go on one step at a time, as `choose` says among those who can."""
        racing = self.racers[: len(acts)]
        steps: list[tuple[int, str]] = []
        stuck = 0
        for racer, act in zip(racing, acts, strict=True):
            racer.begin(act)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await self._all_done(racing):
                able = tuple(racer.number for racer in racing if racer.stop is not None and not racer.is_done)
                if not able:
                    stuck += 1  # Postgres ends one of them by itself.
                    continue
                chosen = racing[choose(able)]
                steps.append((chosen.number, str(chosen.stop)))
                await chosen.go_on(self.gatekeeper)
        answers = await asyncio.gather(*(racer.task for racer in racing if racer.task), return_exceptions=True)
        for racer in racing:
            racer.task = None
        return Ran(steps, answers, deadlocked=stuck >= LOOKS_AT_A_CIRCLE)

    async def _all_done(self, racing: Sequence[Racer]) -> bool:
        """Wait until nobody moves any more: each has stopped, is done, or waits for somebody who has stopped."""
        while moving := [racer for racer in racing if racer.stop is None and not racer.is_done]:
            self.moved.clear()
            try:
                await asyncio.wait_for(self.moved.wait(), LOOK_SECONDS)
            except TimeoutError:
                if await self._wait_for_others(racing, moving):
                    return False
        return all(racer.is_done for racer in racing)

    async def _wait_for_others(self, racing: Sequence[Racer], moving: Sequence[Racer]) -> bool:
        """Whether all of these wait for locks of racers who have stopped, or who wait themselves."""
        found = await (await self.gatekeeper.execute(_WAITING)).fetchall()
        still = {racer.name for racer in racing if racer.stop is not None}
        waiting = {name: set(blockers) for name, blockers in found if name not in still and blockers}
        names = {racer.name for racer in moving if racer.stop is None and not racer.is_done}
        return names <= waiting.keys() and all(waiting[name] <= still | waiting.keys() for name in names)


@asynccontextmanager
async def stage(settings: Settings) -> AsyncIterator[Stage]:
    """A stage in a migrated database of its own, which nobody is connected to yet."""
    address = {
        "host": settings.db_host,
        "port": settings.db_port,
        "user": settings.db_user,
        "password": settings.db_password.get_secret_value(),
        "dbname": settings.db_name,
    }
    racers = tuple(Racer(number) for number in range(RACERS))
    with pytest.MonkeyPatch.context() as patch:
        for limit in LIMITS:
            patch.setattr(engine, limit, int(PATIENCE_SECONDS * 2000))
        async with await psycopg.AsyncConnection.connect(**address, autocommit=True) as gatekeeper:
            await gatekeeper.execute(Path(__file__).with_name("stage.sql").read_text("utf-8"))
            ours = sql.SQL("alter database {} set search_path = races, pg_catalog, public")
            await gatekeeper.execute(ours.format(sql.Identifier(settings.db_name)))
            for racer in racers:
                await gatekeeper.execute("select pg_advisory_lock(%s, 1)", (racer.number,))
            moved = asyncio.Event()
            for racer in racers:
                racer.connect(settings, moved)
            try:
                yield Stage(racers, gatekeeper, moved)
            finally:
                for racer in racers:
                    await racer.database.close()


def label_of(statement: str) -> str:
    """What a statement is about, in two or three words."""
    words = " ".join(statement.split()).lower()
    verb = "lock" if " for no key update" in words or " for update" in words else words.partition(" ")[0]
    called = re.search(r"(?:select|call|from) (\w+)\(", words)
    table = re.search(r"(?:from|update|into) (\w+)", words)
    named = called or table
    return f"{verb} {named[1]}" if named else verb
