"""kill −9 of a worker process between an offer's commit and the start of its workflow.

In a module of its own: here nobody else waits who could strike the failpoint first.
"""

from __future__ import annotations

import asyncio

from db.engine import Database
from runtime.settings import Settings
from tests.chaos.conftest import Processes, customer_of, killed
from tests.lines import join, look, statuses
from tests.stocking import add_stock, assert_invariants, news_of, stock_now
from tests.workers.waiting import until


async def test_an_offer_that_was_committed_by_a_worker_that_died_is_one_and_can_be_sold(
    processes: Processes, db: Database, settings: Settings
) -> None:
    item = await add_stock(db, 2)
    victim = await processes.worker("after_waitlist_offer=kill")
    line = [await join(db, item.sku) for _ in range(3)]
    await killed(victim)
    assert await statuses(db, *line) == ["OFFERED", "WAITING", "WAITING"]
    assert (await stock_now(db, item)).quantity_reserved == 1
    await assert_invariants(db)

    (_, api), _ = await asyncio.gather(processes.serve(), processes.worker())
    first = (await look(db, line[0])).entry

    async def the_next_one_was_served() -> bool:
        return await statuses(db, *line) == ["OFFERED", "OFFERED", "WAITING"]

    await until(the_next_one_was_served)
    async with customer_of(api, settings) as rest:
        sold = await rest.post_patiently(
            f"/reservations/{first.reservation_id}/commit", {}, key="k", patience_seconds=30
        )
    assert (sold.status, sold.body["status"], sold.body["orderId"]) == (200, "COMMITTED", first.order_id)
    assert first.reservation_id is not None
    assert [news.type for news in await news_of(db, first.reservation_id)] == [
        "inventory.reserved",
        "inventory.committed",
    ]
    now = await stock_now(db, item)
    assert (now.quantity_total, now.quantity_reserved) == (1, 1)
    await assert_invariants(db)
