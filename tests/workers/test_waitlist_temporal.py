"""The waker with the real workflows: what it offers is held, sold and released as any other reservation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from temporalio.client import Client

from activities.reservations import ReservationActivities
from db.engine import Database
from domain.contracts.names import reservation_workflow_id
from domain.contracts.reservations import Decision, DecisionRequest
from runtime.search_attributes import ensure_search_attributes
from runtime.settings import Settings
from runtime.temporal import connect
from tests.lines import join, look, statuses
from tests.stocking import TESTER, add_stock, assert_invariants, stock_now
from tests.workers.waiting import running, until
from workers.bridge_temporal import TemporalReservations
from workers.temporal_workers import reservation_worker
from workers.waitlist import Waker


@pytest.fixture(scope="module")
async def client(settings: Settings) -> Client:
    client = await connect(settings, process="test")
    await ensure_search_attributes(client)
    return client


@pytest.fixture(scope="module")
async def db(settings: Settings) -> AsyncIterator[Database]:
    opened = Database.connect(settings, process="test")
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
async def shop(settings: Settings, db: Database, client: Client) -> AsyncIterator[TemporalReservations]:
    """Workflows and a waker, all running."""
    workflows = TemporalReservations(client)
    async with (
        reservation_worker(client, ReservationActivities(db, settings), settings),
        running(Waker(db, workflows)),
    ):
        yield workflows


async def reservation_of(db: Database, entry_id: UUID) -> UUID:
    """The reservation that an entry is offered, once it is."""

    async def found() -> UUID | None:
        return (await look(db, entry_id)).entry.reservation_id

    return UUID(str(await until(found)))


async def test_an_offer_is_sold_by_a_decision_as_any_other_reservation(
    db: Database, client: Client, shop: TemporalReservations
) -> None:
    item = await add_stock(db, 2)
    entry_id = await join(db, item.sku, 2, order_id="waited")
    reservation_id = await reservation_of(db, entry_id)
    handle = client.get_workflow_handle(reservation_workflow_id(reservation_id))

    async def decided() -> bool:
        paid = DecisionRequest(decision_id="paid", actor_id=TESTER.actor_id, actor_name=TESTER.name)
        return await shop.decide(reservation_id, Decision.COMMIT, paid)

    await until(decided)
    assert await handle.result() == "COMMITTED"
    assert await (await handle.describe()).static_summary() == f"2 × {item.sku} · order waited"
    assert (await stock_now(db, item)).quantity_total == 0
    await assert_invariants(db)


async def test_what_one_lets_expire_the_next_one_gets(db: Database, client: Client, shop: TemporalReservations) -> None:
    item = await add_stock(db, 1)
    first, second = await join(db, item.sku, hold_seconds=1), await join(db, item.sku)
    lost, won = await reservation_of(db, first), await reservation_of(db, second)
    assert await client.get_workflow_handle(reservation_workflow_id(lost)).result() == "EXPIRED"
    assert await statuses(db, first, second) == ["OFFERED", "OFFERED"]
    assert (await stock_now(db, item)).quantity_reserved == 1
    assert lost != won
    await assert_invariants(db)
