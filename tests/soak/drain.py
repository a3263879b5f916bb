"""The herd's end: its stock and its news come out, its workflows close, and other customers notice nothing of it."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from runtime.kafka import make_consumer, start
from runtime.settings import Settings
from tests.soak.herd import Herd
from tests.soak.shop import AMPLE, FAILURES, SCARCE, SCARCE_STOCK, Held, Shop

TRICKLE_PER_SECOND = 4.0
ASSIGNED_SECONDS_MAX = 30.0
LATE_BUYERS_PER_SECOND = 10.0
LONG_SECONDS = 3_600.0
"""Other customers' holds last longer than the soak; they are paid for at once."""


@dataclass(slots=True)
class News:
    """`inventory.released` as a consumer sees it: when each reservation's first came, and how many came in all."""

    seen_at: dict[str, float] = field(default_factory=dict)
    copies: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Sale:
    """One of the other customers: when it asked (time.time()), and how long hold and commit took, in seconds."""

    asked_at: float
    hold_seconds: float
    commit_seconds: float


@asynccontextmanager
async def reading_news(settings: Settings) -> AsyncIterator[News]:
    """Read what comes to the inventory topic from now on, while the context is open."""
    alone = settings.model_copy(update={"kafka_group_id": f"soak-{uuid.uuid4()}"})
    consumer = make_consumer(alone, [settings.kafka_topic_inventory_events])
    news = News()
    await start(consumer)
    async with asyncio.timeout(ASSIGNED_SECONDS_MAX):
        while not consumer.assignment():  # noqa: ASYNC110 - looks at what callbacks of a library change
            await asyncio.sleep(0.05)
    await consumer.seek_to_end()
    reading = asyncio.create_task(_read(consumer, news))
    try:
        yield news
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await consumer.stop()


async def _read(consumer: Any, news: News) -> None:
    async for record in consumer:
        if ("ce_type", b"inventory.released") in record.headers:
            reservation_id = json.loads(record.value)["reservationId"]
            news.seen_at.setdefault(reservation_id, time.time())
            news.copies[reservation_id] += 1


@asynccontextmanager
async def trickling(shop: Shop) -> AsyncIterator[list[Sale]]:
    """Other customers, TRICKLE_PER_SECOND whatever happens to the earlier ones, while the context is open."""
    sales: list[Sale] = []
    stop = asyncio.Event()
    trickle = asyncio.create_task(_trickle(shop, sales, stop))
    try:
        yield sales
    finally:
        stop.set()
        await trickle


async def _trickle(shop: Shop, sales: list[Sale], stop: asyncio.Event) -> None:
    begin, number = time.monotonic(), 0
    async with asyncio.TaskGroup() as customers:
        while not stop.is_set():
            customers.create_task(_buy(shop, sales, number))
            number += 1
            await asyncio.sleep(max(0.0, begin + number / TRICKLE_PER_SECOND - time.monotonic()))


async def _buy(shop: Shop, sales: list[Sale], number: int) -> None:
    asked_at = time.time()
    try:
        held = await shop.hold(f"other-{number}", AMPLE[number % len(AMPLE)], 1, due_at=asked_at + LONG_SECONDS)
        waited_seconds = held.asked_at + held.seconds - asked_at
        sales.append(Sale(asked_at, waited_seconds, await shop.commit(held.reservation_id)))
    except FAILURES as error:
        shop.wrong.append(f"customer {number} beside the herd: {error!r}")


async def late_buyers(shop: Shop, herd: Herd) -> list[float]:
    """From the instant on at which the last who holds any is due: the whole stock of each scarce SKU for somebody new.

    Answers the seconds that each waited, or what went wrong is the shop's to tell.
    """
    last_due_at = max((held.expires_at for held in herd.held if held.sku in SCARCE), default=herd.due_at)
    await asyncio.sleep(max(0.0, last_due_at - time.time()))
    waits: list[float] = []

    async def buy(sku: str, delay_seconds: float) -> None:
        await asyncio.sleep(delay_seconds)
        begin = time.time()
        try:
            held: Held = await shop.hold(f"late-{sku}", sku, SCARCE_STOCK, due_at=begin + LONG_SECONDS)
            waits.append(time.time() - begin)
            await shop.commit(held.reservation_id)
        except FAILURES as error:
            shop.wrong.append(f"{sku} had expired and was refused: {error!r}")

    await asyncio.gather(*(buy(sku, number / LATE_BUYERS_PER_SECOND) for number, sku in enumerate(SCARCE)))
    return waits
