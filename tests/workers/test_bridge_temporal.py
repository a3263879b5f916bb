"""The bridge with the real workflows on a Temporal server, and the relay behind both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from temporalio.client import Client

from activities.reservations import ReservationActivities
from db.engine import Database
from domain.contracts.names import reservation_workflow_id
from runtime.search_attributes import ensure_search_attributes
from runtime.settings import Settings
from runtime.temporal import connect
from tests.workers.streams import publishing, reading
from tests.workers.waiting import running
from tests.workers.world import World, put_stock
from workers.bridge import Bridge
from workers.bridge_temporal import TemporalReservations
from workers.relay import Relay
from workers.temporal_workers import reservation_worker


@pytest.fixture(scope="module")
async def client(settings: Settings) -> Client:
    client = await connect(settings, process="test")
    await ensure_search_attributes(client)
    return client


@pytest.fixture(scope="module")
async def whole(settings: Settings, client: Client) -> AsyncIterator[World]:
    """Bridge, workflows and relay, all real and all running."""
    database = Database.connect(settings, process="test")
    worker = reservation_worker(client, ReservationActivities(database, settings), settings)
    workflows = TemporalReservations(client)
    async with publishing(settings) as publish:
        world = World(settings, database, workflows, publish, "whole")  # type: ignore[arg-type]
        await put_stock(database, world.sku, quantity=100)
        async with worker, running(Bridge(settings, database, workflows), Relay(settings, database)):
            yield world
    await database.close()


async def end_of(client: Client, reservation_id: UUID) -> str:
    return str(await client.get_workflow_handle(reservation_workflow_id(reservation_id)).result())


async def test_an_order_is_held_paid_and_told_of_through_the_whole_line(whole: World, client: Client) -> None:
    async with reading(whole.settings, whole.settings.kafka_topic_inventory_events) as news:
        reservation_id = await whole.created("line", "line-created", quantity=2)
        await whole.order("line", "payment.successful", "line-paid")
        await whole.delivered("line-paid")
        assert await end_of(client, reservation_id) == "COMMITTED"
        told = await news.matching(2, lambda record: record.key == whole.name("line").encode())
    assert [dict(record.headers)["ce_type"] for record in told] == [b"inventory.reserved", b"inventory.committed"]
    description = await client.get_workflow_handle(reservation_workflow_id(reservation_id)).describe()
    assert await description.static_summary() == f"2 × {whole.sku} · order {whole.name('line')}"


async def test_a_payment_after_the_workflow_has_ended_is_answered_from_the_row(whole: World, client: Client) -> None:
    reservation_id = await whole.created("late", "late-created")
    await whole.order("late", "payment.failed", "late-failed")
    await whole.delivered("late-failed")
    assert await end_of(client, reservation_id) == "CANCELLED"
    await whole.order("late", "payment.successful", "late-paid")
    await whole.delivered("late-paid")
    (refused,) = await whole.events("inventory.commit_refused")
    assert (refused["reservationId"], refused["status"]) == (str(reservation_id), "CANCELLED")


async def test_a_reservation_whose_workflow_was_terminated_is_adopted_and_sold(whole: World, client: Client) -> None:
    reservation_id = await whole.created("lost", "lost-created")
    handle = client.get_workflow_handle(reservation_workflow_id(reservation_id))
    async with reading(whole.settings, whole.settings.kafka_topic_inventory_events) as news:
        await news.matching(1, lambda record: record.key == whole.name("lost").encode())
    await handle.terminate()
    await whole.order("lost", "payment.successful", "lost-paid")
    await whole.delivered("lost-paid")
    assert await end_of(client, reservation_id) == "COMMITTED"
    assert await whole.statuses("lost") == ["COMMITTED"]


async def test_a_cancelled_sale_comes_back(whole: World, client: Client) -> None:
    total, _ = await whole.stock()
    reservation_id = await whole.created("back", "back-created", quantity=5)
    await whole.order("back", "payment.successful", "back-paid")
    await whole.delivered("back-paid")
    assert await end_of(client, reservation_id) == "COMMITTED"
    await whole.order("back", "order.cancelled", "back-cancelled")
    await whole.delivered("back-cancelled")
    assert (await whole.stock())[0] == total
