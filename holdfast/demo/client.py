"""What the demo's people hold in their hands: a REST client and a gRPC client, patient as a good shop's are.

Uses the public interfaces only. A request that failed in a way that may pass is repeated with the same idempotency
key until its patience ends; what happened meanwhile is counted, never hidden.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import grpc

from gateway.rpc.generated.inventory.v1.inventory_pb2_grpc import InventoryServiceStub

REQUEST_SECONDS_MAX = 15.0
CONNECTIONS_MAX = 256
PAUSE_SECONDS = 0.1
"""Before the first repeat; twice as long before each further one."""

PAUSE_SECONDS_MAX = 2.0
PASSING = frozenset({429, 502, 503, 504})


class PatienceEnded(Exception):
    """A request got no final answer in time; the message says what it got."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A final answer. `seconds` is the last try alone; `failures` are the tries before it, in short."""

    status: int
    body: Any
    seconds: float
    replayed: bool = False
    failures: tuple[str, ...] = field(default=())

    @property
    def milliseconds(self) -> str:
        """How long it took, for people."""
        return f"{self.seconds * 1000:.0f} ms"


class Rest:
    """The REST API under /api/v1, as one caller sees it."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def get(self, path: str, **query: str) -> Answer:
        """GET a path, once."""
        return await self._send("GET", path, None, "", query)

    async def post(self, path: str, body: Any = None, *, key: str = "") -> Answer:
        """POST a path, once. Raises OSError or aiohttp.ClientError when no answer comes."""
        return await self._send("POST", path, body, key, {})

    async def post_patiently(self, path: str, body: Any, *, key: str, patience_seconds: float = 60.0) -> Answer:
        """POST until a final answer comes, always with the same key. Raises PatienceEnded."""
        failures: list[str] = []
        deadline = time.monotonic() + patience_seconds
        while time.monotonic() < deadline:
            try:
                answer = await self.post(path, body, key=key)
            except (OSError, aiohttp.ClientError) as error:
                failures.append(type(error).__name__)
            else:
                if not _may_pass(answer):
                    return Answer(answer.status, answer.body, answer.seconds, answer.replayed, tuple(failures))
                failures.append(str(answer.body.get("code", answer.status)))
            await asyncio.sleep(min(PAUSE_SECONDS_MAX, PAUSE_SECONDS * 2 ** len(failures)))
        raise PatienceEnded(f"POST {path}: no final answer in {patience_seconds:g} s, only {failures[-3:]}")

    async def _send(self, method: str, path: str, body: Any, key: str, query: dict[str, str]) -> Answer:
        headers = {"Idempotency-Key": key} if key else {}
        begin = time.perf_counter()
        async with self._session.request(
            method, f"/api/v1{path}", json=body, params=query, headers=headers
        ) as response:
            content = await response.json(content_type=None) if response.content_length != 0 else None
            seconds = time.perf_counter() - begin
            return Answer(response.status, content, seconds, "Idempotent-Replayed" in response.headers)


@asynccontextmanager
async def open_rest(api: str, token: str) -> AsyncIterator[Rest]:
    """A REST client of the service at `api`."""
    async with aiohttp.ClientSession(
        api,
        connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX),
        timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS_MAX),
        headers={"Authorization": f"Bearer {token}"},
    ) as session:
        yield Rest(session)


class Rpc:
    """The gRPC service. `stub` has the methods; each call goes with `metadata`."""

    def __init__(self, channel: grpc.aio.Channel, token: str) -> None:
        self.stub = InventoryServiceStub(channel)
        self.metadata = (("authorization", f"Bearer {token}"),)
        self.timeout_seconds = REQUEST_SECONDS_MAX


@asynccontextmanager
async def open_rpc(address: str, token: str) -> AsyncIterator[Rpc]:
    """A gRPC client of the service at `address`."""
    async with grpc.aio.insecure_channel(address) as channel:
        yield Rpc(channel, token)


def _may_pass(answer: Answer) -> bool:
    """Overload, a stop, or the first try of the same key still at work."""
    return answer.status in PASSING or (answer.status == 409 and answer.body.get("code") == "request_in_progress")
