"""The service under load through its public interfaces: REST here, events in holdfast/bench/events.py.

Lifecycles run in a process of their own, as the yardstick does: `python -m holdfast.bench.service_load API TOKEN COUNT
RATE` prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

import aiohttp
import uvloop

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
        status, answer, _ = await self.ask(path, body)
        return status, answer

    async def ask(self, path: str, body: Any = None) -> tuple[int, Any, float]:
        """The same, and the seconds that Retry-After asks for."""
        async with self.http.post(f"/api/v1{path}", json=body) as answer:
            retry_after_seconds = float(answer.headers.get("Retry-After", 0))
            return answer.status, await answer.json(content_type=None), retry_after_seconds


@asynccontextmanager
async def visited_shop(api: str, token: str) -> AsyncIterator[Shop]:
    """A client of the shop at `api`, which open_shop has stocked."""
    connections = aiohttp.TCPConnector(limit=0)
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(api, headers=headers, connector=connections) as http:
        yield Shop(http, tuple(f"BENCH-{number:04}" for number in range(SKUS)))


async def open_shop(shop: Shop) -> None:
    """Give the shop's SKUs a warehouse and ample stock, through the API."""
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


async def run_lifecycles(shop: Shop, count: int, rate_per_second: float) -> Outcome:
    """Reserve, wait, commit: `count` times at `rate_per_second`."""
    outcome = Outcome(rate_per_second)

    async def lifecycle(_number: int, due: float) -> None:
        outcome.asked += 1
        body = {"orderId": str(uuid.uuid4()), "items": [{"sku": random.choice(shop.skus), "quantity": 1}]}  # noqa: S311
        status, reservation = await shop.post("/reservations", body)
        if status != 201:
            if status == 503:
                outcome.shed += 1
            else:
                outcome.fail(reservation)
            return
        outcome.held_seconds.append(time.perf_counter() - due)
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

    async def check(_number: int, due: float) -> None:
        body = {"sku": random.choice(shop.skus), "quantity": 1}  # noqa: S311
        status, answer = await shop.post("/availability/check", body)
        assert status == 200, answer
        taken.append(time.perf_counter() - due)

    await offer(count, rate_per_second, check)
    return taken


async def _measure(api: str, token: str, count: int, rate_per_second: float) -> Outcome:
    async with visited_shop(api, token) as shop:
        return await run_lifecycles(shop, count, rate_per_second)


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(_measure(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))))))
