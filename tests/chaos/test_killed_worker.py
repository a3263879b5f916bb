"""kill −9 of a worker process between the expiry's commit and the end of its workflow task.

In a module of its own: here no other reservation is there that could strike the failpoint first.
"""

from __future__ import annotations

import asyncio
import uuid

from db.engine import Database
from runtime.settings import Settings
from tests.chaos.conftest import Processes, customer_of, killed
from tests.chaos.test_kills import an_order
from tests.stocking import add_stock, assert_invariants, news_of, stock_now


async def test_an_expiry_that_was_committed_by_a_worker_that_died_happens_once(
    processes: Processes, db: Database, settings: Settings
) -> None:
    item = await add_stock(db, 10)
    (server, api), victim = await asyncio.gather(processes.serve(), processes.worker("after_settle_commit=kill"))
    async with customer_of(api, settings) as rest:
        held = (await rest.post("/reservations", an_order(item, holdSeconds=2))).body
    server.terminate()
    await killed(victim)
    assert (await stock_now(db, item)).quantity_reserved == 0
    assert len(await news_of(db, uuid.UUID(held["reservationId"]))) == 2
    await assert_invariants(db)
