"""Everything that locks, at once and in every order: nobody blocks anybody for ever, not even for a moment."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

import pytest

from db import reservations
from db.engine import Database
from domain.contracts.reservations import Decision, SettleOutcome
from domain.reservations import Reservation, ReservationStatus
from domain.stock import StockItem
from tests.stocking import add_stock, hold, reservation_now, return_sold, settle, settle_request, stock_now, want

PENDING, COMMITTED, CANCELLED = ReservationStatus.PENDING, ReservationStatus.COMMITTED, ReservationStatus.CANCELLED
EXPIRED = ReservationStatus.EXPIRED


async def _sweep(db: Database) -> None:
    async with db.single() as session:
        await reservations.expire_overdue(session, grace_seconds=0, batch_rows=5)


async def _extend(db: Database, held: Reservation) -> SettleOutcome | None:
    request = settle_request(held.reservation_id, Decision.EXTEND, hold_seconds=1200, number=1)
    return await db.calling(
        lambda session: reservations.extend(session, request, lifetime_seconds_max=3600, extends_max=3)
    )


def _shuffled(items: Sequence[StockItem], dice: random.Random) -> list[StockItem]:
    return dice.sample(items, k=dice.randint(2, len(items)))


@pytest.mark.usefixtures("_no_deadlock")
async def test_orders_of_many_lines_in_every_order_settle_side_by_side(db: Database) -> None:
    dice = random.Random(20261123)
    items = [await add_stock(db, 500) for _ in range(4)]
    held = [await hold(db, *(want(item, 1) for item in _shuffled(items, dice))) for _ in range(30)]
    works: list[Callable[[], Awaitable[object]]] = []
    for each in held:
        target = dice.choice([COMMITTED, CANCELLED])
        works.append(lambda each=each, target=target: settle(db, each, target))  # type: ignore[misc]
        works.append(lambda each=each: _extend(db, each))  # type: ignore[misc]
    for _ in range(30):
        chosen = _shuffled(items, dice)
        works.append(lambda chosen=chosen: hold(db, *(want(item, 1) for item in chosen)))  # type: ignore[misc]
    dice.shuffle(works)
    await asyncio.gather(*(work() for work in works))
    assert {(await reservation_now(db, each)).status for each in held} <= {COMMITTED, CANCELLED}


@pytest.mark.usefixtures("_no_deadlock")
async def test_sweeps_reclaims_and_late_decisions_about_the_same_overdue_holds_get_along(db: Database) -> None:
    dice = random.Random(7)
    items = [await add_stock(db, 12) for _ in range(3)]
    overdue = [await hold(db, *(want(item, 1) for item in _shuffled(items, dice)), hold_seconds=0) for _ in range(12)]
    buyers = [hold(db, *(want(item, 4) for item in _shuffled(items, dice))) for _ in range(8)]
    late = [settle(db, each, dice.choice([COMMITTED, CANCELLED, EXPIRED])) for each in overdue]
    sweeps = [_sweep(db) for _ in range(6)]
    await asyncio.gather(*buyers, *late, *sweeps)
    assert {(await reservation_now(db, each)).status for each in overdue} == {EXPIRED}
    for item in items:
        after = await stock_now(db, item)
        assert 0 <= after.quantity_reserved <= after.quantity_total == 12


@pytest.mark.usefixtures("_no_deadlock")
async def test_a_hot_row_takes_holds_sales_and_returns_at_once(db: Database) -> None:
    item = await add_stock(db, 1000)

    async def life(turn: int) -> None:
        held = await hold(db, want(item, 1 + turn % 3))
        outcome = await settle(db, held, (COMMITTED, CANCELLED)[turn % 2])
        if outcome.status is COMMITTED and turn % 4 == 0:
            await return_sold(db, held)

    await asyncio.gather(*(life(turn) for turn in range(60)))
    sold = sum(1 + turn % 3 for turn in range(60) if turn % 2 == 0 and turn % 4 != 0)
    after = await stock_now(db, item)
    assert (after.quantity_total, after.quantity_reserved) == (1000 - sold, 0)
