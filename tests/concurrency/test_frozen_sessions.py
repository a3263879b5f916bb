"""A process that stands still in the middle of a transaction must not keep its locks."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from db import engine
from db.engine import Database
from db.locks import lock_stock
from domain.errors import Unavailable
from domain.reservations import ReservationStatus
from tests.stocking import add_stock, hold, stock_now, want


async def test_every_session_is_bound_by_the_limits_that_we_promise(db: Database) -> None:
    promised = {
        "lock_timeout": engine.LOCK_TIMEOUT_MS,
        "statement_timeout": engine.STATEMENT_TIMEOUT_MS,
        "transaction_timeout": engine.TRANSACTION_TIMEOUT_MS,
        "idle_in_transaction_session_timeout": engine.IDLE_IN_TRANSACTION_TIMEOUT_MS,
    }
    query = text("select name, setting::integer from pg_settings where name = any (:names)")
    for opened in (db.read, db.single, db.write, db.snapshot):
        async with opened() as session:
            kept = {row.name: row.setting for row in await session.execute(query, {"names": list(promised)})}
        assert kept == promised


async def test_a_frozen_session_loses_its_locks_and_its_work(db: Database) -> None:
    item = await add_stock(db, 5)
    bought = []

    async def frozen() -> None:
        async with db.write() as session:
            await session.execute(text("select change_stock_row(:id, 0, 5, null)"), {"id": item.inventory_id})
            await session.execute(text("set local idle_in_transaction_session_timeout = '200ms'"))
            # It says nothing to Postgres until another buyer has got the row.
            bought.append(await hold(db, want(item, 5)))
            await session.execute(text("select 1"))

    with pytest.raises(Unavailable):
        await frozen()
    assert [each.status for each in bought] == [ReservationStatus.PENDING]
    assert (await stock_now(db, item)).quantity_reserved == 5


async def test_whoever_waits_too_long_for_a_lock_is_told_to_come_back(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = await add_stock(db, 5)

    async def impatient() -> None:
        async with db.write() as session:
            await session.execute(text("set local lock_timeout = '100ms'"))
            await lock_stock(session, [item.inventory_id])

    async with db.write() as session:
        await lock_stock(session, [item.inventory_id])
        with pytest.raises(Unavailable) as refusal:
            await impatient()
    assert refusal.value.retry_after_seconds == 1


async def test_a_session_that_is_killed_in_the_middle_leaves_nothing_and_its_work_is_done_again(db: Database) -> None:
    item = await add_stock(db, 5)
    async with db.write() as blocking:
        await lock_stock(blocking, [item.inventory_id])
        held = asyncio.create_task(hold(db, want(item, 2)))
        victim = text(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and wait_event_type = 'Lock'"
        )
        async with db.read() as session:
            while not (await session.execute(victim)).all():  # noqa: ASYNC110 - Postgres tells nobody
                await asyncio.sleep(0.005)
    assert (await held).status is ReservationStatus.PENDING
    assert (await stock_now(db, item)).quantity_reserved == 2
