"""How a loop rests between two looks: for a while, unless it is woken."""

from __future__ import annotations

import asyncio
import contextlib


async def rest(woken: asyncio.Event, seconds: float) -> None:
    """Wait until `woken` is set, at most so many seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await woken.wait()
