"""The shop that is soaked, through REST alone: what it sells, and customers who wait for as long as they are told."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import aiohttp

STOCK = 1_000_000
SCARCE_STOCK = 5
REQUEST_SECONDS_MAX = 30.0
PATIENCE_SECONDS = 120.0

AMPLE = tuple(f"SOAK-{number:03}" for number in range(200))
SCARCE = tuple(f"SCARCE-{number:03}" for number in range(20))
"""Each is held whole by one reservation of the herd."""


class PatienceEnded(Exception):
    """A customer got no answer that is good; the message says what the last one was."""


FAILURES = (PatienceEnded, aiohttp.ClientError, TimeoutError)
"""What can become of a request."""


@dataclass(frozen=True, slots=True)
class Held:
    """A reservation that was answered with 201, `seconds` after the last try. Instants as time.time() has them."""

    reservation_id: UUID
    sku: str
    asked_at: float
    seconds: float
    expires_at: float


@dataclass(slots=True)
class Shop:
    """A customer of the service. `answers` counts what came back, `wrong` keeps what should never come back."""

    http: aiohttp.ClientSession
    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    async def open(self) -> None:
        """Stock the shelves."""
        warehouse = await self._made("/warehouses", {"code": "SOAK", "name": "Soak", "region": "soak"})
        shelves = {**dict.fromkeys(AMPLE, STOCK), **dict.fromkeys(SCARCE, SCARCE_STOCK)}
        for sku, quantity in shelves.items():
            body = {"sku": sku, "productId": str(uuid.uuid4()), "quantityTotal": quantity}
            await self._made("/inventory", {**body, "warehouseId": warehouse["warehouseId"]})

    async def hold(self, order_id: str, sku: str, quantity: int, *, due_at: float) -> Held:
        """Reserve until `due_at`, to the second above it, again and again as Retry-After says. Raises PatienceEnded.

        A hold that was refused for now is asked for anew, with the seconds that are left then; one whose outcome is not
        known is asked for again under the same id and with the same body.
        """
        body: dict[str, Any] = {}
        patient_until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < patient_until:
            asked_at = time.time()
            body = body or _wish(order_id, sku, quantity, hold_seconds=due_at - asked_at)
            begin = time.perf_counter()
            status, answer, retry_after = await self.post("/reservations", body)
            if status in {200, 201}:
                seconds, expires_at = time.perf_counter() - begin, datetime.fromisoformat(answer["expiresAt"])
                return Held(UUID(answer["reservationId"]), sku, asked_at, seconds, expires_at.timestamp())
            if status != 503:
                raise PatienceEnded(f"a hold of {quantity} × {sku} was answered {status}: {answer}")
            if answer.get("code") == "saturated":
                body = {}
            await asyncio.sleep(retry_after)
        raise PatienceEnded(f"a hold of {quantity} × {sku} was put off for {PATIENCE_SECONDS:.0f} s")

    async def commit(self, reservation_id: UUID) -> float:
        """Pay; answers the seconds it took. Raises PatienceEnded for anything but success."""
        begin = time.perf_counter()
        status, answer, _ = await self.post(f"/reservations/{reservation_id}/commit", {})
        if status != 200:
            raise PatienceEnded(f"a commit was answered {status}: {answer}")
        return time.perf_counter() - begin

    async def post(self, path: str, body: Any) -> tuple[int, Any, float]:
        """POST under /api/v1; answers status, JSON, and the seconds that Retry-After asks for (0 for none)."""
        async with self.http.post(f"/api/v1{path}", json=body) as response:
            answer = await response.json(content_type=None)
            code = answer.get("code", "") if response.status >= 400 else ""
            self.answers[f"{path.rsplit('/', 1)[-1]} {response.status} {code}".rstrip()] += 1
            return response.status, answer, float(response.headers.get("Retry-After", 0))

    async def _made(self, path: str, body: Any) -> Any:
        status, answer, _ = await self.post(path, body)
        assert status == 201, answer
        return answer


@asynccontextmanager
async def visited_shop(api: str, token: str) -> AsyncIterator[Shop]:
    """A customer of the service at `api`."""
    connections = aiohttp.TCPConnector(limit=0)
    patience = aiohttp.ClientTimeout(total=REQUEST_SECONDS_MAX)
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(api, headers=headers, connector=connections, timeout=patience) as http:
        yield Shop(http)


def _wish(order_id: str, sku: str, quantity: int, *, hold_seconds: float) -> dict[str, Any]:
    return {
        "reservationId": str(uuid.uuid4()),
        "orderId": order_id,
        "items": [{"sku": sku, "quantity": quantity}],
        "holdSeconds": max(1, int(hold_seconds) + 1),
    }
