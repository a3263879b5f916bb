"""Reads the service's events from Kafka all the time and forgets none, whatever the broker forgets.

An epoch is the life of one set of topics: a broker that has forgotten them begins another, with offsets from 0. Tells
what it has read and when; judges nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from runtime.kafka import topic_partitions
from runtime.settings import Settings

PAUSE_SECONDS = 0.2
POLL_MS = 200
ANSWER_SECONDS_MAX = 10.0


@dataclass(frozen=True, slots=True)
class News:
    """One record of the topic of inventory events."""

    epoch: int
    partition: int
    offset: int
    event_id: str
    type: str
    stream_id: str
    sequence: int
    key: str


class NewsReader:
    """A consumer without a group that starts again whenever it must, and remembers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = settings.kafka_topic_inventory_events
        self._epoch = 0
        self._read: dict[tuple[int, int, int], News] = {}
        self._heard: dict[tuple[str, str], asyncio.Event] = {}

    @property
    def read(self) -> list[News]:
        """Everything, in the order of epochs, partitions and offsets."""
        return [self._read[place] for place in sorted(self._read)]

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Reads inside."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def forgotten(self) -> None:
        """The broker has lost its topics; what it has from now on is another epoch."""
        self._epoch += 1

    async def heard(self, key: str, kind: str) -> None:
        """Returns when an event of this key and type has been read."""
        await self._event(key, kind).wait()

    async def to_the_end(self) -> None:
        """Read what the topic holds from its beginning to its end, with a new consumer. Raises KafkaError, OSError."""
        async with self._consumer() as consumer:
            partitions = consumer.assignment()
            ends = await consumer.end_offsets(partitions)
            async with asyncio.timeout(ANSWER_SECONDS_MAX * 3):
                while any([await consumer.position(one) < ends[one] for one in partitions]):
                    await self._take(consumer, self._epoch)

    async def _run(self) -> None:
        while True:
            # In a task of its own: a consumer that is stopped lets a cancellation of its inner tasks out (aiokafka).
            await asyncio.gather(self._read_on(), return_exceptions=True)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _read_on(self) -> None:
        """Read until another epoch begins, or nothing came for a while: a consumer that is stuck does not know it."""
        async with self._consumer() as consumer:
            epoch, since = self._epoch, time.monotonic()
            while epoch == self._epoch and time.monotonic() < since + ANSWER_SECONDS_MAX:
                if await self._take(consumer, epoch):
                    since = time.monotonic()

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        """One at the beginning of every partition. Topics are never made here: that is the service's to do."""
        count = (await topic_partitions(self._settings)).get(self._topic)
        if not count:
            raise KafkaError(f"{self._topic} is not there yet")
        consumer = AIOKafkaConsumer(
            bootstrap_servers=list(self._settings.kafka_brokers),
            client_id="chaos-news",
            auto_offset_reset="earliest",
            fetch_max_wait_ms=20,
            request_timeout_ms=5_000,
            retry_backoff_ms=100,
            metadata_max_age_ms=5_000,
        )
        try:
            await consumer.start()
            partitions = [TopicPartition(self._topic, number) for number in range(count)]
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            yield consumer
        finally:
            await consumer.stop()

    async def _take(self, consumer: AIOKafkaConsumer, epoch: int) -> bool:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            batches = await consumer.getmany(timeout_ms=POLL_MS)
        for partition, records in batches.items():
            for record in records:
                self._remember(_as_news(record, epoch, partition.partition))
        return bool(batches)

    def _remember(self, news: News) -> None:
        self._read.setdefault((news.epoch, news.partition, news.offset), news)
        self._event(news.key, news.type).set()

    def _event(self, key: str, kind: str) -> asyncio.Event:
        return self._heard.setdefault((key, kind), asyncio.Event())


def _as_news(record: Any, epoch: int, partition: int) -> News:
    headers = {name: value.decode() for name, value in record.headers}
    return News(
        epoch=epoch,
        partition=partition,
        offset=record.offset,
        event_id=headers["ce_id"],
        type=headers["ce_type"],
        stream_id=headers["ce_subject"].rsplit("/", 1)[-1],
        sequence=int(headers["ce_sequence"]),
        key=record.key.decode(),
    )
