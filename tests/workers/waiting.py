"""Waiting for what must come, running what never ends, and looking into the database meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import text

from db.engine import Database

WAIT_SECONDS_MAX = 60.0


async def until(condition: Callable[[], Awaitable[Any]], seconds_max: float = WAIT_SECONDS_MAX) -> Any:
    """What `condition` answers once it is true. Fails after `seconds_max`."""
    async with asyncio.timeout(seconds_max):
        while not (answer := await condition()):  # noqa: ASYNC110 - another process or server decides
            await asyncio.sleep(0.02)
        return answer


@asynccontextmanager
async def running(*services: Any) -> AsyncIterator[None]:
    """Run services that take a stop event; all end when the block does, and the block when one fails."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for service in services:
            group.create_task(service.run(stop))
        try:
            yield
        finally:
            stop.set()


async def scalar(database: Database, statement: str, **values: Any) -> Any:
    async with database.read() as session:
        return (await session.execute(text(statement), values)).scalar()


async def rows(database: Database, statement: str, **values: Any) -> list[Any]:
    async with database.read() as session:
        return list((await session.execute(text(statement), values)).all())
