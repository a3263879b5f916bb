"""grpc.health.v1: the service, and the server as a whole, say what /health/ready says.

Not whether the process is alive: that is /health/live, so that nobody restarts us because Postgres is away.
"""

from __future__ import annotations

import asyncio

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from gateway.health import HealthChecks

LOOK_EVERY_SECONDS = 2.0
"""Watchers hear of a change at most so much later, and whoever asks in between the state of that moment."""

WHOLE_SERVER = ""

_SERVING, _NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


class RpcHealth:
    """The health service of one server, kept true by a task of its own."""

    def __init__(self, checks: HealthChecks, service: str) -> None:
        self._checks = checks
        self._names = (WHOLE_SERVER, service)
        self._servicer = health.aio.HealthServicer()
        self._following: asyncio.Task[None] | None = None

    def add_to(self, server: grpc.aio.Server) -> None:
        """Answer health checks on `server`."""
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)

    async def start(self) -> None:
        """Know how we are before the first one asks, and follow it from now on."""
        await self._look()
        self._following = asyncio.create_task(self._follow())

    async def drain(self) -> None:
        """Say NOT_SERVING from now on, whatever else is well."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait({self._following})
        await self._servicer.enter_graceful_shutdown()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            await self._look()

    async def _look(self) -> None:
        status = _SERVING if await self._checks.is_ready() else _NOT_SERVING
        for name in self._names:
            await self._servicer.set(name, status)
