"""The database pool on /metrics, looked at once in a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from db.engine import Database
from runtime import metrics

LOOK_EVERY_SECONDS = 1.0


@asynccontextmanager
async def watching_pool(database: Database) -> AsyncIterator[None]:
    """Keep `db_pool_connections` true while the context is open."""
    watch = asyncio.create_task(_watch(database))
    try:
        yield
    finally:
        watch.cancel()


async def _watch(database: Database) -> None:
    while True:
        for state, connections in database.pool_counts().items():
            metrics.DB_POOL.labels(state=state).set(connections)
        await asyncio.sleep(LOOK_EVERY_SECONDS)
