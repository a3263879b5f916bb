"""Open-loop load: each request starts when its time has come, however long the earlier ones take."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any


async def offer(count: int, rate_per_second: float, one: Callable[[int, float], Coroutine[Any, Any, None]]) -> float:
    """Start `one(number, due)` `count` times at `rate_per_second` and wait for all; answers the seconds it took.

    `due` is on the clock of time.perf_counter(): who waits since then counts also what kept the load itself from asking
    in time.
    """
    begin = time.perf_counter()
    running: list[asyncio.Task[None]] = []
    for number in range(count):
        due = begin + number / rate_per_second
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        running.append(asyncio.create_task(one(number, due)))
    await asyncio.gather(*running)
    return time.perf_counter() - begin
