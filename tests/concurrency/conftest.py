"""A database with enough connections for a crowd, and its invariants checked after each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from db.engine import Database
from runtime.settings import Settings
from tests.stocking import assert_invariants


@pytest.fixture(scope="module")
async def crowd(database: Settings) -> AsyncIterator[Database]:
    connected = Database.connect(
        database.model_copy(update={"db_max_open_conns": 40, "db_max_idle_conns": 40}), process="tests"
    )
    yield connected
    await connected.close()


@pytest.fixture
async def db(crowd: Database) -> AsyncIterator[Database]:
    """Whatever a test does at once, what must always be true is true afterwards."""
    yield crowd
    await assert_invariants(crowd)


@pytest.fixture
async def _no_deadlock(crowd: Database) -> AsyncIterator[None]:
    """Not one that was solved by trying again, either: Postgres counts them."""
    before = await _deadlocks(crowd)
    yield
    assert await _deadlocks(crowd) == before


async def _deadlocks(database: Database) -> int:
    async with database.read() as session:
        await session.execute(text("select pg_stat_force_next_flush()"))
        found = await session.execute(text("select deadlocks from pg_stat_database where datname = current_database()"))
        return int(found.scalar_one())
