"""Two that want the same reservation, the second made to wait for the first: each pair, in both orders.

The first has done its work and not committed yet when the second comes. What the second answers must be what the
first has left, and a first that is undone must leave no trace.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text

from db import holding, reservations
from db.engine import Database, WriteSession
from domain.contracts.reservations import Decision, SettleOutcome
from domain.reservations import Reservation, ReservationStatus
from tests.stocking import (
    add_stock,
    hold,
    hold_request,
    news_of,
    reservation_now,
    settle_request,
    stock_now,
    wait_until_blocked,
    want,
)

PENDING, COMMITTED, CANCELLED = ReservationStatus.PENDING, ReservationStatus.COMMITTED, ReservationStatus.CANCELLED
EXPIRED = ReservationStatus.EXPIRED
TARGETS = {Decision.COMMIT: COMMITTED, Decision.CANCEL: CANCELLED, Decision.EXPIRE: EXPIRED}

Act = Callable[[WriteSession, Reservation], Awaitable[SettleOutcome | None]]


def _settling(decision: Decision) -> Act:
    async def act(session: WriteSession, held: Reservation) -> SettleOutcome | None:
        request = settle_request(held.reservation_id, decision)
        return await reservations.settle(session, request, target=TARGETS[decision])

    return act


async def _extending(session: WriteSession, held: Reservation) -> SettleOutcome | None:
    request = settle_request(held.reservation_id, Decision.EXTEND, hold_seconds=1800, number=1)
    return await reservations.extend(session, request, lifetime_seconds_max=3600, extends_max=3)


ACTS: dict[str, Act] = {
    "commit": _settling(Decision.COMMIT),
    "cancel": _settling(Decision.CANCEL),
    "expire": _settling(Decision.EXPIRE),
    "extend": _extending,
}

LEFT_BY_LIVE = {"commit": COMMITTED, "cancel": CANCELLED, "expire": PENDING, "extend": PENDING}
"""What the first leaves of a hold before its deadline."""

THEN = {
    ("expire", "commit"): COMMITTED,
    ("expire", "cancel"): CANCELLED,
    ("extend", "commit"): COMMITTED,
    ("extend", "cancel"): CANCELLED,
}
"""What the second makes of a hold that the first has left PENDING."""


async def _one_after_the_other(
    db: Database, held: Reservation, first: Act, second: Act, *, undone: bool = False
) -> tuple[SettleOutcome | None, SettleOutcome | None]:
    try:
        async with db.write() as session:
            left = await first(session, held)
            waiting = asyncio.create_task(db.writing(lambda other: second(other, held)))
            await wait_until_blocked(db)
            if undone:
                raise _Undone
    except _Undone:
        left = None
    return left, await waiting


class _Undone(Exception):
    """The first one changes its mind."""


@pytest.mark.parametrize("second", ACTS)
@pytest.mark.parametrize("first", ACTS)
async def test_before_the_deadline_the_second_lives_with_what_the_first_has_left(
    db: Database, first: str, second: str
) -> None:
    item = await add_stock(db, 10)
    held = await hold(db, want(item, 4), hold_seconds=600)
    left, answered = await _one_after_the_other(db, held, ACTS[first], ACTS[second])
    assert left is not None
    assert answered is not None
    expected = THEN.get((first, second), LEFT_BY_LIVE[first])
    assert (left.status, answered.status) == (LEFT_BY_LIVE[first], expected)
    assert (await reservation_now(db, held)).status is expected
    after = await stock_now(db, item)
    assert after.quantity_total == (6 if expected is COMMITTED else 10)
    assert after.quantity_reserved == (4 if expected is PENDING else 0)


@pytest.mark.parametrize("second", ACTS)
@pytest.mark.parametrize("first", ACTS)
async def test_past_the_deadline_it_expires_once_whoever_comes_first(db: Database, first: str, second: str) -> None:
    item = await add_stock(db, 10)
    held = await hold(db, want(item, 4), hold_seconds=0)
    left, answered = await _one_after_the_other(db, held, ACTS[first], ACTS[second])
    assert left is not None
    assert answered is not None
    assert (left.status, left.changed) == (EXPIRED, True)
    assert (answered.status, answered.changed) == (EXPIRED, False)
    assert [event.type for event in await news_of(db, held.reservation_id)] == [
        "inventory.reserved",
        "inventory.released",
    ]
    assert (await stock_now(db, item)).quantity_available == 10


@pytest.mark.parametrize("second", ["commit", "cancel", "extend"])
@pytest.mark.parametrize("first", ["commit", "cancel", "extend"])
async def test_a_first_that_is_undone_leaves_everything_to_the_second(db: Database, first: str, second: str) -> None:
    item = await add_stock(db, 10)
    held = await hold(db, want(item, 4), hold_seconds=600)
    _, answered = await _one_after_the_other(db, held, ACTS[first], ACTS[second], undone=True)
    assert answered is not None
    assert (answered.status, answered.changed) == (LEFT_BY_LIVE[second], True)
    assert len(await news_of(db, held.reservation_id)) == 2


@pytest.mark.parametrize("act", ACTS)
async def test_a_buyer_who_is_short_waits_for_whoever_settles_the_overdue_hold(db: Database, act: str) -> None:
    item = await add_stock(db, 5)
    overdue = await hold(db, want(item, 5), hold_seconds=0)
    async with db.write() as session:
        await ACTS[act](session, overdue)
        buyer = asyncio.create_task(hold(db, want(item, 3)))
        await wait_until_blocked(db)
    assert (await buyer).status is PENDING
    assert len(await news_of(db, overdue.reservation_id)) == 2
    assert (await stock_now(db, item)).quantity_reserved == 3


@pytest.mark.parametrize("act", ACTS)
async def test_whoever_comes_after_a_buyer_who_reclaims_learns_that_it_has_expired(db: Database, act: str) -> None:
    item = await add_stock(db, 5)
    overdue = await hold(db, want(item, 5), hold_seconds=0)
    async with db.write() as session:
        # The buyer has reclaimed and holds; its transaction is still open.
        bought = await holding._hold_under_locks(session, hold_request([want(item, 3)]))
        late = asyncio.create_task(db.writing(lambda other: ACTS[act](other, overdue)))
        await wait_until_blocked(db)
    outcome = await late
    assert bought.status is PENDING
    assert outcome is not None
    assert (outcome.status, outcome.changed) == (EXPIRED, False)
    assert (await stock_now(db, item)).quantity_reserved == 3


@pytest.mark.parametrize("act", ACTS)
async def test_the_sweeper_passes_by_whoever_is_being_settled(db: Database, act: str) -> None:
    item = await add_stock(db, 5)
    overdue = await hold(db, want(item, 5), hold_seconds=0)
    async with db.write() as session:
        await ACTS[act](session, overdue)
        assert overdue.reservation_id not in await _swept(db)
    assert (await reservation_now(db, overdue)).status is EXPIRED
    assert overdue.reservation_id not in await _swept(db)


@pytest.mark.parametrize("act", ACTS)
async def test_whoever_comes_while_the_sweeper_is_at_it_learns_that_it_has_expired(db: Database, act: str) -> None:
    item = await add_stock(db, 5)
    overdue = await hold(db, want(item, 5), hold_seconds=0)
    async with db.write() as session:
        await reservations.expire_overdue(session, grace_seconds=0, batch_rows=100)
        late = asyncio.create_task(db.writing(lambda other: ACTS[act](other, overdue)))
        await wait_until_blocked(db)
    outcome = await late
    assert outcome is not None
    assert (outcome.status, outcome.changed) == (EXPIRED, False)


async def test_an_extension_in_time_keeps_a_buyer_from_reclaiming_the_hold(db: Database) -> None:
    """The buyer sees the hold overdue and waits for its lock; once he has it, the hold lives."""
    item = await add_stock(db, 5)
    held = await hold(db, want(item, 5), hold_seconds=600)
    soon = "update reservations set expires_at = clock_timestamp() + interval '3 s' where reservation_id = :id"
    async with db.write() as session:
        await session.execute(text(soon), {"id": held.reservation_id})
    async with db.write() as session:
        extended = await _extending(session, held)
        await session.execute(text("select pg_sleep(3)"))
        buyer = asyncio.create_task(hold(db, want(item, 1)))
        await wait_until_blocked(db)
    assert extended is not None
    assert extended.changed
    assert (await buyer).status is ReservationStatus.REJECTED
    assert (await reservation_now(db, held)).status is PENDING


async def _swept(db: Database) -> list[object]:
    async with db.single() as session:
        found = await reservations.expire_overdue(session, grace_seconds=0, batch_rows=100)
    return [expired.reservation_id for expired in found]
