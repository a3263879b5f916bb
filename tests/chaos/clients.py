"""The clients of customers and probes, each watched by a witness."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import grpc

from holdfast.demo.client import Rpc
from holdfast.rest_client import CONNECTIONS_MAX, REQUEST_SECONDS_MAX, Rest
from tests.chaos.witness import Witness


@asynccontextmanager
async def watched_rest(api: str, token: str, witness: Witness) -> AsyncIterator[Rest]:
    async with aiohttp.ClientSession(
        api,
        connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX),
        timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS_MAX),
        headers={"Authorization": f"Bearer {token}"},
        trace_configs=[witness.rest_tracing()],
    ) as session:
        yield Rest(session)


@asynccontextmanager
async def watched_rpc(address: str, token: str, witness: Witness) -> AsyncIterator[Rpc]:
    """A channel that tries again soon: by default it waits for ever longer, up to two minutes."""
    options = [("grpc.initial_reconnect_backoff_ms", 200), ("grpc.max_reconnect_backoff_ms", 1_000)]
    async with grpc.aio.insecure_channel(address, options, interceptors=[witness.rpc_watching()]) as channel:
        yield Rpc(channel, token)
