"""The order service as a good neighbour: sends its events until Kafka has them, and again when Kafka lost them.

An event keeps its id however often it is sent. What it told is remembered for the oracle.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from runtime.kafka import AIOKafkaProducer, KafkaError, make_producer, start, topic_partitions
from runtime.settings import Settings

PAUSE_SECONDS = 0.3
AGAIN_SECONDS = 15.0
"""What was last sent within this time before a broker forgot is sent again: the bridge may not have read it."""

TOPICS_SECONDS_MAX = 60.0

Sent = tuple[float, str, dict[str, Any]]
"""When last, the event's type, the event."""


class OrderService:
    """One producer at a time; whoever publishes waits until Kafka has answered for it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = settings.kafka_topic_order_events
        self._producer: AIOKafkaProducer | None = None
        self._sent: dict[str, Sent] = {}
        self.told: dict[str, str] = {}
        """Event ids that Kafka has had, and their types."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Can publish inside."""
        await self._renew()
        try:
            yield
        finally:
            await self._close()

    async def publish(self, kind: str, event: dict[str, Any]) -> None:
        """Send an event; returns when Kafka has it."""
        await self._send(kind, event)
        self.told[event["eventId"]] = kind

    def last_sent(self, event_id: str) -> tuple[float, str]:
        """When an event was last handed to Kafka (`time.monotonic`), and its type."""
        sent, kind, _ = self._sent[event_id]
        return sent, kind

    async def broker_forgot(self, at: float) -> None:
        """The topics of before `at` are gone: wait until the service has made them again, and send what may be lost.

        Twice: what the embedded broker took in for a topic that it did not have stays there as a batch, at offsets that
        it gives out again later. A consumer that has read past that batch never sees the first records behind it.
        """
        async with asyncio.timeout(TOPICS_SECONDS_MAX):
            while not await self._topic_is_there():  # noqa: ASYNC110 - a broker tells nobody
                await asyncio.sleep(PAUSE_SECONDS)
        await self._renew()
        for _round in range(2):
            for _, kind, event in [one for one in self._sent.values() if one[0] > at - AGAIN_SECONDS]:
                await self._send(kind, event)

    async def _send(self, kind: str, event: dict[str, Any]) -> None:
        self._sent[event["eventId"]] = (time.monotonic(), kind, event)
        headers = [("ce_type", kind.encode()), ("ce_id", event["eventId"].encode()), ("ce_source", b"/orders")]
        headers.append(("ce_specversion", b"1.0"))
        content, key = json.dumps(event).encode(), event["orderId"].encode()
        while True:
            try:
                assert self._producer is not None, "open before anything is published"
                await self._producer.send_and_wait(self._topic, content, key=key, headers=headers)
            except (KafkaError, OSError):
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                return

    async def _renew(self) -> None:
        old, fresh = self._producer, make_producer(self._settings)
        await start(fresh)
        self._producer = fresh
        if old is not None:
            await _stopped(old)

    async def _close(self) -> None:
        if self._producer is not None:
            await _stopped(self._producer)

    async def _topic_is_there(self) -> bool:
        try:
            return self._topic in await topic_partitions(self._settings)
        except (KafkaError, OSError):
            return False


async def _stopped(producer: AIOKafkaProducer) -> None:
    """What it still had in hand is sent by another, or was told to nobody."""
    try:
        async with asyncio.timeout(5.0):
            await producer.stop()
    except (KafkaError, OSError, TimeoutError):
        return
