"""How a scenario waits for what its workflow has done."""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio.client import WorkflowHandle


async def until(handle: WorkflowHandle[Any, Any], attribute: str, count: int = 1, *, seconds_max: float = 60.0) -> None:
    """Wait until the history has so many events of a kind."""
    async with asyncio.timeout(seconds_max):
        while True:
            history = await handle.fetch_history()
            if sum(event.HasField(attribute) for event in history.events) >= count:  # type: ignore[arg-type]
                return
            await asyncio.sleep(0.05)
