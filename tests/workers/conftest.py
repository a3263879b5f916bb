"""A database and topics for each test, bridges that run or may be killed, and processes of ours."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import text

from db.engine import Database
from holdfast.stack.embedded import Stack
from runtime.settings import Settings
from tests.stocking import forget_reservations
from tests.workers.fakes import FakeWorkflows
from tests.workers.streams import Broker, publishing
from tests.workers.waiting import running
from tests.workers.world import World, put_stock

TOPIC_SETTINGS = tuple(f"kafka_topic_{kind}_events" for kind in ("inventory", "order", "product"))

_numbers = itertools.count(1)
_tags = itertools.count(1)


@pytest.fixture
def kafka(database: Settings, kafka_server: Stack) -> Settings:
    """Settings with a database and with topics and a group that no other test uses."""
    number = next(_numbers)
    names = {f"kafka_topic_{kind}_events": f"{kind}.{number}" for kind in ("inventory", "order", "product")}
    return database.model_copy(
        update={**kafka_server.addresses, **names, "kafka_group_id": f"group-{number}", "event_wait_seconds": 120.0}
    )


@pytest.fixture
async def db(kafka: Settings) -> AsyncIterator[Database]:
    """The database of `kafka`, emptied of what an earlier test of the module left."""
    opened = Database.connect(kafka, process="test")
    async with opened.write() as session:
        await forget_reservations(session, "inbox", "relay_members")
        await session.execute(text("update relay_leases set owner = null, leased_until = '-infinity'"))
    yield opened
    await opened.close()


@pytest.fixture
async def broker(tmp_path: Any) -> AsyncIterator[Broker]:
    own = Broker(tmp_path)
    await own.start()
    yield own
    own.kill()


@pytest.fixture
def lonely(kafka: Settings, broker: Broker) -> Settings:
    """Like `kafka`, on the broker that may be restarted."""
    return kafka.model_copy(update={"kafka_brokers": (f"127.0.0.1:{broker.port}",)})


@pytest.fixture(scope="module")
async def busy(database: Settings, kafka_server: Stack) -> AsyncIterator[World]:
    number = next(_numbers)
    names = {f"kafka_topic_{kind}_events": f"{kind}.busy.{number}" for kind in ("inventory", "order", "product")}
    settings = database.model_copy(update={**kafka_server.addresses, **names, "kafka_group_id": f"busy-{number}"})
    opened = Database.connect(settings, process="test")
    async with publishing(settings) as publish:
        world = World(settings, opened, FakeWorkflows(opened), publish, "none")
        async with running(world.bridge()):
            yield world
    await opened.close()


@pytest.fixture
async def world(busy: World) -> World:
    """A shelf and ids of its own beside a bridge that all tests share."""
    tag = f"t{next(_tags)}"
    busy.workflows.calls.clear()
    busy.workflows.decisions.clear()
    busy.workflows.asleep = False
    own = World(busy.settings, busy.database, busy.workflows, busy.publish, tag)
    await put_stock(own.database, own.sku)
    return own


@pytest.fixture
def start_child() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start one of our processes on the servers of the settings; killed at the end if it still lives."""
    children: list[subprocess.Popen[bytes]] = []

    def begin(settings: Settings, process: str, **environment: str) -> subprocess.Popen[bytes]:
        names = ("db_host", "db_port", "db_name", "db_user", "kafka_group_id", *TOPIC_SETTINGS)
        led = {name.upper(): str(getattr(settings, name)) for name in names}
        secret = {"DB_PASSWORD": settings.db_password.get_secret_value(), "PROMETHEUS_PORT": "0", "APP_ENV": "test"}
        brokers = {"KAFKA_BROKERS": ",".join(settings.kafka_brokers)}
        child = subprocess.Popen(
            [sys.executable, "-m", "holdfast", process],
            env={**os.environ, **led, **secret, **brokers, **environment},
            stderr=subprocess.DEVNULL,
        )
        children.append(child)
        return child

    yield begin
    for child in children:
        child.kill()
        child.wait()
