"""A flash sale: thousands of buyers for one row, by REST and by order events, and each of them told what became of it.

Buyers do as they would: who is sent away with 503 comes back when he was told; who gets it pays for it. Buyers by
event learn their fate from Kafka.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from holdfast.bench.events import consuming
from holdfast.bench.load import offer
from holdfast.bench.service_load import Shop
from runtime.kafka import make_producer, start
from runtime.settings import Settings

PAYMENT_SECONDS = 0.3
PAYMENT_TRIES_MAX = 20
QUIET_SECONDS_MAX = 120.0
"""How long the last fates may take once everyone has asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """What is sold and who comes: `events_share` of the buyers order by event, the rest by REST."""

    units: int = 1_000
    buyers: int = 20_000
    events_share: float = 0.1
    rate_per_second: float = 150.0
    seed: int = 7


@dataclass(slots=True)
class Fates:
    """What became of the buyers. Durations in seconds; `told` from the first ask to the last word, waits included."""

    counts: Counter[str] = field(default_factory=Counter)
    refused: list[float] = field(default_factory=list)
    shed: list[float] = field(default_factory=list)
    held: list[float] = field(default_factory=list)
    committed: list[float] = field(default_factory=list)
    told: list[float] = field(default_factory=list)
    refused_by_event: list[float] = field(default_factory=list)
    sold_out_after_seconds: float = 0.0
    first_failure: str = ""

    def fail(self, kind: str, answer: object) -> None:
        """Note what no buyer should see."""
        self.counts[kind] += 1
        self.first_failure = self.first_failure or f"{kind}: {answer}"


async def held_sale(settings: Settings, shop: Shop, sku: str, sale: Sale) -> Fates:
    """Let everyone come, and wait until each of them knows."""
    fates = Fates()
    dice = random.Random(sale.seed)  # noqa: S311 - the same buyers in each sale
    by_event = [dice.random() < sale.events_share for _ in range(sale.buyers)]
    async with _ordering(settings, sku, fates) as orders:
        begin = time.perf_counter()
        buyers = Buyers(shop, sku, fates, dice, begin)

        async def come(number: int, due: float) -> None:
            await (orders.order(due) if by_event[number] else buyers.buy(due))

        await offer(sale.buyers, sale.rate_per_second, come)
        await orders.all_told()
    return fates


class Buyers:
    """Those who buy by REST."""

    def __init__(self, shop: Shop, sku: str, fates: Fates, dice: random.Random, begin: float) -> None:
        self._shop = shop
        self._item = {"sku": sku, "quantity": 1}
        self._fates = fates
        self._dice = dice
        self._begin = begin

    async def buy(self, due: float) -> None:
        """Ask until there is an answer; pay for what was held."""
        fates, asked = self._fates, due
        body = {"reservationId": str(uuid.uuid4()), "orderId": str(uuid.uuid4()), "items": [self._item]}
        while True:
            status, answer, retry_after_seconds = await self._asked("/reservations", body)
            taken = time.perf_counter() - asked
            if status != 503:
                break
            fates.shed.append(taken)
            await asyncio.sleep(retry_after_seconds + self._dice.random())
            asked = time.perf_counter()
        fates.told.append(time.perf_counter() - due)
        if status == 409 and answer["code"] == "insufficient_stock":
            self._refused(taken)
        elif status in {200, 201}:
            fates.held.append(taken)
            await self._pay(answer["reservationId"])
        else:
            fates.fail("unexpected answer", answer)

    async def _asked(self, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any, float]:
        """An answer; no answer at all is as good as 503, since the reservationId makes asking again safe."""
        try:
            return await self._shop.ask(path, body)
        except (aiohttp.ClientError, TimeoutError):
            self._fates.counts["asked without an answer"] += 1
            return 503, None, 1.0

    def _refused(self, taken: float) -> None:
        self._fates.counts["refused by REST"] += 1
        self._fates.refused.append(taken)
        self._fates.sold_out_after_seconds = self._fates.sold_out_after_seconds or time.perf_counter() - self._begin

    async def _pay(self, reservation_id: str) -> None:
        await asyncio.sleep(PAYMENT_SECONDS)
        answer: Any = None
        for _ in range(PAYMENT_TRIES_MAX):
            begin = time.perf_counter()
            status, answer, _ = await self._asked(f"/reservations/{reservation_id}/commit")
            if status == 200:
                self._fates.committed.append(time.perf_counter() - begin)
                self._fates.counts["sold by REST"] += 1
                return
            self._fates.counts["commits asked for again"] += 1
            await asyncio.sleep(1.0)
        self._fates.fail("commit refused", answer)


class Orders:
    """Those who order by event: their orders, and what is heard of them."""

    def __init__(self, settings: Settings, sku: str, fates: Fates, producer: Any) -> None:
        self._topic = settings.kafka_topic_order_events
        self._sku = sku
        self._fates = fates
        self._producer = producer
        self._waiting: dict[str, float] = {}
        self._payments: set[asyncio.Task[None]] = set()

    async def order(self, due: float) -> None:
        """Send `order.created`; the rest is heard."""
        order_id = str(uuid.uuid4())
        self._waiting[order_id] = due
        await self._send("order.created", order_id, {"items": [{"sku": self._sku, "quantity": 1}]})

    def hear(self, kind: str, event: dict[str, Any]) -> None:
        """What an event says to one of our buyers."""
        order_id = event.get("orderId", "")
        due = self._waiting.get(order_id)
        if due is None:
            return
        if kind == "inventory.reserved":
            self._payments.add(asyncio.ensure_future(self._pay(order_id)))
        elif kind == "inventory.reservation_rejected":
            self._fates.counts["refused by event"] += 1
            self._fates.refused_by_event.append(time.perf_counter() - due)
            del self._waiting[order_id]
        elif kind == "inventory.committed":
            self._fates.counts["sold by event"] += 1
            del self._waiting[order_id]

    async def all_told(self) -> None:
        """Wait until everyone has heard; whoever has not is counted."""
        try:
            async with asyncio.timeout(QUIET_SECONDS_MAX):
                while self._waiting:  # noqa: ASYNC110 - looks at what callbacks of a library change
                    await asyncio.sleep(0.05)
        except TimeoutError:
            self._fates.counts["never told"] += len(self._waiting)

    async def _pay(self, order_id: str) -> None:
        await asyncio.sleep(PAYMENT_SECONDS)
        await self._send("payment.successful", order_id, {})

    async def _send(self, kind: str, order_id: str, more: dict[str, Any]) -> None:
        body = {"eventId": str(uuid.uuid4()), "eventType": kind, "orderId": order_id, **more}
        await self._producer.send_and_wait(self._topic, json.dumps(body).encode(), key=order_id.encode())


@asynccontextmanager
async def _ordering(settings: Settings, sku: str, fates: Fates) -> AsyncIterator[Orders]:
    producer = make_producer(settings)
    await start(producer)
    orders = Orders(settings, sku, fates, producer)
    try:
        async with consuming(settings, orders.hear):
            yield orders
    finally:
        await producer.stop()
