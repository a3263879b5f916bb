"""The relay keeps the availability view up to date with every change of stock, whoever made it."""

from __future__ import annotations

import asyncio

import pytest

from db import availability_view
from db.availability import shelves_of
from db.engine import Database
from domain.reservations import ReservationStatus
from holdfast.stack.embedded import Stack
from runtime.settings import Settings
from tests.patience import patient_view
from tests.stocking import add_stock, hold, settle, want
from tests.workers.waiting import running
from workers.relay import Relay


async def test_what_a_reservation_takes_shows_in_the_view(
    kafka: Settings, db: Database, redis_server: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(availability_view, "ENTRY_MS", 60_000)
    view = patient_view(redis_server.settings)
    item = await add_stock(db, 10)
    reading = await view.read([item.sku])
    await view.fill(reading, await db.reading(lambda session: shelves_of(session, [item.sku])))

    async def shows(available: int) -> None:
        while [shelf.quantity_available for shelf in (await view.read([item.sku])).shelves[item.sku]] != [available]:  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.005)

    async with asyncio.timeout(30), running(Relay(kafka, db, view=view)):
        held = await hold(db, want(item, 4))
        await shows(6)
        await settle(db, held, ReservationStatus.CANCELLED)
        await shows(10)
    await view.close()
