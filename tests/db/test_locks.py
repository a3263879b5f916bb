"""Row locks wait, in one order, and never skip."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from db.engine import Database, WriteSession
from db.locks import LockedOverdue, lock_overdue, lock_stock
from domain.reservations import ReservationStatus
from tests.stocking import add_stock, hold, settle, wait_until_blocked, want


async def test_a_locked_row_makes_the_next_one_wait(db: Database) -> None:
    item = await add_stock(db, 5)
    order = []

    async def second() -> None:
        async with db.write() as session:
            await lock_stock(session, [item.inventory_id])
            order.append("second")

    async with db.write() as session:
        await lock_stock(session, [item.inventory_id])
        waiting = asyncio.create_task(second())
        await wait_until_blocked(db)
        order.append("first")
    await waiting
    assert order == ["first", "second"]


async def test_the_lock_lets_foreign_keys_be_checked(db: Database) -> None:
    item = await add_stock(db, 5)
    async with db.write() as session, db.write() as other:
        await lock_stock(session, [item.inventory_id])
        await other.execute(
            text("select from inventory where inventory_id = :id for key share nowait"), {"id": item.inventory_id}
        )


async def test_rows_are_locked_in_the_order_of_their_ids_however_they_are_named(db: Database) -> None:
    rows = sorted([(await add_stock(db)).inventory_id for _ in range(5)])

    async def lock_all(ids: list[object]) -> None:
        async with db.write() as session:
            await lock_stock(session, ids)  # type: ignore[arg-type]

    async with db.write() as session:
        await lock_stock(session, [rows[2]])
        waiting = asyncio.create_task(lock_all(list(reversed(rows))))
        await wait_until_blocked(db)
        free = await session.execute(
            text(
                "select inventory_id from inventory where inventory_id = any (:ids) order by 1 for update skip locked"
            ),
            {"ids": rows},
        )
        assert list(free.scalars()) == rows[2:]
    await waiting


async def test_only_overdue_holds_are_locked_and_all_stock_they_concern(db: Database) -> None:
    wanted, other = await add_stock(db, 10), await add_stock(db, 10)
    overdue = await hold(db, want(wanted, 1), want(other, 1), hold_seconds=0)
    await hold(db, want(wanted, 1))
    async with db.write() as session:
        locked = await lock_overdue(session, [wanted.inventory_id], most=10)
        assert locked == LockedOverdue([overdue.reservation_id], is_complete=True)
        assert await _free(db, [wanted.inventory_id, other.inventory_id]) == []


async def test_the_oldest_are_taken_first_and_no_more_than_one_transaction_can_do(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.locks.RECLAIM_RESERVATIONS_LEAST", 1)
    item = await add_stock(db, 10)
    held = {age: await hold(db, want(item, 1), hold_seconds=-age) for age in (10, 30, 20, 50, 40, 60)}
    async with db.write() as session:
        locked = await lock_overdue(session, [item.inventory_id], most=2)
    assert set(locked.reservation_ids) == {held[60].reservation_id, held[50].reservation_id}


async def test_a_hold_that_others_settled_meanwhile_is_said_to_be_missing(db: Database) -> None:
    item = await add_stock(db, 10)
    overdue = await hold(db, want(item, 1), hold_seconds=0)

    async def reclaim() -> LockedOverdue:
        async with db.write() as session:
            return await lock_overdue(session, [item.inventory_id], most=1)

    async with db.write() as session:
        await _lock_reservation(session, overdue.reservation_id)
        waiting = asyncio.create_task(reclaim())
        await wait_until_blocked(db)
        await session.execute(
            text("update reservations set status = 'EXPIRED', expired_at = now() where reservation_id = :id"),
            {"id": overdue.reservation_id},
        )
    assert await waiting == LockedOverdue([], is_complete=False)


async def test_a_settled_hold_is_not_overdue(db: Database) -> None:
    item = await add_stock(db, 10)
    await settle(db, await hold(db, want(item, 1), hold_seconds=0), ReservationStatus.EXPIRED)
    async with db.write() as session:
        assert await lock_overdue(session, [item.inventory_id], most=1) == LockedOverdue([], is_complete=True)


async def _lock_reservation(session: WriteSession, reservation_id: object) -> None:
    await session.execute(
        text("select from reservations where reservation_id = :id for no key update"), {"id": reservation_id}
    )


async def _free(db: Database, ids: list[object]) -> list[object]:
    async with db.write() as session:
        rows = await session.execute(
            text("select inventory_id from inventory where inventory_id = any (:ids) for no key update skip locked"),
            {"ids": ids},
        )
        return list(rows.scalars())
