"""The last moment before a caller's deadline: waiting ends in time to look at the row once more.

Whoever waits for a workflow may not hear of it in time; what was committed is an answer all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from domain.errors import Unavailable

T = TypeVar("T")

LAST_READ_SECONDS = 1.0


def leaving_time_to_look(deadline_seconds: float) -> asyncio.Timeout:
    """A time limit for what comes before the look; a caller in a hurry still gives half of his time to that."""
    return asyncio.timeout(max(deadline_seconds / 2, deadline_seconds - LAST_READ_SECONDS))


async def last_look(read: Awaitable[T | None]) -> T | None:
    """What `read` finds in the time that is left; None, too, when the database does not answer."""
    try:
        async with asyncio.timeout(LAST_READ_SECONDS):
            return await read
    except (TimeoutError, Unavailable):
        return None
