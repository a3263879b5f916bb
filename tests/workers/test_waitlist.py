"""The waker on a real Postgres: whatever frees stock wakes who is next, in order, once, whoever else is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import REGISTRY

from db import reservations, waitlist
from db.engine import Database
from domain.contracts.reservations import HoldRequest
from domain.errors import Unavailable
from domain.reservations import ReservationStatus
from runtime.settings import Settings
from tests.lines import age, join, look, receive, statuses
from tests.stocking import add_stock, assert_invariants, hold, return_sold, settle, stock_now, want
from tests.workers.waiting import running, scalar, until
from workers import waitlist as waker_module
from workers.waitlist import Waker


class FakeReservations:
    """Implements waitlist.Reservations. `away` fails every start; `frozen` ones never come back until let go."""

    def __init__(self) -> None:
        self.started: list[HoldRequest] = []
        self.away = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def start(self, request: HoldRequest) -> None:
        await self.gate.wait()
        if self.away:
            raise Unavailable("Temporal cannot answer right now")
        self.started.append(request)


@pytest.fixture
def workflows() -> FakeReservations:
    return FakeReservations()


@pytest.fixture
async def db(database: Settings) -> AsyncIterator[Database]:
    opened = Database.connect(database, process="test")
    yield opened
    await opened.close()


def offered(db: Database, *entry_ids: UUID) -> Any:
    async def all_are() -> bool:
        return set(await statuses(db, *entry_ids)) == {"OFFERED"}

    return all_are


@pytest.mark.parametrize("way", ["release", "expiry", "receipt", "return"])
async def test_whatever_frees_stock_wakes_who_is_next(db: Database, workflows: FakeReservations, way: str) -> None:
    item = await add_stock(db, 1)
    held = await hold(db, want(item, 1), hold_seconds=-1 if way == "expiry" else 900)
    if way in {"receipt", "return"}:
        await settle(db, held, ReservationStatus.COMMITTED)
    first, second = await join(db, item.sku), await join(db, item.sku)
    ways: dict[str, Any] = {
        "release": lambda: settle(db, held, ReservationStatus.CANCELLED),
        "expiry": lambda: db.calling(lambda s: reservations.expire_overdue(s, grace_seconds=0, batch_rows=10)),
        "receipt": lambda: receive(db, item, 1),
        "return": lambda: return_sold(db, held),
    }
    async with running(Waker(db, workflows)):
        await ways[way]()
        await until(offered(db, first))
    assert await statuses(db, second) == ["WAITING"]
    assert [request.reservation_id for request in workflows.started] == [(await look(db, first)).entry.reservation_id]
    await assert_invariants(db)


async def test_two_wakers_serve_a_long_line_in_order_and_start_each_workflow_once(
    db: Database, workflows: FakeReservations
) -> None:
    item = await add_stock(db, 0)
    line = [await join(db, item.sku) for _ in range(30)]
    async with running(Waker(db, workflows), Waker(db, workflows)):
        for pieces in (4, 1, 10):
            await receive(db, item, pieces)
            served = (await stock_now(db, item)).quantity_total
            await until(offered(db, *line[:served]))
            assert set(await statuses(db, *line[served:])) == {"WAITING"}
    entries = [(await look(db, entry_id)).entry for entry_id in line[:15]]
    times = [entry.settled_at for entry in entries if entry.settled_at]
    assert times == sorted(times)
    assert sorted(request.reservation_id for request in workflows.started) == sorted(
        entry.reservation_id for entry in entries if entry.reservation_id
    )
    await assert_invariants(db)


async def test_offers_go_on_while_temporal_is_away_or_silent(db: Database, workflows: FakeReservations) -> None:
    item = await add_stock(db, 2)
    line = [await join(db, item.sku) for _ in range(3)]
    workflows.gate.clear()
    workflows.away = True
    async with running(Waker(db, workflows)):
        await until(offered(db, *line[:2]))
        await receive(db, item, 1)
        await until(offered(db, line[2]))
        workflows.gate.set()
    assert workflows.started == []
    assert (await stock_now(db, item)).quantity_reserved == 3
    await assert_invariants(db)


async def test_it_finishes_the_starts_that_it_has_begun_before_it_stops(
    db: Database, workflows: FakeReservations
) -> None:
    item = await add_stock(db, 1)
    entry_id = await join(db, item.sku)
    workflows.gate.clear()
    stop = asyncio.Event()
    running_waker = asyncio.create_task(Waker(db, workflows).run(stop))
    await until(offered(db, entry_id))
    stop.set()
    await asyncio.sleep(0)
    workflows.gate.set()
    await running_waker
    assert len(workflows.started) == 1


async def test_who_has_waited_too_long_is_told_and_a_database_that_is_away_is_waited_for(
    db: Database, workflows: FakeReservations, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = await add_stock(db, 1)
    late, next_one = await join(db, item.sku), await join(db, item.sku)
    await age(db, late)
    before = REGISTRY.get_sample_value("inventory_waitlist_entries_total", {"outcome": "expired"}) or 0
    expire, failures = waitlist.expire, [Unavailable("no"), Unavailable("no")]

    async def moody(session: Any, *, batch_rows: int) -> int:
        if failures:
            raise failures.pop()
        return await expire(session, batch_rows=batch_rows)

    monkeypatch.setattr(waitlist, "expire", moody)
    async with running(Waker(db, workflows)):
        await until(offered(db, next_one))
    assert await statuses(db, late) == ["EXPIRED"]
    assert REGISTRY.get_sample_value("inventory_waitlist_entries_total", {"outcome": "expired"}) == before + 1


async def test_it_looks_at_every_line_a_few_at_a_time_and_says_whether_anybody_waits(
    db: Database, workflows: FakeReservations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waker_module, "SKUS_PER_LOOK", 2)
    waker, stop = Waker(db, workflows), asyncio.Event()
    items = [await add_stock(db, number % 2) for number in range(7)]
    line = [await join(db, item.sku) for item in items]
    delays = REGISTRY.get_sample_value("inventory_waitlist_delay_seconds_count") or 0
    assert await waker.look(stop)
    assert await statuses(db, *line) == ["WAITING", "OFFERED"] * 3 + ["WAITING"]
    assert REGISTRY.get_sample_value("inventory_waitlist_delay_seconds_count") == delays + 3
    waiting = await scalar(db, "select array_agg(entry_id) from waitlist_entries where status = 'WAITING'")
    await db.calling(lambda session: waitlist.withdraw(session, waiting, None))
    assert not await waker.look(stop)
