"""The rows that queries are measured on are rows the service could have written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from db.engine import Database
from holdfast.bench.dataset import LARGE, Size, fill
from runtime.settings import Settings
from tests.stocking import assert_invariants

SMALL = Size(warehouses=6, skus=20, movements=6_000, reservations=1_500, pending=100)


@pytest.fixture(scope="module")
async def filled(database: Settings) -> AsyncIterator[Database]:
    await fill(database, SMALL)
    connected = Database.connect(database)
    yield connected
    await connected.close()


async def one(database: Database, query: str) -> Any:
    async with database.read() as session:
        return (await session.execute(text(query))).one()


async def test_there_is_as_much_of_everything_as_was_asked_for(filled: Database) -> None:
    assert await one(filled, "select count(*), count(distinct region) from warehouses") == (6, 5)
    assert await one(filled, "select count(*) from inventory") == (SMALL.rows,)
    assert await one(filled, "select count(*) from stock_movements") == (SMALL.movements,)
    assert await one(filled, "select count(*) from reservations where status = 'PENDING'") == (SMALL.pending,)
    (reservations,) = await one(filled, "select count(*) from reservations")
    assert reservations == pytest.approx(SMALL.reservations, rel=0.15)


async def test_everything_that_must_be_true_of_our_rows_is_true_of_these(filled: Database) -> None:
    await assert_invariants(filled)


async def test_few_rows_are_busy_and_none_is_idle(filled: Database) -> None:
    busiest, idlest = await one(filled, "select max(sequence), min(sequence) from inventory")
    assert busiest > 5 * SMALL.movements / SMALL.rows
    assert idlest > 1


async def test_nothing_of_the_making_is_left(filled: Database) -> None:
    assert await one(filled, "select count(*) from pg_tables where tablename like 'bench%'") == (0,)


def test_the_large_one_is_as_large_as_the_issue_asks() -> None:
    assert (LARGE.rows, LARGE.movements, LARGE.reservations) == (100_000, 5_000_000, 1_000_000)
