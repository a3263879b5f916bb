"""What is asked of a broker that keeps its topics."""

from __future__ import annotations

import asyncio

from db.engine import Database
from runtime.kafka import ensure_topics
from runtime.settings import Settings
from tests.cluster.chaos import not_in_the_topic
from tests.stocking import add_stock, add_warehouse
from workers.relay import Relay
from workers.topics import all_topics


async def test_an_event_that_was_written_and_is_not_in_the_topic_is_told(settings: Settings) -> None:
    database = Database.connect(settings, process="tests")
    try:
        await ensure_topics(settings, all_topics(settings))
        await add_stock(database, 5, sku="LOST", warehouse=await add_warehouse(database))
        (lost,) = await not_in_the_topic(settings)
        assert lost.startswith("inventory.stock_updated ")
        stop = asyncio.Event()
        relaying = asyncio.create_task(Relay(settings, database).run(stop))
        async with asyncio.timeout(30):
            while await not_in_the_topic(settings):  # noqa: ASYNC110 - a topic tells nobody
                await asyncio.sleep(0.1)
        stop.set()
        await relaying
    finally:
        await database.close()
