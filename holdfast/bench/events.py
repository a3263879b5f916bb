"""From an order event to its answer on Kafka, and from a deadline to its release: what a consumer sees."""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from holdfast.bench.load import offer
from holdfast.bench.service_load import Shop
from runtime.kafka import make_consumer, make_producer, start
from runtime.settings import Settings

ANSWER_SECONDS_MAX = 30.0

Seen = Callable[[str, dict[str, Any]], None]


async def reserved_seconds(settings: Settings, shop: Shop, count: int, rate_per_second: float) -> list[float]:
    """Seconds from sending `order.created` to a consumer's `inventory.reserved`, for each of `count` orders."""
    sent: dict[str, float] = {}
    taken: list[float] = []

    def seen(kind: str, event: dict[str, Any]) -> None:
        begin = sent.pop(event.get("orderId", ""), None) if kind == "inventory.reserved" else None
        if begin is not None:
            taken.append(time.perf_counter() - begin)

    producer = make_producer(settings)
    await start(producer)
    try:
        async with consuming(settings, seen):

            async def order(_number: int, due: float) -> None:
                order_id = str(uuid.uuid4())
                sent[order_id] = due
                item = {"sku": random.choice(shop.skus), "quantity": 1}  # noqa: S311
                body = {
                    "eventId": str(uuid.uuid4()),
                    "eventType": "order.created",
                    "orderId": order_id,
                    "items": [item],
                }
                await producer.send_and_wait(
                    settings.kafka_topic_order_events, json.dumps(body).encode(), key=order_id.encode()
                )

            await offer(count, rate_per_second, order)
            await _until(lambda: not sent)
    finally:
        await producer.stop()
    return taken


async def expiry_lag_seconds(settings: Settings, shop: Shop, count: int, due_over_seconds: float) -> list[float]:
    """Seconds from deadline to release of `count` holds that fall due evenly over `due_over_seconds`."""
    lags: dict[str, float] = {}
    ours: set[str] = set()

    def seen(kind: str, event: dict[str, Any]) -> None:
        if kind == "inventory.released" and event.get("reason") == "expired":
            late = datetime.fromisoformat(event["settledAt"]) - datetime.fromisoformat(event["expiresAt"])
            lags[event["reservationId"]] = late.total_seconds()

    rate_per_second = count / due_over_seconds

    async def hold(_number: int, _due: float) -> None:
        body = {
            "orderId": str(uuid.uuid4()),
            "items": [{"sku": random.choice(shop.skus), "quantity": 1}],  # noqa: S311
            "holdSeconds": 10,
        }
        status, answer = await shop.post("/reservations", body)
        if status == 201:
            ours.add(answer["reservationId"])

    async with consuming(settings, seen):
        await offer(count, rate_per_second, hold)
        await _until(lambda: ours <= lags.keys())
    return [lags[reservation_id] for reservation_id in ours]


@asynccontextmanager
async def consuming(settings: Settings, seen: Seen) -> AsyncIterator[None]:
    """Tell `seen` of each new event on the inventory topic while the context is open."""
    alone = settings.model_copy(update={"kafka_group_id": f"bench-{uuid.uuid4()}"})
    consumer = make_consumer(alone, [settings.kafka_topic_inventory_events])
    await start(consumer)
    await _assigned(consumer)
    await consumer.seek_to_end()

    async def read() -> None:
        async for record in consumer:
            headers = {name: value.decode() for name, value in record.headers}
            seen(headers.get("ce_type", ""), json.loads(record.value))

    reading = asyncio.create_task(read())
    try:
        yield
    finally:
        reading.cancel()
        await consumer.stop()


async def _assigned(consumer: Any) -> None:
    await _until(lambda: bool(consumer.assignment()))


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(ANSWER_SECONDS_MAX):
        while not condition():  # noqa: ASYNC110 - looks at what callbacks of a library change
            await asyncio.sleep(0.01)
