"""Kafka as other services see it: a broker that can be restarted, a reader of a topic, a publisher."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from holdfast.stack.broker import broker_part
from runtime.kafka import (
    AIOKafkaConsumer,
    ConsumerRecord,
    TopicPartition,
    ensure_topics,
    make_producer,
    start,
)
from runtime.settings import Settings
from tests.workers.waiting import WAIT_SECONDS_MAX, until
from workers.topics import PARTITIONS, all_topics


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
