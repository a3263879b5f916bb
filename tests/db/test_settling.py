"""Settling reservations: one winner, judged by the deadline and the database clock, and nothing happens twice."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from db import reservations, stock
from db.engine import Database
from domain.contracts.reservations import Decision, SettleOutcome
from domain.reservations import Reservation, ReservationStatus
from tests.stocking import (
    add_stock,
    assert_invariants,
    hold,
    ledger_of,
    news_of,
    reservation_now,
    return_sold,
    settle,
    settle_request,
    stock_now,
    wait_until_blocked,
    want,
)

COMMITTED, CANCELLED, EXPIRED = ReservationStatus.COMMITTED, ReservationStatus.CANCELLED, ReservationStatus.EXPIRED
PENDING = ReservationStatus.PENDING


async def test_a_commit_sells_the_stock_and_writes_it_into_the_ledger(db: Database) -> None:
    item = await add_stock(db, 10)
    held = await hold(db, want(item, 4), order_id="order-7")
    outcome = await settle(db, held, COMMITTED)
    after, row = await stock_now(db, item), await reservation_now(db, held)
    assert (outcome.status, outcome.changed) == (COMMITTED, True)
    assert (after.quantity_total, after.quantity_reserved) == (6, 0)
    assert row.committed_at is not None
    assert row.committed_at < row.expires_at
    line = (await ledger_of(db, item))[-1]
    assert (line.type, line.quantity, line.total_after, line.reference) == ("OUTBOUND", -4, 6, "order-7")
    assert line.sequence == after.sequence
    assert [news.type for news in await news_of(db, held.reservation_id)] == [
        "inventory.reserved",
        "inventory.committed",
    ]


async def test_a_cancel_gives_the_stock_back_with_its_reason(db: Database) -> None:
    item = await add_stock(db, 10)
    held = await hold(db, want(item, 4))
    request = settle_request(held.reservation_id, Decision.CANCEL, reason="payment_failed")
    await db.calling(lambda session: reservations.settle(session, request, target=CANCELLED))
    after = await stock_now(db, item)
    assert (after.quantity_total, after.quantity_reserved) == (10, 0)
    released = (await news_of(db, held.reservation_id))[-1]
    assert (released.type, released.data["reason"]) == ("inventory.released", "payment_failed")
    assert len(await ledger_of(db, item)) == 1


@pytest.mark.parametrize("first", [COMMITTED, CANCELLED])
@pytest.mark.parametrize("second", [COMMITTED, CANCELLED, EXPIRED])
async def test_the_first_to_settle_wins_and_every_later_one_is_told_who(
    db: Database, first: ReservationStatus, second: ReservationStatus
) -> None:
    item = await add_stock(db, 10)
    held = await hold(db, want(item, 4))
    await settle(db, held, first)
    before, news = await reservation_now(db, held), len(await news_of(db, held.reservation_id))
    outcome = await settle(db, held, second)
    assert (outcome.status, outcome.changed) == (first, False)
    assert await reservation_now(db, held) == before
    assert len(await news_of(db, held.reservation_id)) == news


@pytest.mark.parametrize("target", [COMMITTED, CANCELLED, EXPIRED])
async def test_past_the_deadline_everything_is_an_expiry(db: Database, target: ReservationStatus) -> None:
    item = await add_stock(db, 10)
    held = await hold(db, want(item, 4), hold_seconds=0)
    outcome = await settle(db, held, target)
    after, row = await stock_now(db, item), await reservation_now(db, held)
    assert (outcome.status, outcome.changed) == (EXPIRED, True)
    assert (row.status, row.release_reason, row.committed_at, row.cancelled_at) == (EXPIRED, "expired", None, None)
    assert (after.quantity_total, after.quantity_reserved) == (10, 0)


async def test_an_expiry_that_comes_early_learns_when_to_come_back(db: Database) -> None:
    item = await add_stock(db, 10)
    held = await hold(db, want(item, 4), hold_seconds=600)
    outcome = await settle(db, held, EXPIRED)
    assert replace(outcome, early_seconds=0) == SettleOutcome(status=PENDING, expires_at=held.expires_at)
    assert 0 < outcome.early_seconds <= 600
    assert (await stock_now(db, item)).quantity_reserved == 4


async def test_the_clock_is_read_when_the_lock_is_held_and_not_when_the_call_was_made(db: Database) -> None:
    item = await add_stock(db, 10)
    held = await hold(db, want(item, 4), hold_seconds=600)
    async with db.write() as session:
        await session.execute(
            text(
                "update reservations set expires_at = clock_timestamp() + interval '80 ms' where reservation_id = :id"
            ),
            {"id": held.reservation_id},
        )
        late = asyncio.create_task(settle(db, held, COMMITTED))
        await wait_until_blocked(db)
        await session.execute(text("select pg_sleep(0.1)"))
    assert (await late).status is EXPIRED


async def test_nobody_settles_what_does_not_exist(db: Database) -> None:
    request = settle_request(uuid.uuid4())
    async with db.single() as session:
        assert await reservations.settle(session, request, target=COMMITTED) is None
        assert await reservations.extend(session, request, lifetime_seconds_max=60, extends_max=1) is None
        assert await reservations.return_sold(session, request) is None
        assert await reservations.get(session, request.reservation_id) is None


async def test_commit_cancel_and_expiry_at_once_have_one_winner(db: Database) -> None:
    item = await add_stock(db, 100)
    for _ in range(10):
        held = await hold(db, want(item, 2))
        targets = [COMMITTED, CANCELLED, EXPIRED, COMMITTED, CANCELLED]
        outcomes = await asyncio.gather(*(settle(db, held, target) for target in targets))
        final = (await reservation_now(db, held)).status
        assert sum(outcome.changed for outcome in outcomes) == 1
        assert {outcome.status for outcome in outcomes} <= {final, PENDING}
        assert len(await news_of(db, held.reservation_id)) == 2
    await assert_invariants(db)


async def test_multi_line_reservations_of_shared_rows_settle_side_by_side(db: Database) -> None:
    one, other = await add_stock(db, 100), await add_stock(db, 100)
    orders = [(want(one, 2), want(other, 1)), (want(other, 1), want(one, 2))]
    held = [await hold(db, *orders[turn % 2]) for turn in range(20)]
    targets = [COMMITTED, CANCELLED]
    await asyncio.gather(*(settle(db, each, targets[turn % 2]) for turn, each in enumerate(held)))
    assert (await stock_now(db, one)).quantity_total == 80
    assert (await stock_now(db, other)).quantity_total == 90
    await assert_invariants(db)


class TestExtend:
    """A later deadline for a hold that lives, within the limits."""

    async def extend(
        self, db: Database, held: Reservation, *, hold_seconds: int, number: int = 1, **limits: int
    ) -> SettleOutcome:
        request = settle_request(held.reservation_id, Decision.EXTEND, hold_seconds=hold_seconds, number=number)
        outcome = await db.calling(
            lambda session: reservations.extend(
                session, request, **{"lifetime_seconds_max": 3600, "extends_max": 3, **limits}
            )
        )
        assert outcome is not None
        return outcome

    async def test_the_deadline_moves_and_says_so(self, db: Database) -> None:
        item = await add_stock(db, 10)
        held = await hold(db, want(item, 4), hold_seconds=60)
        outcome = await self.extend(db, held, hold_seconds=600)
        row = await reservation_now(db, held)
        assert outcome.changed
        assert row.expires_at == outcome.expires_at > held.expires_at + timedelta(seconds=530)
        assert (row.extends_count, row.sequence) == (1, 2)
        news = (await news_of(db, held.reservation_id))[-1]
        assert (news.type, news.sequence) == ("inventory.reservation_extended", 2)

    async def test_the_deadline_never_moves_back(self, db: Database) -> None:
        held = await hold(db, want(await add_stock(db, 10), 4), hold_seconds=600)
        assert (await self.extend(db, held, hold_seconds=1)).expires_at == held.expires_at

    async def test_the_same_extension_repeated_changes_nothing(self, db: Database) -> None:
        held = await hold(db, want(await add_stock(db, 10), 4), hold_seconds=60)
        first = await self.extend(db, held, hold_seconds=600)
        again = await self.extend(db, held, hold_seconds=600)
        assert (again.changed, again.expires_at) == (False, first.expires_at)
        assert (await reservation_now(db, held)).extends_count == 1

    async def test_there_is_a_limit_to_how_often(self, db: Database) -> None:
        held = await hold(db, want(await add_stock(db, 10), 4), hold_seconds=60)
        outcomes = [await self.extend(db, held, hold_seconds=100 * n, number=n, extends_max=2) for n in (1, 2, 3)]
        assert [(outcome.changed, outcome.refused) for outcome in outcomes] == [
            (True, False),
            (True, False),
            (False, True),
        ]

    async def test_there_is_a_limit_to_how_long_in_all(self, db: Database) -> None:
        held = await hold(db, want(await add_stock(db, 10), 4), hold_seconds=60)
        outcome = await self.extend(db, held, hold_seconds=3601)
        assert (outcome.refused, outcome.expires_at) == (True, held.expires_at)

    async def test_a_dead_hold_is_never_revived(self, db: Database) -> None:
        item = await add_stock(db, 4)
        dead = await hold(db, want(item, 4), hold_seconds=0)
        outcome = await self.extend(db, dead, hold_seconds=600)
        assert (outcome.status, outcome.changed) == (EXPIRED, True)
        assert (await stock_now(db, item)).quantity_reserved == 0

    @pytest.mark.parametrize("status", [COMMITTED, CANCELLED])
    async def test_a_settled_reservation_is_not_extended(self, db: Database, status: ReservationStatus) -> None:
        held = await hold(db, want(await add_stock(db, 10), 4))
        await settle(db, held, status)
        outcome = await self.extend(db, held, hold_seconds=2000)
        assert (outcome.status, outcome.changed) == (status, False)


class TestReturn:
    """A cancelled order that was sold already: the stock comes back, once."""

    async def test_sold_stock_comes_back_with_its_line_in_the_ledger(self, db: Database) -> None:
        item = await add_stock(db, 10)
        sold = await hold(db, want(item, 4), order_id="order-9")
        await settle(db, sold, COMMITTED)
        outcome = await return_sold(db, sold)
        after, row = await stock_now(db, item), await reservation_now(db, sold)
        assert outcome.returned
        assert (after.quantity_total, after.quantity_reserved) == (10, 0)
        assert row.status is COMMITTED
        assert row.returned_at is not None
        assert [line.quantity_returned for line in row.lines] == [4]
        line = (await ledger_of(db, item))[-1]
        assert (line.type, line.quantity, line.total_after, line.reference) == ("RETURN", 4, 10, "order-9")
        released = (await news_of(db, sold.reservation_id))[-1]
        assert (released.type, released.data["reason"]) == ("inventory.released", "order_cancelled")

    async def test_it_comes_back_once_however_often_and_at_once_it_is_asked_for(self, db: Database) -> None:
        item = await add_stock(db, 10)
        sold = await hold(db, want(item, 4))
        await settle(db, sold, COMMITTED)
        outcomes = await asyncio.gather(*(return_sold(db, sold) for _ in range(8)))
        assert sum(outcome.returned for outcome in outcomes) == 1
        assert (await stock_now(db, item)).quantity_total == 10
        await assert_invariants(db)

    @pytest.mark.parametrize("status", [CANCELLED, EXPIRED, PENDING])
    async def test_what_was_not_sold_does_not_come_back(self, db: Database, status: ReservationStatus) -> None:
        item = await add_stock(db, 10)
        held = await hold(db, want(item, 4), hold_seconds=0 if status is EXPIRED else 60)
        if status is not PENDING:
            await settle(db, held, status)
        outcome = await return_sold(db, held)
        assert (outcome.status, outcome.returned) == (status, False)
        assert (await stock_now(db, item)).quantity_total == 10

    async def test_a_retired_row_takes_back_what_was_sold_from_it(self, db: Database) -> None:
        item = await add_stock(db, 10)
        sold = await hold(db, want(item, 4))
        await settle(db, sold, COMMITTED)
        await db.writing(lambda session: stock.retire(session, item.inventory_id))
        assert (await return_sold(db, sold)).returned
        await assert_invariants(db)


class TestSweeper:
    """Whatever is overdue by more than the grace, oldest first, a batch at a time."""

    async def sweep(self, db: Database, *, grace_seconds: float = 0, batch_rows: int = 1000) -> list[uuid.UUID]:
        async with db.single() as session:
            found = await reservations.expire_overdue(session, grace_seconds=grace_seconds, batch_rows=batch_rows)
        return [expired.reservation_id for expired in found]

    @pytest.fixture(autouse=True)
    async def _nothing_left_over(self, db: Database) -> None:
        while await self.sweep(db):
            continue

    async def test_overdue_holds_end_with_their_stock_and_their_news(self, db: Database) -> None:
        one, other = await add_stock(db, 10), await add_stock(db, 10)
        held = [await hold(db, want(one, 2), want(other, 1), hold_seconds=0) for _ in range(3)]
        live = await hold(db, want(one, 1))
        assert set(await self.sweep(db)) == {each.reservation_id for each in held}
        assert ((await stock_now(db, one)).quantity_reserved, (await stock_now(db, other)).quantity_reserved) == (1, 0)
        assert (await reservation_now(db, live)).status is PENDING
        for each in held:
            released = (await news_of(db, each.reservation_id))[-1]
            assert (released.type, released.sequence, released.data["reason"]) == ("inventory.released", 2, "expired")
            assert len(released.data["lines"]) == 2
        await assert_invariants(db)

    async def test_a_stock_row_changes_once_for_a_whole_batch(self, db: Database) -> None:
        item = await add_stock(db, 10)
        for _ in range(5):
            await hold(db, want(item, 2), hold_seconds=0)
        before = (await stock_now(db, item)).sequence
        await self.sweep(db)
        assert (await stock_now(db, item)).sequence == before + 1

    async def test_the_workflow_has_its_grace(self, db: Database) -> None:
        item = await add_stock(db, 10)
        await hold(db, want(item, 1), hold_seconds=0)
        late = await hold(db, want(item, 1), hold_seconds=-30)
        assert await self.sweep(db, grace_seconds=20) == [late.reservation_id]

    async def test_a_batch_takes_the_oldest(self, db: Database) -> None:
        item = await add_stock(db, 10)
        held = {seconds: await hold(db, want(item, 1), hold_seconds=-seconds) for seconds in (10, 30, 20)}
        assert set(await self.sweep(db, batch_rows=2)) == {held[30].reservation_id, held[20].reservation_id}
        assert await self.sweep(db, batch_rows=2) == [held[10].reservation_id]
        assert await self.sweep(db, batch_rows=2) == []

    async def test_who_is_being_settled_is_left_to_whoever_does_it(self, db: Database) -> None:
        item = await add_stock(db, 10)
        busy = await hold(db, want(item, 1), hold_seconds=-30)
        free = await hold(db, want(item, 1), hold_seconds=-20)
        async with db.write() as session:
            await session.execute(
                text("select from reservations where reservation_id = :id for update"), {"id": busy.reservation_id}
            )
            assert await self.sweep(db) == [free.reservation_id]
        assert await self.sweep(db) == [busy.reservation_id]

    async def test_two_sweepers_and_the_workflows_timers_expire_each_hold_once(self, db: Database) -> None:
        item = await add_stock(db, 100)
        held = [await hold(db, want(item, 1), hold_seconds=0) for _ in range(30)]
        sweeps = asyncio.gather(*(self.sweep(db, batch_rows=10) for _ in range(4)))
        timers = asyncio.gather(*(settle(db, each, EXPIRED) for each in held))
        swept, outcomes = await asyncio.gather(sweeps, timers)
        by_sweeper = [reservation_id for batch in swept for reservation_id in batch]
        assert len(by_sweeper) == len(set(by_sweeper))
        assert len(by_sweeper) + sum(outcome.changed for outcome in outcomes) == 30
        assert {outcome.status for outcome in outcomes} == {EXPIRED}
        await assert_invariants(db)
