"""Chaos on the real engines: the campaign of `make chaos` on another scene, and a broker of which nothing may be lost.

A broker that keeps its topics is held to it: when all is over, every event that was sent is read from the topic anew.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from db.engine import Database
from runtime.settings import Settings
from tests.chaos.campaign import Plan, campaign
from tests.chaos.news import NewsReader
from tests.chaos.report import as_facts
from tests.cluster.engines import Engines
from tests.cluster.scene import cluster_scene

SAID_MAX = 5

_SENT = text("select event_id::text as event_id, type from outbox order by outbox_id")


async def broker_restarted(engines: Engines, seconds: float, seed: int) -> dict[str, Any]:
    """Only the broker is hurt, by kill −9 and by SIGTERM in turn, while customers trade."""
    return await _raged(engines, Plan(seconds=seconds, seed=seed, kinds=("kill", "restart"), parts=("broker",)))


async def raged(engines: Engines, seconds: float, seed: int) -> dict[str, Any]:
    """Everything that chaos knows, to every process and every link."""
    return await _raged(engines, Plan(seconds=seconds, seed=seed))


async def _raged(engines: Engines, plan: Plan) -> dict[str, Any]:
    async with cluster_scene(engines) as scene:
        outcome = await campaign(scene, plan)
        missing = await not_in_the_topic(scene.settings)
    wrong = [*outcome.wrong, *(f"left open: {count} {name}" for name, count in outcome.left.items() if count), *missing]
    return {**as_facts(outcome), "wrong": wrong}


async def not_in_the_topic(settings: Settings) -> list[str]:
    """Events of the outbox that a consumer who begins at the beginning does not find, in words."""
    news = NewsReader(settings)
    await news.to_the_end()
    kept = {one.event_id for one in news.read}
    database = Database.connect(settings, process="cluster")
    try:
        async with database.read() as session:
            sent = (await session.execute(_SENT)).all()
    finally:
        await database.close()
    lost = [f"{row.type} {row.event_id} is not in the topic" for row in sent if row.event_id not in kept]
    more = [f"and {len(lost) - SAID_MAX} more"] if len(lost) > SAID_MAX else []
    return lost[:SAID_MAX] + more
