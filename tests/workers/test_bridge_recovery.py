"""Bridges that start late, die early, lose Temporal or the broker, or are two."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from db.engine import Database
from runtime.settings import Settings
from tests.workers.fakes import FakeWorkflows
from tests.workers.streams import Broker, publishing, reading
from tests.workers.waiting import WAIT_SECONDS_MAX, running, scalar, until
from tests.workers.world import Publish, World, put_stock
from workers import bridge_consuming
from workers.bridge import Bridge

_tags = itertools.count(1)


@pytest.fixture
async def quiet(kafka: Settings, db: Database) -> AsyncIterator[World]:
    """The world before its bridge is started."""
    async with publishing(kafka) as publish:
        world = World(kafka, db, FakeWorkflows(db), publish, f"q{next(_tags)}")
        await put_stock(db, world.sku)
        yield world


def in_another_group(world: World) -> None:
    """The embedded broker makes a group wait 11 seconds when its only member is replaced; everything is read again."""
    world.settings = world.settings.model_copy(update={"kafka_group_id": f"{world.settings.kafka_group_id}-next"})


async def test_a_decision_that_waits_in_vain_is_dead_lettered(quiet: World) -> None:
    quiet.settings = quiet.settings.model_copy(update={"event_wait_seconds": 0.3})
    topic = quiet.settings.kafka_topic_order_events
    async with reading(quiet.settings, f"{topic}.dlq") as dead_letters, running(quiet.bridge()):
        await quiet.order("nobody", "payment.successful", "lonely", reason="because")
        (record,) = await dead_letters.at_least(1)
        await quiet.settled("DEAD", "lonely")
    headers = dict(record.headers)
    assert headers["dlq_reason"] == b"waited_too_long"
    assert headers["dlq_topic"] == topic.encode()
    assert headers["eventType"] == b"payment.successful"
    assert record.key == quiet.name("nobody").encode()
    assert json.loads(record.value)["reason"] == "because"


async def test_a_dead_letter_sent_again_starts_anew(quiet: World) -> None:
    quiet.settings = quiet.settings.model_copy(update={"event_wait_seconds": 0.3})
    topic = quiet.settings.kafka_topic_order_events
    async with reading(quiet.settings, f"{topic}.dlq") as dead_letters, running(quiet.bridge()):
        await quiet.order("o-1", "payment.successful", "paid")
        (record,) = await dead_letters.at_least(1)
        await quiet.created("o-1", "created")
        await quiet.delivered("created")
        headers = {name: value.decode() for name, value in record.headers}
        await quiet.publish(topic, record.value, key=quiet.name("o-1"), headers=headers)
        await quiet.delivered("paid")
    assert await quiet.statuses("o-1") == ["COMMITTED"]


async def test_while_temporal_is_away_events_wait_and_none_dies(quiet: World) -> None:
    quiet.settings = quiet.settings.model_copy(update={"event_wait_seconds": 0.1})
    quiet.workflows.available = False
    async with running(quiet.bridge()):
        await quiet.created("o-1", "created")
        await quiet.order("o-1", "payment.successful", "paid")
        await quiet.settled("RECEIVED", "created")
        quiet.workflows.available = True
        await quiet.delivered("created", "paid")
    assert await quiet.statuses("o-1") == ["COMMITTED"]


async def test_events_left_waiting_by_a_bridge_are_taken_up_by_the_next(quiet: World) -> None:
    async with running(quiet.bridge()):
        await quiet.order("o-1", "payment.successful", "paid")
        await quiet.settled("WAITING", "paid")
    await quiet.held_by_checkout("o-1")
    in_another_group(quiet)
    async with running(quiet.bridge()):
        await quiet.delivered("paid")
    assert await quiet.statuses("o-1") == ["COMMITTED"]


async def test_a_bridge_with_enough_in_hand_takes_in_no_more_until_half_is_done(
    quiet: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge_consuming, "JOBS_MAX", 4)
    monkeypatch.setattr(bridge_consuming, "POLL_RECORDS_MAX", 2)
    quiet.workflows.available = False
    for number in range(10):
        await quiet.created(f"o-{number}", f"e-{number}")
    async with running(quiet.bridge()):
        await until(lambda: paused_with(quiet, 4))
        quiet.workflows.available = True
        await quiet.delivered(*[f"e-{number}" for number in range(10)])
    assert await quiet.stock() == (10, 10)


async def paused_with(world: World, at_least: int) -> bool:
    """Several polls' time after that many were received, not many more are."""
    received = await scalar(world.database, "select count(*) from inbox")
    assert received < 10
    return bool(received >= at_least)


