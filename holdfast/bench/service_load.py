"""The service under load through its public interfaces: REST here, events in holdfast/bench/events.py."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from dataclasses import dataclass
from typing import Any

import aiohttp

from holdfast.bench.figures import Outcome
from holdfast.bench.load import offer

PAUSE_SECONDS = 0.3
"""Between hold and commit, as in the yardstick."""

STOCK_PER_SKU = 1_000_000
SKUS = 200


@dataclass(frozen=True, slots=True)
class Shop:
    """A client of the service and the SKUs it buys. Stock is ample: shortage is not what is measured."""

    http: aiohttp.ClientSession
    skus: tuple[str, ...]

    async def post(self, path: str, body: Any = None) -> tuple[int, Any]:
        """POST under /api/v1; answers status and JSON."""
        async with self.http.post(f"/api/v1{path}", json=body) as answer:
            return answer.status, await answer.json(content_type=None)


async def open_shop(http: aiohttp.ClientSession) -> Shop:
    """Make a warehouse with SKUs of its own and ample stock, through the API."""
    shop = Shop(http, tuple(f"BENCH-{number:04}" for number in range(SKUS)))
    name = f"BENCH-{uuid.uuid4().hex[:8]}"
    status, warehouse = await shop.post("/warehouses", {"code": name, "name": "Bench", "region": "bench"})
    assert status == 201, warehouse
    for sku in shop.skus:
        body = {
            "sku": sku,
            "productId": str(uuid.uuid4()),
            "warehouseId": warehouse["warehouseId"],
            "quantityTotal": STOCK_PER_SKU,
        }
        status, answer = await shop.post("/inventory", body)
        assert status == 201, answer
    return shop


async def run_lifecycles(shop: Shop, count: int, rate_per_second: float) -> Outcome:
    """Reserve, wait, commit: `count` times at `rate_per_second`."""
    outcome = Outcome(rate_per_second)

    async def lifecycle(_number: int) -> None:
        begin = time.perf_counter()
        body = {"orderId": str(uuid.uuid4()), "items": [{"sku": random.choice(shop.skus), "quantity": 1}]}  # noqa: S311
        status, reservation = await shop.post("/reservations", body)
        if status != 201:
            if status == 503:
                outcome.shed += 1
            else:
                outcome.fail(reservation)
            return
        outcome.held_seconds.append(time.perf_counter() - begin)
        await asyncio.sleep(PAUSE_SECONDS)
        begin = time.perf_counter()
        status, settled = await shop.post(f"/reservations/{reservation['reservationId']}/commit")
        if status == 200:
            outcome.settled_seconds.append(time.perf_counter() - begin)
            outcome.lifecycles += 1
        else:
            outcome.fail(settled)

    outcome.elapsed_seconds = await offer(count, rate_per_second, lifecycle)
    assert outcome.lifecycles, f"no reservation came to its end: {outcome.first_failure}"
    return outcome


async def availability_seconds(shop: Shop, count: int, rate_per_second: float) -> list[float]:
    """How long POST /availability/check takes at `rate_per_second`, cached."""
    taken: list[float] = []

    async def check(_number: int) -> None:
        begin = time.perf_counter()
        body = {"sku": random.choice(shop.skus), "quantity": 1}  # noqa: S311
        status, answer = await shop.post("/availability/check", body)
        assert status == 200, answer
        taken.append(time.perf_counter() - begin)

    await offer(count, rate_per_second, check)
    return taken
