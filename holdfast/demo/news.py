"""The demo's ear and voice on Kafka: everything on inventory.events, and events of an order service that is not there.

Speaks as any other service would: CloudEvents headers and JSON bodies. Sees nothing but the topic.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from runtime.kafka import AIOKafkaConsumer, AIOKafkaProducer, make_consumer, make_producer, start
from runtime.settings import Settings

ORDER_SOURCE = "/demo/orders"
WAIT_SECONDS_MAX = 45.0
"""Long enough for a bridge that was killed: its partitions move on after a session timeout."""


@dataclass(frozen=True, slots=True)
class News:
    """One event as a consumer sees it. `seen_at` is the consumer's clock, seconds since the epoch."""

    event_id: str
    type: str
    body: dict[str, Any]
    seen_at: float

    def is_about(self, order_id: str, event_type: str) -> bool:
        """Whether this is that news of that order."""
        return self.type == event_type and self.body.get("orderId") == order_id


class Newsroom:
    """Reads inventory.events from the beginning, and writes to order.events."""

    def __init__(self, settings: Settings, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer) -> None:
        self._settings = settings
        self._consumer = consumer
        self._producer = producer
        self._arrived = asyncio.Condition()
        self.seen: list[News] = []

    async def listen(self) -> None:
        """Collect news until cancelled."""
        async for record in self._consumer:
            headers = dict(record.headers)
            news = News(headers["ce_id"].decode(), headers["ce_type"].decode(), json.loads(record.value), time.time())
            async with self._arrived:
                self.seen.append(news)
                self._arrived.notify_all()

    async def until(self, order_id: str, event_type: str, *, seconds_max: float = WAIT_SECONDS_MAX) -> News:
        """The first such news of an order. Raises TimeoutError."""
        await self.wait_for(lambda: any(it.is_about(order_id, event_type) for it in self.seen), seconds_max)
        return next(it for it in self.seen if it.is_about(order_id, event_type))

    async def wait_for(self, condition: Callable[[], bool], seconds_max: float = WAIT_SECONDS_MAX) -> None:
        """Return when `condition` is true, looked at with each arrival. Raises TimeoutError."""
        async with asyncio.timeout(seconds_max), self._arrived:
            await self._arrived.wait_for(condition)

    async def send(self, event_type: str, order_id: str, *, event_id: str = "", **body: Any) -> float:
        """Say that something happened to an order; answers when, on our clock."""
        event_id = event_id or str(uuid.uuid4())
        value = {"eventId": event_id, "orderId": order_id, "timestamp": datetime.now(UTC).isoformat(), **body}
        attributes = {"specversion": "1.0", "id": event_id, "source": ORDER_SOURCE, "type": event_type}
        headers = [(f"ce_{name}", text.encode()) for name, text in attributes.items()]
        sent_at = time.time()
        await self._producer.send_and_wait(
            self._settings.kafka_topic_order_events,
            json.dumps(value).encode(),
            key=order_id.encode(),
            headers=[*headers, ("content-type", b"application/json")],
        )
        return sent_at

    def counts(self) -> list[tuple[str, int, int]]:
        """For each type: how many records came, and how many different events they were."""
        records = Counter(it.type for it in self.seen)
        events = Counter(event_type for event_type, _ in {(it.type, it.event_id) for it in self.seen})
        return [(event_type, records[event_type], events[event_type]) for event_type in sorted(records)]

    def distinct(self, event_type: str) -> Iterable[News]:
        """Each event of a type once, however often it was delivered."""
        return {it.event_id: it for it in self.seen if it.type == event_type}.values()


@asynccontextmanager
async def open_newsroom(settings: Settings) -> AsyncIterator[Newsroom]:
    """Listens while the context is open, in a consumer group of its own."""
    group_id = f"demo-{uuid.uuid4().hex[:8]}"
    consumer = make_consumer(settings, [settings.kafka_topic_inventory_events], group_id=group_id)
    producer = make_producer(settings)
    await start(producer)
    try:
        await start(consumer)
        newsroom = Newsroom(settings, consumer, producer)
        listening = asyncio.create_task(newsroom.listen())
        try:
            yield newsroom
        finally:
            listening.cancel()
            await asyncio.wait({listening})
            # Without a broker, stopping ends in a cancellation of aiokafka's own: nothing of ours.
            await asyncio.gather(consumer.stop(), return_exceptions=True)
    finally:
        await producer.stop()
