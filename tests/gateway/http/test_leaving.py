"""A REST server that is left: whoever is connected is answered once more, and then the port belongs to others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from gateway import leaving
from gateway.commands.reservations import Reserved
from gateway.health import HealthChecks
from gateway.http.app import make_app
from gateway.http.server import HttpServer
from gateway.leaving import Drain, leave
from runtime.settings import Settings
from tests.gateway.http.face import HELD, RESERVE, Face, served
from tests.gateway.http.test_limits import Slow

LIVE, RESERVATIONS = "/health/live", "/api/v1/reservations"


@asynccontextmanager
async def second_server(face: Face, port: int = 0) -> AsyncIterator[HttpServer]:
    server = HttpServer(make_app(face.services, face.services.settings), face.services.settings)
    await server.start("127.0.0.1", port, reuse_port=True)
    yield server
    await server.stop()


def connection_of(server: HttpServer) -> aiohttp.ClientSession:
    """A client with one connection, which it keeps."""
    return aiohttp.ClientSession(f"http://127.0.0.1:{server.port}", connector=aiohttp.TCPConnector(limit=1))


async def test_a_stopping_server_answers_whoever_is_connected_once_more_and_finishes_what_it_has() -> None:
    async with served(Settings(app_env="test")) as face, second_server(face) as server:
        slow = face.reservations.answers["reserve"] = Slow(Reserved(HELD, is_new=True))
        async with connection_of(server) as busy, connection_of(server) as idle:
            assert (await idle.get(LIVE)).status == 200
            first = asyncio.ensure_future(busy.post(RESERVATIONS, json=RESERVE, headers=face.headers))
            await slow.entered.wait()
            stopping = asyncio.create_task(server.stop())
            await asyncio.sleep(0)
            late = await idle.get(LIVE)
            assert (late.status, late.headers["Connection"]) == (200, "close")
            slow.leave.set()
            assert (await first).status == 201
            await stopping


class Handover:
    """The door of a server that is left; another opens on its port as soon as it takes nobody new."""

    def __init__(self, old: HttpServer, new: HttpServer) -> None:
        self._old = old
        self._new = new
        self.done = asyncio.Event()
        self.announce = old.announce
        self.until_all_have_left = old.until_all_have_left

    async def take_no_new_connections(self) -> None:
        await self._old.take_no_new_connections()
        await self._new.start("127.0.0.1", self._old.port, reuse_port=True)
        self.done.set()


async def ask_until(stop: asyncio.Event, server: HttpServer) -> set[int]:
    """The statuses of requests without a pause on a kept connection, or a new one when it was closed."""
    async with connection_of(server) as client:
        statuses = set()
        while not stop.is_set():
            async with client.get(LIVE) as answer:
                statuses.add(answer.status)
        return statuses


async def test_a_server_that_is_left_under_load_fails_nobody_and_the_drain_ends_when_all_have_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leaving, "LISTENING_SECONDS_MAX", 0.3)
    health = HealthChecks(required={}, optional={})
    async with served(Settings(app_env="test")) as face, second_server(face) as old:
        new = HttpServer(make_app(face.services, face.services.settings), face.services.settings)
        handover = Handover(old, new)
        asking = [asyncio.create_task(ask_until(handover.done, old)) for _ in range(4)]
        async with asyncio.timeout(30):
            await leave(health, [handover], Drain(seconds=60))
        assert [await asked for asked in asking] == [{200}] * 4
        assert not await health.is_ready()
        assert (old.is_listening, new.is_listening) == (False, True)
        await new.stop()


async def test_without_a_drain_nothing_is_waited_for() -> None:
    health = HealthChecks(required={}, optional={})
    async with served(Settings(app_env="test")) as face, second_server(face) as server:
        async with asyncio.timeout(30):
            await leave(health, [server], Drain(seconds=0))
        assert server.is_listening
        assert not await health.is_ready()