async def test_lost_database_connections_delay_events_and_double_none(quiet: World) -> None:
    own = Database.connect(quiet.settings, process="bridge-test")
    kill = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'holdfast-bridge-test'"
    async with running(Bridge(quiet.settings, own, quiet.workflows)):
        for number in range(10):
            await quiet.created(f"o-{number}", f"created-{number}")
            await quiet.order(f"o-{number}", "payment.successful", f"paid-{number}")
            await scalar(quiet.database, kill)
        await quiet.delivered(*[f"paid-{number}" for number in range(10)])
    await own.close()
    assert await quiet.stock() == (0, 0)


async def test_a_schema_that_lacks_what_we_need_ends_the_bridge_and_no_event(quiet: World) -> None:
    async with quiet.database.write() as session:
        await session.execute(text("alter table reservations rename to gone"))
    try:
        await quiet.created("o-1", "created")
        with pytest.raises(Exception, match="reservations"):
            await asyncio.wait_for(quiet.bridge().run(asyncio.Event()), WAIT_SECONDS_MAX)
    finally:
        async with quiet.database.write() as session:
            await session.execute(text("alter table gone rename to reservations"))
    assert await quiet.inbox_status("created") == "RECEIVED"


async def test_two_bridges_share_the_work_and_double_nothing(quiet: World) -> None:
    async with running(quiet.bridge(), quiet.bridge()):
        for number in range(10):
            await quiet.created(f"o-{number}", f"created-{number}")
            await quiet.order(f"o-{number}", "payment.successful", f"paid-{number}")
        await quiet.delivered(*[f"paid-{number}" for number in range(10)])
    assert await quiet.stock() == (0, 0)
    assert len(await quiet.events("inventory.committed")) == 10


async def test_a_broker_that_comes_back_empty_is_consumed_from_its_beginning(
    lonely: Settings, db: Database, broker: Broker
) -> None:
    await put_stock(db, "SKU-lonely")
    workflows = FakeWorkflows(db)
    async with running(Bridge(lonely, db, workflows)):
        async with publishing(lonely) as publish:
            world = World(lonely, db, workflows, publish, "lonely")
            for number in range(5):
                await world.created(f"o-{number}", f"e-{number}")
            await world.delivered(*[f"e-{number}" for number in range(5)])
        broker.kill()
        await broker.start()
        async with publishing(lonely) as publish:
            world = World(lonely, db, workflows, publish, "lonely")
            for number in range(3, 8):
                await world.created(f"o-{number}", f"e-{number}")
            await world.delivered(*[f"e-{number}" for number in range(8)])
    assert await world.stock() == (10, 8)


async def test_what_was_done_for_a_broker_that_forgot_is_not_committed_to_the_one_that_came_back(
    lonely: Settings, db: Database, broker: Broker
) -> None:
    """It takes the old offset for its own: what comes first in the new log would never be read."""
    await put_stock(db, "SKU-alone", 20)
    workflows = FakeWorkflows(db)
    async with running(Bridge(lonely, db, workflows)):
        async with publishing(lonely) as publish:
            world = World(lonely, db, workflows, partial(on_one_partition, publish), "alone")
            for number in range(5):
                await world.created(f"o-{number}", f"e-{number}")
            await world.delivered(*[f"e-{number}" for number in range(5)])
            workflows.available = False
            await world.created("o-5", "e-5")
            await world.settled("RECEIVED", "e-5")
        broker.kill()
        workflows.available = True
        await world.delivered("e-5")
        await broker.start()
        async with publishing(lonely) as publish:
            world.publish = partial(on_one_partition, publish)
            for number in range(6, 16):
                await world.created(f"o-{number}", f"e-{number}")
            await world.delivered(*[f"e-{number}" for number in range(16)])
    assert await world.stock() == (20, 16)


async def on_one_partition(publish: Publish, topic: str, value: Any, *, key: str, headers: dict[str, str]) -> Any:
    """In one log, whose offsets grow with each order."""
    return await publish(topic, value, key="one", headers=headers)
