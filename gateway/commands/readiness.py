"""Asking a workflow whose task has just failed: Temporal turns updates away until a worker has taken it up again.

So it is while a deployment rolls and a worker of the version before was given what it cannot replay: the next try may
reach a worker of the new one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from temporalio.service import RPCError, RPCStatusCode

T = TypeVar("T")

PAUSE_SECONDS = 0.2


async def when_ready(ask: Callable[[], Awaitable[T]]) -> T:
    """What `ask` answers once the workflow can be asked; for as long as the caller lets it. Raises what `ask` does."""
    while True:
        try:
            return await ask()
        except RPCError as error:
            if error.status is not RPCStatusCode.FAILED_PRECONDITION:
                raise
        await asyncio.sleep(PAUSE_SECONDS)
