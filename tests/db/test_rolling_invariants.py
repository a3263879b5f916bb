"""A part at a time: a violation anywhere is seen within one round, and what changed at once."""

from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from db.engine import Database
from db.invariants import INVARIANTS, violations_of
from db.invariants.rolling import WHOLE, Mark, check_part, count_violations, read_marks
from db.invariants.scopes import BY_RESERVATION, BY_ROW, FIRST, SCOPES
from domain.reservations import ReservationStatus
from domain.stock import StockItem
from tests.stocking import add_stock, hold, settle, want

LITTLE = {"inventory": 1, "reservations": 1}
"""One row, one reservation a run."""

_OLD = (
    "update inventory set updated_at = updated_at - interval '1 day'",
    "update reservations set updated_at = updated_at - interval '1 day'",
)
_DAMAGE = text("update inventory set quantity_total = quantity_total + :pieces where inventory_id = :id")


class Undone(Exception):
    """Ends a transaction without a trace."""


@pytest.fixture(scope="module")
async def rows(db: Database) -> list[StockItem]:
    """Some rows with holds and sales, in the order of their ids; nothing of them changed lately."""
    items = [await add_stock(db, 10) for _ in range(6)]
    for item in items[:3]:
        await settle(db, await hold(db, want(item, 1)), ReservationStatus.COMMITTED)
        await hold(db, want(item, 2))
    async with db.write() as session:
        for statement in _OLD:
            await session.execute(text(statement))
    return sorted(items, key=lambda item: item.inventory_id)


async def damage(db: Database, item: StockItem, pieces: int) -> None:
    async with db.write() as session:
        await session.execute(_DAMAGE, {"id": item.inventory_id, "pieces": pieces})


async def runs_until(db: Database, count: int) -> int:
    """How many runs it takes until so many rows are said to contradict the sum of the ledger."""
    for run in range(1, 100):
        if (await count_violations(db, work_max=LITTLE))["total_is_sum_of_movements"] == count:
            return run
    raise AssertionError("it does not come to that")


async def rounds(db: Database) -> int:
    async with db.read() as session:
        return (await read_marks(session))["inventory"].rounds


def test_every_invariant_is_looked_at_each_time_or_in_its_turn() -> None:
    in_turn = [name for scope in SCOPES for name in scope.invariants]
    assert len(in_turn) == len(set(in_turn))
    assert {*in_turn, *WHOLE} == set(INVARIANTS)


async def test_what_holds_is_counted_as_zero(db: Database, rows: list[StockItem]) -> None:
    for _ in range(15):
        assert await count_violations(db, work_max=LITTLE) == dict.fromkeys(INVARIANTS, 0)
    assert await rounds(db) >= 2


async def test_damage_to_the_last_row_is_seen_in_its_turn_and_stays_until_a_round_has_passed_without_it(
    db: Database, rows: list[StockItem]
) -> None:
    await damage(db, rows[-1], 1)
    assert await runs_until(db, 1) <= len(rows)
    assert [violation.invariant for violation in await violations_of(db)] == [
        "ledger_adds_up",
        "total_is_sum_of_movements",
    ]
    seen_in = await rounds(db)
    await damage(db, rows[-1], -1)
    assert await runs_until(db, 0) > len(rows), "the rest of this round, and a whole one"
    assert await rounds(db) == seen_in + 2


async def test_a_small_database_is_looked_at_whole_every_time(db: Database, rows: list[StockItem]) -> None:
    await count_violations(db)
    for item in (rows[0], rows[-1]):
        await damage(db, item, 1)
        assert (await count_violations(db))["total_is_sum_of_movements"] == 1
        await damage(db, item, -1)
        seen = [(await count_violations(db))["total_is_sum_of_movements"] for _ in range(2)]
        assert seen == [1, 0], "a whole round has passed without it"


async def test_a_row_that_changed_is_looked_at_before_its_turn(db: Database, rows: list[StockItem]) -> None:
    touched = text("update inventory set updated_at = clock_timestamp() where inventory_id = :id")
    with suppress(Undone):
        async with db.write() as session:
            await session.execute(_DAMAGE, {"id": rows[-1].inventory_id, "pieces": 1})
            await session.execute(touched, {"id": rows[-1].inventory_id})
            lately = datetime.now(UTC) - timedelta(minutes=1)
            mark = await check_part(session, BY_ROW, Mark(changed_since=lately), work_max=10)
            assert mark.found["total_is_sum_of_movements"] == 1
            assert mark.after < rows[-1].inventory_id, "its turn has not come"
            raise Undone


async def test_what_changed_is_taken_the_cheapest_first_as_far_as_the_work_allows(db: Database) -> None:
    busy, quiet = sorted([await add_stock(db, 5), await add_stock(db, 5)], key=lambda item: item.inventory_id)
    for _ in range(5):
        await settle(db, await hold(db, want(busy, 1)), ReservationStatus.CANCELLED)
    async with db.read() as session:
        since = datetime.now(UTC) - timedelta(hours=1)
        assert set(await BY_ROW.changed(session, since, 1_000)) == {quiet.inventory_id, busy.inventory_id}
        assert await BY_ROW.changed(session, since, 4) == [quiet.inventory_id]
        assert await BY_ROW.changed(session, datetime.now(UTC) + timedelta(hours=1), 1_000) == []
        assert len(await BY_RESERVATION.changed(session, since, 3)) == 3


async def test_one_row_at_least_is_looked_at_however_long_its_ledger_is(db: Database, rows: list[StockItem]) -> None:
    async with db.read() as session:
        first = await BY_ROW.following(session, FIRST, 1)
        assert len(first) == 1
        assert await BY_ROW.following(session, first[0], 1) != first
        assert await BY_ROW.following(session, uuid.UUID(int=2**128 - 1), 1) == []
        assert len(await BY_ROW.following(session, FIRST, 10_000)) >= len(rows)
