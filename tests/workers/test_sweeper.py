from __future__ import annotations

import asyncio
import itertools
from types import SimpleNamespace
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from db import holding
from db.engine import Database
from domain.contracts.reservations import HoldRequest
from domain.ids import SWEEPER
from domain.reservations import Item
from runtime.settings import Settings
from tests.workers.waiting import rows, running, scalar, until
from tests.workers.world import put_stock
from workers import sweeper as sweeper_module
from workers.sweeper import Sweeper


async def hold(database: Database, sku: str, order_id: str, *, overdue_seconds: float) -> None:
    request = HoldRequest(
        reservation_id=uuid4(),
        order_id=order_id,
        items=[Item(sku=sku, quantity=1)],
        fingerprint="",
        actor_id=SWEEPER.actor_id,
        actor_name="test",
    )
    await holding.hold(database, request)
    async with database.write() as session:
        await session.execute(
            text("""
                update reservations set reserved_at = now() - interval '1 hour',
                       expires_at = now() - make_interval(secs => :seconds) where order_id = :order_id
            """),
            {"seconds": overdue_seconds, "order_id": order_id},
        )


async def statuses(database: Database) -> dict[str, str]:
    return {row.order_id: row.status for row in await rows(database, "select order_id, status from reservations")}


async def test_what_is_overdue_by_more_than_the_grace_is_released_batch_by_batch(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put_stock(db, "SKU-sweep")
    for number in range(5):
        await hold(db, "SKU-sweep", f"late-{number}", overdue_seconds=10 + number)
    await hold(db, "SKU-sweep", "in grace", overdue_seconds=0.1)
    monkeypatch.setattr(sweeper_module, "BATCH_ROWS", 2)
    before = REGISTRY.get_sample_value("inventory_swept_reservations_total") or 0
    told: list[None] = []
    swept = await Sweeper(db, grace_seconds=5.0, swept=lambda: told.append(None)).sweep(asyncio.Event())
    assert (swept, len(told)) == (5, 3)
    assert await statuses(db) == {**{f"late-{number}": "EXPIRED" for number in range(5)}, "in grace": "PENDING"}
    assert await scalar(db, "select quantity_reserved from inventory where sku = 'SKU-sweep'") == 1
    assert await scalar(db, "select count(*) from outbox where type = 'inventory.released'") == 5
    assert REGISTRY.get_sample_value("inventory_swept_reservations_total") == before + 5


async def test_after_a_full_batch_it_rests_for_as_long_as_that_took(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put_stock(db, "SKU-rest")
    for number in range(5):
        await hold(db, "SKU-rest", f"o-{number}", overdue_seconds=10)
    clock, rests = itertools.count(step=3), []

    async def record(_stop: asyncio.Event, seconds: float) -> None:
        rests.append(seconds)

    monkeypatch.setattr(sweeper_module, "BATCH_ROWS", 2)
    monkeypatch.setattr(sweeper_module, "rest", record)
    monkeypatch.setattr(sweeper_module, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    assert await Sweeper(db, grace_seconds=0).sweep(asyncio.Event()) == 5
    assert rests == [3, 3]


async def test_two_sweepers_expire_each_reservation_once_and_go_on_by_themselves(kafka: Settings, db: Database) -> None:
    await put_stock(db, "SKU-two")

    async def nothing_is_late() -> bool:
        return bool(await scalar(db, "select bool_and(status = 'EXPIRED') from reservations"))

    async with running(Sweeper(db, grace_seconds=0), Sweeper(db, grace_seconds=0)):
        for number in range(10):
            await hold(db, "SKU-two", f"o-{number}", overdue_seconds=1)
        await until(nothing_is_late)
    assert await scalar(db, "select count(*) from outbox where type = 'inventory.released'") == 10
    assert await scalar(db, "select quantity_reserved from inventory where sku = 'SKU-two'") == 0
