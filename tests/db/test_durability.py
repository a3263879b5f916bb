"""Who lets go of a row before the disk has answered, and who must not run ahead of it.

A standby that does not exist stands for a slow disk: commits are visible, and wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import psycopg
import pytest
from sqlalchemy import text

from db import holding, outbox, reservations
from db.engine import Database
from db.migrations import upgrade
from domain.reservations import ReservationStatus
from holdfast.stack.embedded import Stack, temporary_stack
from holdfast.stack.placement import place_postgres
from holdfast.stack.postgres import ADMINISTRATOR
from runtime.settings import Settings
from tests.stocking import add_stock, hold, hold_request, settle, stock_now, want

BUCKETS = range(16)


@pytest.fixture
async def server() -> AsyncIterator[Stack]:
    """A server of its own: what is done to it would stop every other test."""
    async with temporary_stack(Settings(), parts=["postgres"]) as stack:
        await asyncio.to_thread(upgrade, stack.settings)
        yield stack


@pytest.fixture
async def db(server: Stack) -> AsyncIterator[Database]:
    connected = Database.connect(server.settings, process="tests")
    yield connected
    await connected.close()


@pytest.fixture
def wait_for_standby(server: Stack, db: Database) -> Callable[[str], Awaitable[None]]:
    """Have commits wait for the standby of this name from now on; no longer for an empty one."""

    async def configure(name: str) -> None:
        with psycopg.connect(
            host=server.settings.db_host,
            port=server.settings.db_port,
            user=ADMINISTRATOR,
            password=(place_postgres(server.directory).home / "password").read_text("utf-8"),
            dbname="postgres",
            autocommit=True,
        ) as connection:
            connection.execute(f"alter system set synchronous_standby_names = '{name}'".encode())
            connection.execute("select pg_reload_conf()")  # which only asks for it
        while name and not await _a_commit_waits(db):
            continue

    return configure


async def test_buyers_of_one_row_wait_for_the_disk_together_and_nobody_is_answered_before_it(
    db: Database, wait_for_standby: Callable[[str], Awaitable[None]]
) -> None:
    item = await add_stock(db, 5)
    await wait_for_standby("nobody")
    request = hold_request([want(item, 1)])
    begun = [asyncio.create_task(holding.hold(db, request))]
    begun += [asyncio.create_task(hold(db, want(item, 1))) for _ in range(2)]
    await _until_waiting(db, 3)
    assert (await stock_now(db, item)).quantity_reserved == 3

    begun += [
        asyncio.create_task(holding.hold(db, request)),
        asyncio.create_task(db.calling(lambda session: reservations.get_durable(session, request.reservation_id))),
    ]
    news = asyncio.create_task(db.calling(lambda session: outbox.unsent(session, BUCKETS, rows_per_bucket=100)))
    await _until_waiting(db, 6)
    assert not any(task.done() for task in (*begun, news))

    await wait_for_standby("")
    answers = await asyncio.gather(*begun)
    assert [row.status for row in answers if row] == [ReservationStatus.PENDING] * 5
    assert [event.type for event in await news].count("inventory.reserved") == 3


async def test_a_session_that_held_waits_for_the_disk_with_its_next_commit_again(
    db: Database, wait_for_standby: Callable[[str], Awaitable[None]]
) -> None:
    item = await add_stock(db, 5)
    held = await hold(db, want(item, 1))
    await wait_for_standby("nobody")
    settling = asyncio.create_task(settle(db, held, ReservationStatus.COMMITTED))
    await _until_waiting(db, 1)
    assert (await stock_now(db, item)).quantity_reserved == 1

    await wait_for_standby("")
    assert (await settling).status is ReservationStatus.COMMITTED


async def _a_commit_waits(database: Database) -> bool:
    """Whether a commit of no consequence waits for the standby; one that does is told to go on."""
    write = text("select pg_logical_emit_message(true, 'tests', 'written')")
    go_on = text("select count(pg_cancel_backend(pid)) from pg_stat_activity where wait_event = 'SyncRep'")
    writing = asyncio.create_task(database.calling(lambda session: session.execute(write)))
    async with database.read() as session:
        while not writing.done():
            if (await session.execute(go_on)).scalar_one():
                await writing
                return True
    await writing
    return False


async def _until_waiting(database: Database, sessions: int) -> None:
    """Wait until so many commits wait for the standby."""
    statement = text("select count(*) from pg_stat_activity where wait_event = 'SyncRep'")
    async with asyncio.timeout(60), database.read() as session:
        while (await session.execute(statement)).scalar_one() < sessions:  # noqa: ASYNC110 - Postgres tells nobody
            await asyncio.sleep(0.005)
