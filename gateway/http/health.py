"""Health and metrics over HTTP, for load balancers, operators and Prometheus. Needs no token and tells no secrets."""

from __future__ import annotations

import asyncio

from gateway.health import DependencyHealth
from gateway.http.call import Call, Reply
from gateway.http.schemas.health import Dependency, Health, Liveness
from runtime.metrics import exposition


async def overview(call: Call[None, None]) -> Reply:
    """Report each dependency. 503 when one is down that we cannot serve without."""
    found = await call.services.health()
    dependencies = {name: _dependency(health) for name, health in found.items()}
    if any(not health.is_up and health.required for health in found.values()):
        return Reply(status=503, body=Health(status="down", dependencies=dependencies))
    is_up = all(health.is_up for health in found.values())
    return Reply(body=Health(status="up" if is_up else "degraded", dependencies=dependencies))


async def live(call: Call[None, None]) -> Reply:  # noqa: ARG001 - whoever answers is alive
    """Say that the process is alive."""
    return Reply(body=Liveness(status="up"))


async def ready(call: Call[None, None]) -> Reply:
    """Say whether new work is welcome: 503 while something needed is down, or when we are about to stop."""
    is_ready = await call.services.health.is_ready()
    return Reply(status=200 if is_ready else 503, body=Liveness(status="up" if is_ready else "down"))


async def metrics(call: Call[None, None]) -> Reply:  # noqa: ARG001 - they are the process's
    """Give the metrics in Prometheus text format."""
    text, content_type = await asyncio.to_thread(exposition)
    return Reply(body=text, content_type=content_type)


def _dependency(health: DependencyHealth) -> Dependency:
    return Dependency(
        status="up" if health.is_up else "down", required=health.required, seconds=round(health.seconds, 4)
    )
