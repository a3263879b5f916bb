"""A database and topics for each test, a broker that can be restarted, and readers that wait for what must come."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from db.engine import Database
from holdfast.stack.broker import broker_part
from holdfast.stack.embedded import Stack
from runtime.kafka import (
    AIOKafkaConsumer,
    ConsumerRecord,
    TopicPartition,
    ensure_topics,
    make_producer,
    start,
)
from runtime.settings import Settings
from workers.topics import PARTITIONS, all_topics

WAIT_SECONDS_MAX = 30.0
TOPIC_SETTINGS = tuple(f"kafka_topic_{kind}_events" for kind in ("inventory", "order", "product"))

_numbers = itertools.count(1)


@pytest.fixture
def kafka(database: Settings, kafka_server: Stack) -> Settings:
    """Settings with a database and with topics and a group that no other test uses."""
    number = next(_numbers)
    names = {f"kafka_topic_{kind}_events": f"{kind}.{number}" for kind in ("inventory", "order", "product")}
    return database.model_copy(
        update={**kafka_server.addresses, **names, "kafka_group_id": f"group-{number}", "event_wait_seconds": 20.0}
    )


@pytest.fixture
async def db(kafka: Settings) -> AsyncIterator[Database]:
    """The database of `kafka`, emptied of what an earlier test of the module left."""
    opened = Database.connect(kafka, process="test")
    async with opened.write() as session:
        await session.execute(text("truncate outbox, inbox, relay_members, reservation_lines, reservations cascade"))
        await session.execute(text("update relay_leases set owner = null, leased_until = '-infinity'"))
    yield opened
    await opened.close()


class Broker:
    """The embedded broker on a port of its own. A restart forgets everything."""

    def __init__(self, directory: Any) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._part = broker_part(directory, self.port, directory / "broker.log")
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        self._process = subprocess.Popen(
            self._part.command,
            env=dict(self._part.environment),
            cwd=self._part.directory,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        await until(self._ready)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    async def _ready(self) -> bool:
        try:
            await self._part.ready()
        except Exception:
            return False
        return True


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


async def until(condition: Callable[[], Awaitable[Any]], seconds_max: float = WAIT_SECONDS_MAX) -> Any:
    """What `condition` answers once it is true. Fails after `seconds_max`."""
    async with asyncio.timeout(seconds_max):
        while not (answer := await condition()):  # noqa: ASYNC110 - another process or server decides
            await asyncio.sleep(0.02)
        return answer


@asynccontextmanager
async def running(*services: Any) -> AsyncIterator[None]:
    """Run services that take a stop event; all end when the block does, and the block when one fails."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for service in services:
            group.create_task(service.run(stop))
        try:
            yield
        finally:
            stop.set()


class Reader:
    """Everything in one topic from its beginning, read as it comes."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self.records: list[ConsumerRecord[bytes, bytes]] = []

    async def at_least(self, count: int) -> list[ConsumerRecord[bytes, bytes]]:
        """The first records, once `count` are there."""
        return await self.matching(count, lambda _record: True)

    async def matching(self, count: int, matches: Callable[[Any], bool]) -> list[ConsumerRecord[bytes, bytes]]:
        """The first records that match, once there are `count` of them."""
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            while len(found := [record for record in self.records if matches(record)]) < count:
                batches = await self._consumer.getmany(timeout_ms=100)
                self.records += [record for records in batches.values() for record in records]
        return found


@asynccontextmanager
async def reading(settings: Settings, topic: str) -> AsyncIterator[Reader]:
    await ensure_topics(settings, all_topics(settings))
    consumer = AIOKafkaConsumer(
        bootstrap_servers=list(settings.kafka_brokers), auto_offset_reset="earliest", fetch_max_wait_ms=5
    )
    await start(consumer)
    consumer.assign([TopicPartition(topic, partition) for partition in range(PARTITIONS)])
    try:
        yield Reader(consumer)
    finally:
        await consumer.stop()


@asynccontextmanager
async def publishing(settings: Settings) -> AsyncIterator[Callable[..., Awaitable[Any]]]:
    """A function that sends one record (a topic, a value in bytes or JSON, a key, headers) and answers its place."""
    await ensure_topics(settings, all_topics(settings))
    producer = make_producer(settings)
    await start(producer)

    async def publish(topic: str, value: Any, *, key: str | None = None, headers: dict[str, str] | None = None) -> Any:
        raw = value if isinstance(value, bytes) else json.dumps(value).encode()
        sent = [(name, content.encode()) for name, content in (headers or {}).items()]
        return await producer.send_and_wait(topic, raw, key=key.encode() if key else None, headers=sent)

    try:
        yield publish
    finally:
        await producer.stop()


async def add_event(
    database: Database, key: str, sequence: int, *, stream_id: UUID, type_: str = "inventory.out_of_stock"
) -> None:
    """One row of the outbox, in a commit of its own."""
    async with database.write() as session:
        await insert_event(session, key, sequence, stream_id=stream_id, type_=type_)


async def insert_event(
    session: Any, key: str, sequence: int, *, stream_id: UUID, type_: str = "inventory.out_of_stock"
) -> None:
    await session.execute(
        text("""
            insert into outbox (type, key, stream_id, sequence, data)
            values (:type, cast(:key as varchar), :stream_id, :sequence,
                    jsonb_build_object('sku', cast(:key as varchar)))
        """),
        {"type": type_, "key": key, "stream_id": stream_id, "sequence": sequence},
    )


async def scalar(database: Database, statement: str, **values: Any) -> Any:
    async with database.read() as session:
        return (await session.execute(text(statement), values)).scalar()


async def rows(database: Database, statement: str, **values: Any) -> list[Any]:
    async with database.read() as session:
        return list((await session.execute(text(statement), values)).all())


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
