"""The loads of a bench, each in a process of its own, so that ours and the yardsticks are measured alike."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys

import aiohttp

from holdfast.bench.figures import Outcome
from holdfast.bench.service_load import Shop, availability_seconds
from holdfast.service import Service
from holdfast.stack.ports import free_port
from runtime.settings import Settings

ANSWERING_SECONDS_MAX = 10.0


async def ours(service: Service, count: int, rate_per_second: float) -> Outcome:
    """Lifecycles through our REST interface."""
    return await _outcome("service_load", api_of(service), service.token, count, rate_per_second)


async def eager_path(settings: Settings, count: int, rate_per_second: float) -> Outcome:
    """The same on Temporal's eager path without our service."""
    return await _outcome(
        "yardstick_eager", settings.temporal_address, _connection_words(settings), count, rate_per_second
    )


async def dbos(service: Service, count: int, rate_per_second: float) -> Outcome | None:
    """The same on DBOS Transact; None where it is not installed."""
    if importlib.util.find_spec("dbos") is None:
        return None
    url = service.facts()["postgres"]
    return await _outcome("yardstick_dbos", _connection_words(service.settings), url, count, rate_per_second)


async def bare_http(count: int, rate_per_second: float) -> list[float]:
    """How long a bare handler takes to answer what asks for availability."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "holdfast.bench.bare_http", str(port))
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
            shop = Shop(http, ("BENCH",))
            await _answering(shop)
            return await availability_seconds(shop, count, rate_per_second)
    finally:
        process.terminate()
        await process.wait()


def api_of(service: Service) -> str:
    """Where the REST interface of a service is."""
    return f"http://127.0.0.1:{service.ports.api}"


async def _outcome(module: str, *arguments: object) -> Outcome:
    command = (sys.executable, "-m", f"holdfast.bench.{module}", *map(str, arguments))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert process.returncode == 0, f"{module} failed"
    return Outcome(**json.loads(output))


def _connection_words(settings: Settings) -> str:
    return (
        f"host={settings.db_host} port={settings.db_port} user={settings.db_user} dbname={settings.db_name} "
        f"password={settings.db_password.get_secret_value()}"
    )


async def _answering(shop: Shop) -> None:
    async with asyncio.timeout(ANSWERING_SECONDS_MAX):
        while True:
            try:
                await shop.post("/availability/check", {})
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)
            else:
                return
