"""How a serving process leaves while others go on: nobody who is connected is failed, nobody new is let down.

First everybody is told (readiness is red, each HTTP answer closes its connection) while new connections are still
taken, since whoever spreads them hears of it late. Then no new ones; those that are open end by themselves: HTTP with
its next answer, gRPC at the age that CONNECTION_AGE makes them reach within the drain. Only then are the servers
stopped, for a gRPC server that stops cancels calls that are just coming in. Stops nothing itself.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Protocol

from gateway.health import HealthChecks
from runtime.logs import get_logger

LISTENING_SHARE = 0.25
LISTENING_SECONDS_MAX = 5.0
"""So long load balancers and proxies may go on sending new connections here."""

AGE_SPREAD = 1.1
"""gRPC ages a connection up to a tenth more than it is told, so that not all begin anew at once."""

LAST_CALLS_SECONDS = 1.0
"""For calls that are in work when their connection has reached its age."""

_log = get_logger(__name__)


class Door(Protocol):
    """A listening server that can be left."""

    async def announce(self) -> None:
        """Tell whoever is connected to go elsewhere; everybody is still answered."""

    async def take_no_new_connections(self) -> None:
        """Leave the port to others; connections that are open go on."""

    async def until_all_have_left(self) -> None:
        """Return when no connection is open."""


@dataclass(frozen=True, slots=True)
class Drain:
    """The plan of a drain of so many seconds in all; 0 for none, when there is nobody else to go to."""

    seconds: float

    @property
    def listening_seconds(self) -> float:
        """How long new connections are still taken."""
        return min(LISTENING_SECONDS_MAX, self.seconds * LISTENING_SHARE)

    @property
    def connection_age_seconds(self) -> float | None:
        """The age at which a connection must begin anew for one that was opened at the last moment to end in time."""
        if not self.seconds:
            return None
        return max(1.0, (self.seconds - self.listening_seconds - LAST_CALLS_SECONDS) / AGE_SPREAD)


async def leave(health: HealthChecks, doors: list[Door], drain: Drain) -> None:
    """Go through the drain; returns early when everybody has left."""
    health.drain()
    await asyncio.gather(*(door.announce() for door in doors))
    if not drain.seconds:
        return
    deadline = asyncio.get_running_loop().time() + drain.seconds
    await asyncio.sleep(drain.listening_seconds)
    await asyncio.gather(*(door.take_no_new_connections() for door in doors))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout_at(deadline):
            await asyncio.gather(*(door.until_all_have_left() for door in doors))
            _log.info("everybody_has_left")
