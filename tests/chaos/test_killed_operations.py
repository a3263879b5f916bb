"""kill −9 of a worker around a step that a person takes: it takes effect once, and whoever took it hears of it.

In a module of its own: here no other operation is there that could strike the failpoint first.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from db import audit
from db.engine import Database
from gateway.auth import SCOPES, development_token
from holdfast.demo.client import Rest, open_rest
from runtime.settings import Settings
from tests.chaos.conftest import Processes, customer_of, killed
from tests.stocking import add_stock, assert_invariants, ledger_of, news_of, stock_now


@asynccontextmanager
async def boss_of(api: str, settings: Settings) -> AsyncIterator[Rest]:
    async with open_rest(api, development_token(settings, subject="boss", scopes=SCOPES)) as rest:
        yield rest


async def large_change(rest: Rest, item: Any) -> str:
    change = {"delta": -150, "reasonCode": "loss", "reason": "cannot be found"}
    asked = await rest.post(f"/inventory/{item.inventory_id}/adjust", change)
    assert asked.status == 202
    return str(asked.body["adjustmentId"])


@pytest.mark.parametrize("point", ["before_operation_step", "after_operation_step"])
async def test_a_step_whose_worker_died_is_taken_once_and_told(
    processes: Processes, db: Database, settings: Settings, point: str
) -> None:
    item = await add_stock(db, 200)
    (_, api), victim = await asyncio.gather(
        processes.serve(REQUEST_TIMEOUT_SECONDS="4"), processes.worker(f"{point}=kill")
    )
    async with customer_of(api, settings) as clerk, boss_of(api, settings) as boss:
        adjustment_id = await large_change(clerk, item)
        path = f"/adjustments/{adjustment_id}/approve"
        first = await boss.post(path, {}, key="k-1")
        await killed(victim)
        committed = point == "after_operation_step"
        assert (first.status, (await stock_now(db, item)).quantity_total) == ((200, 50) if committed else (503, 200))
        await processes.worker()
        approved = await boss.post_patiently(path, {}, key="k-1", patience_seconds=60)
        assert (approved.status, approved.body["status"]) == (200, "APPLIED")
    assert (await stock_now(db, item)).quantity_total == 50
    assert len(await ledger_of(db, item)) == 2
    assert len(await news_of(db, uuid.UUID(adjustment_id))) == 2
    async with db.read() as session:
        assert len(await audit.of_subject(session, uuid.UUID(adjustment_id))) == 2
    await assert_invariants(db)
