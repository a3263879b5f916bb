"""Asks again and again, from a fault on, whether the service serves, and tells when it did again.

Three ways through it: `sale`, a hold and its commit over REST; `events`, an order and its payment through Kafka until
the news of the sale is read there; `staff`, a large adjustment that is asked for and withdrawn, which needs the worker.
A probe is begun in a steady beat, whatever became of those before, so that one that hangs tells nothing about the next.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp

from holdfast.rest_client import Rest
from tests.chaos.news import NewsReader
from tests.chaos.order_service import OrderService

IN_A_ROW = 3
"""So many probes, begun one after the other, have to succeed."""

WAIT_SECONDS_MAX = 60.0
AT_ONCE_MAX = 12
"""Probes of one way that are under way; more would be a load of their own."""

PROMPT_SECONDS = 1.0
"""A probe that took no longer was not interrupted."""

LARGE_CHANGE = 150
"""Pieces; above what one person may adjust alone."""

Probe = Callable[[], Awaitable[bool]]
"""True when the whole way was gone; False, or no answer, when not."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """From the fault until the first of three probes in a row that succeeded had ended; None: not within the wait.

    `was_interrupted` tells whether any probe before it failed or was slow.
    """

    seconds: float | None
    was_interrupted: bool

    @property
    def outage_seconds(self) -> float:
        """0 when nothing was interrupted."""
        return (WAIT_SECONDS_MAX if self.seconds is None else self.seconds) if self.was_interrupted else 0.0


@dataclass(frozen=True, slots=True)
class Ways:
    """The probes, on stock of their own."""

    rest: Rest
    orders: OrderService
    news: NewsReader
    sku: str
    inventory_id: str

    def beats(self) -> dict[str, tuple[Probe, float]]:
        """Each way with the seconds between two probes."""
        return {"sale": (self.sale, 0.25), "events": (self.events, 0.5), "staff": (self.staff, 0.5)}

    async def sale(self) -> bool:
        """A hold, answered 201, and its commit, answered 200, each at the first try."""
        order = {"orderId": f"probe-{uuid.uuid4()}", **self.line()}
        held = await self.rest.post("/reservations", order, key=_key())
        if held.status != 201:
            return False
        path = f"/reservations/{held.body['reservationId']}/commit"
        return (await self.rest.post(path, {}, key=_key())).status == 200

    async def events(self) -> bool:
        """An order and its payment told by events, until we have read that it was sold."""
        order_id = f"probe-{uuid.uuid4()}"
        await self.orders.publish("order.created", _event(order_id, **self.line()))
        await self.orders.publish("payment.successful", _event(order_id))
        await self.news.heard(order_id, "inventory.committed")
        return True

    async def staff(self) -> bool:
        """A large adjustment asked for, answered 202, and withdrawn, answered 200."""
        change = {"delta": -LARGE_CHANGE, "reasonCode": "loss", "reason": "a probe"}
        asked = await self.rest.post(f"/inventory/{self.inventory_id}/adjust", change, key=_key())
        if asked.status != 202:
            return False
        path = f"/adjustments/{asked.body['adjustmentId']}/cancel"
        return (await self.rest.post(path, {}, key=_key())).status == 200

    def line(self, *, hold_seconds: int = 30) -> dict[str, Any]:
        """What is ordered: one piece."""
        return {"items": [{"sku": self.sku, "quantity": 1}], "holdSeconds": hold_seconds}


async def recovery(probe: Probe, beat_seconds: float, since: float) -> Recovery:
    """Probe in this beat until three in a row have succeeded, or patience ends."""
    row = _Row(since)
    with _all_cancelled() as running:
        while True:
            if row.under_way < AT_ONCE_MAX:
                running.append(asyncio.create_task(row.run(len(running), probe)))
            if await row.is_long_enough(beat_seconds) or time.monotonic() > since + WAIT_SECONDS_MAX:
                return row.recovery()


class _Row:
    """The probes of one way after one fault."""

    def __init__(self, since: float) -> None:
        self._since = since
        self._begun: set[int] = set()
        self._ended: dict[int, tuple[bool, float]] = {}
        self._took_long = False
        self._changed = asyncio.Event()

    @property
    def under_way(self) -> int:
        return len(self._begun) - len(self._ended)

    async def run(self, number: int, probe: Probe) -> None:
        begun = time.monotonic()
        self._begun.add(number)
        try:
            succeeded = await probe()
        except (OSError, aiohttp.ClientError):
            succeeded = False
        self._ended[number] = succeeded, time.monotonic() - self._since
        self._took_long |= time.monotonic() - begun > PROMPT_SECONDS
        self._changed.set()

    async def is_long_enough(self, seconds: float) -> bool:
        """Whether three in a row have succeeded, looked at for so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                while self._first() is None:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def recovery(self) -> Recovery:
        first = self._first()
        if first is None:
            return Recovery(None, was_interrupted=True)
        failed = any(not succeeded for succeeded, _ in self._ended.values())
        hangs = any(number < first for number in self._begun - self._ended.keys())
        return Recovery(round(self._ended[first][1], 3), failed or hangs or self._took_long)

    def _first(self) -> int | None:
        """The first of the first three that succeeded."""
        good = {number for number, (succeeded, _) in self._ended.items() if succeeded}
        return next((n for n in sorted(good) if good.issuperset(range(n, n + IN_A_ROW))), None)


@contextmanager
def _all_cancelled() -> Iterator[list[asyncio.Task[None]]]:
    tasks: list[asyncio.Task[None]] = []
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()


def _event(order_id: str, **body: Any) -> dict[str, Any]:
    return {"eventId": _key(), "orderId": order_id, "timestamp": datetime.now(UTC).isoformat(), **body}


def _key() -> str:
    return str(uuid.uuid4())
