"""kill −9 of a worker process between the expiry's commit and the end of its workflow task.

In a module of its own: here no other reservation is there that could strike the failpoint first, and no serving
process that could be the one to expire it.
"""

from __future__ import annotations

from db.engine import Database
from runtime.settings import Settings
from runtime.temporal import connect
from tests.chaos.conftest import Processes, killed
from tests.stocking import add_stock, assert_invariants, hold_request, news_of, stock_now, want
from workers.bridge_temporal import TemporalReservations


async def test_an_expiry_that_was_committed_by_a_worker_that_died_happens_once(
    processes: Processes, db: Database, settings: Settings
) -> None:
    item = await add_stock(db, 10)
    victim = await processes.worker("after_settle_commit=kill")
    request = hold_request([want(item, 3)], hold_seconds=2)
    await TemporalReservations(await connect(settings, process="tests")).start(request)
    await killed(victim)
    assert (await stock_now(db, item)).quantity_reserved == 0
    assert len(await news_of(db, request.reservation_id)) == 2
    await assert_invariants(db)
