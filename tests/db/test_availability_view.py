"""The Redis view on a real server: an older value never wins, and a dead Redis costs no time."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import uvloop
from pydantic import SecretStr
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection

from db import availability_view
from db.availability_entries import sites_key
from db.availability_view import AvailabilityView, StockLevel
from db.engine import Database
from domain.availability import Shelf
from domain.destinations import Destination
from domain.distance import Coordinates
from domain.errors import Unavailable
from domain.events import InventoryEvent, Produced
from holdfast.stack.embedded import Stack
from runtime.settings import Settings
from tests.patience import patient_view
from tests.stocking import add_stock, hold, stock_now, unique, want


@pytest.fixture(scope="module")
def cached(redis_server: Stack) -> Settings:
    return redis_server.settings


@pytest.fixture(autouse=True)
def _nothing_grows_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may stand still between two steps of a test for longer than the view would wait for a reader."""
    for name, patient in {"ENTRY_MS": 300_000, "GUARD_MS": 900_000, "FILL_WITHIN_SECONDS": 180.0}.items():
        monkeypatch.setattr(availability_view, name, patient)


@pytest.fixture(scope="module")
async def view(cached: Settings) -> AsyncIterator[AvailabilityView]:
    connected = patient_view(cached)
    yield connected
    await connected.close()


@pytest.fixture(scope="module")
async def redis(cached: Settings) -> AsyncIterator[Redis]:
    client = Redis(host=cached.redis_host, port=cached.redis_port, db=cached.redis_db, decode_responses=True)
    yield client
    await client.aclose()


@asynccontextmanager
async def forwarding(port: int, target: Settings) -> AsyncIterator[None]:
    """A Redis that has come back: `port` leads to the real one."""
    pipes: set[asyncio.Task[None]] = set()

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(4_096):
            writer.write(piece)
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside = await asyncio.open_connection(target.redis_host, target.redis_port)
        pipes.update({asyncio.create_task(pipe(reader, inside[1])), asyncio.create_task(pipe(inside[0], writer))})

    server = await asyncio.start_server(accept, "127.0.0.1", port)
    yield
    server.close()
    await asyncio.gather(*pipes)


def shelf(available: int, *, sequence: int = 1, inventory_id: uuid.UUID | None = None) -> Shelf:
    return Shelf(
        inventory_id or uuid.uuid4(),
        uuid.uuid4(),
        "W-1",
        "eu",
        True,
        sequence,
        available,
        7,
        "DE",
        Coordinates(53.5, -10),
    )


def level(sku: str, of: Shelf, available: int, sequence: int) -> StockLevel:
    return StockLevel(sku=sku, inventory_id=of.inventory_id, sequence=sequence, quantity_available=available)


def event(sku: str, of: Shelf, available: int, *, sequence: int, kind: str = Produced.STOCK_UPDATED) -> InventoryEvent:
    return InventoryEvent(
        outbox_id=1,
        event_id=uuid.uuid4(),
        type=kind,
        key=sku,
        stream_id=of.inventory_id,
        sequence=sequence,
        data={"sku": sku, "newStock": available},
        traceparent=None,
        created_at=datetime.now(UTC),
    )


async def known(view: AvailabilityView, *shelves: Shelf) -> str:
    """A SKU that the view knows with these shelves."""
    sku = unique("SKU")
    await view.fill(await view.read([sku]), {sku: shelves})
    return sku


async def seen(view: AvailabilityView, sku: str) -> list[Shelf] | None:
    return (await view.read([sku])).shelves.get(sku)


async def test_what_was_filled_in_is_read_back(view: AvailabilityView) -> None:
    shelves = [shelf(5), shelf(0)]
    assert await seen(view, await known(view, *shelves)) == shelves


async def test_a_shelf_of_a_warehouse_without_coordinates_is_read_back_too(view: AvailabilityView) -> None:
    lost = replace(shelf(5), location=None)
    assert await seen(view, await known(view, lost)) == [lost]


async def test_where_the_warehouses_of_an_area_stand_is_read_back(view: AvailabilityView) -> None:
    sku, country, region = unique("SKU"), Destination(country=unique("C")), Destination(region=unique("R"))
    sites = {country: [Coordinates(53.5, 10), Coordinates(-1, 0.25)], region: []}
    reading = await view.read([sku], [country, region])
    assert (reading.shelves, reading.sites) == ({}, {})
    await view.fill(reading, {}, sites)
    assert (await view.read([sku], [region, country])).sites == sites
    same_name = Destination(region=country.country)
    assert (await view.read([sku], [same_name])).sites == {}


async def test_a_warehouse_that_came_or_moved_has_the_areas_read_again(view: AvailabilityView, redis: Redis) -> None:
    area = Destination(country=unique("C"))
    slow = await view.read([], [area])
    await view.forget_all()
    await view.fill(slow, {}, {area: [Coordinates(1, 1)]})
    assert (await view.read([], [area])).sites == {}
    await view.fill(await view.read([], [area]), {}, {area: [Coordinates(2, 2)]})
    assert (await view.read([], [area])).sites == {area: [Coordinates(2, 2)]}
    assert 0 < await redis.pttl(sites_key(area)) <= availability_view.ENTRY_MS


async def test_many_skus_are_read_at_once_and_misses_are_told(view: AvailabilityView) -> None:
    first, second, unknown = await known(view, shelf(1)), await known(view, shelf(2)), unique("SKU")
    reading = await view.read([first, unknown, second])
    assert set(reading.shelves) == {first, second}


async def test_a_newer_level_replaces_an_older_one_and_never_the_other_way_round(view: AvailabilityView) -> None:
    row = shelf(5, sequence=5)
    sku = await known(view, row)
    await view.store([level(sku, row, 7, sequence=7)])
    await view.store([level(sku, row, 6, sequence=6)])
    found = await seen(view, sku)
    assert found is not None
    assert [(s.sequence, s.quantity_available) for s in found] == [(7, 7)]


async def test_a_slow_reader_does_not_bring_back_what_was_before(view: AvailabilityView) -> None:
    sku, row = unique("SKU"), shelf(5, sequence=5)
    reading = await view.read([sku])
    await view.store([level(sku, row, 4, sequence=6)])
    assert await seen(view, sku) is None
    await view.fill(reading, {sku: [row]})
    found = await seen(view, sku)
    assert found is not None
    assert [(s.sequence, s.quantity_available) for s in found] == [(6, 4)]


async def test_a_reader_that_was_much_too_slow_keeps_it_to_itself(
    view: AvailabilityView, monkeypatch: pytest.MonkeyPatch
) -> None:
    sku = unique("SKU")
    reading = await view.read([sku])
    monkeypatch.setattr(availability_view, "FILL_WITHIN_SECONDS", -1.0)
    await view.fill(reading, {sku: [shelf(5)]})
    assert await seen(view, sku) is None


async def test_levels_that_arrive_in_any_order_leave_the_last_one(view: AvailabilityView) -> None:
    for order in ([3, 1, 2, 6, 5, 4], [6, 5, 4, 3, 2, 1], [1, 2, 3, 4, 5, 6]):
        row = shelf(0, sequence=0)
        sku = await known(view, row)
        await asyncio.gather(*(view.store([level(sku, row, sequence, sequence)]) for sequence in order))
        found = await seen(view, sku)
        assert found is not None
        assert found[0].quantity_available == 6


async def test_events_tell_levels_too(view: AvailabilityView) -> None:
    row, other = shelf(5, sequence=1), shelf(5, sequence=1)
    sku = await known(view, row, other)
    await view.store_events(
        [
            event(sku, row, 3, sequence=2),
            event(sku, row, 1, sequence=3),
            event(sku, row, 9, sequence=4, kind="inventory.low_stock"),
            event(sku, other, 2, sequence=2),
        ]
    )
    found = await seen(view, sku)
    assert found is not None
    assert [(s.sequence, s.quantity_available) for s in found] == [(3, 1), (2, 2)]


async def test_forgetting_a_sku_has_it_read_again(view: AvailabilityView) -> None:
    sku, other = await known(view, shelf(5)), await known(view, shelf(5))
    await view.forget([sku])
    assert await seen(view, sku) is None
    assert await seen(view, other) is not None
    await view.fill(await view.read([sku]), {sku: [shelf(1)]})
    assert await seen(view, sku) is not None


async def test_who_read_before_the_forgetting_does_not_fill_in_after_it(view: AvailabilityView) -> None:
    sku = unique("SKU")
    reading = await view.read([sku])
    await view.forget([sku])
    await view.fill(reading, {sku: [shelf(5)]})
    assert await seen(view, sku) is None


async def test_forgetting_all_reaches_every_sku_and_every_reader_under_way(view: AvailabilityView) -> None:
    sku, fresh = await known(view, shelf(5)), unique("SKU")
    reading = await view.read([fresh])
    await view.forget_all()
    await view.fill(reading, {fresh: [shelf(5)]})
    assert (await view.read([sku, fresh])).shelves == {}
    row = shelf(9)
    await view.fill(await view.read([sku]), {sku: [row]})
    assert await seen(view, sku) == [row]


async def test_a_row_that_went_is_gone_after_the_next_filling(view: AvailabilityView) -> None:
    staying, gone = shelf(1), shelf(2)
    sku = await known(view, staying, gone)
    await view.forget([sku])
    await view.store([level(sku, gone, 2, sequence=9)])
    await view.fill(await view.read([sku]), {sku: [staying]})
    assert await seen(view, sku) == [staying]


async def test_nothing_stays_for_long(view: AvailabilityView, redis: Redis) -> None:
    complete, incomplete = await known(view, shelf(5)), unique("SKU")
    await view.store([level(incomplete, shelf(0), 1, 1)])
    await view.forget([forgotten := unique("SKU")])
    left = [await redis.pttl(f"holdfast:shelves:{sku}") for sku in (complete, incomplete, forgotten)]
    assert 0 < left[0] <= availability_view.ENTRY_MS
    assert all(0 < each <= availability_view.GUARD_MS for each in left[1:])


async def test_levels_keep_a_known_sku_from_growing_old_only_as_long_as_its_filling(
    view: AvailabilityView, redis: Redis
) -> None:
    row = shelf(5)
    sku = await known(view, row)
    await redis.pexpire(f"holdfast:shelves:{sku}", 60_000)
    await view.store([level(sku, row, 4, sequence=2)])
    assert 0 < await redis.pttl(f"holdfast:shelves:{sku}") <= 60_000


async def test_refreshing_reads_what_postgres_says(view: AvailabilityView, db: Database) -> None:
    item = await add_stock(db, 10)
    row = Shelf(item.inventory_id, item.warehouse_id, "W", "", True, item.sequence, 10)
    await view.fill(await view.read([item.sku]), {item.sku: [row]})
    await hold(db, want(item, 4))
    await view.refresh(db, [item.inventory_id])
    found = await seen(view, item.sku)
    assert found is not None
    assert found[0].quantity_available == (await stock_now(db, item)).quantity_available == 6


class TestOutage:
    """Without Redis nothing is known, nothing raises, and nobody waits."""

    @pytest.fixture
    async def black_hole(self, cached: Settings) -> AsyncIterator[Settings]:
        """An address that takes connections and never answers."""
        opened: list[asyncio.StreamWriter] = []

        async def swallow(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            opened.append(writer)

        server = await asyncio.start_server(swallow, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        yield cached.model_copy(update={"redis_host": "127.0.0.1", "redis_port": port})
        for writer in opened:
            writer.close()
        server.close()
        await server.wait_closed()

    async def test_everything_is_a_miss_and_nothing_raises(self, cached: Settings, free_port: int) -> None:
        view = AvailabilityView.connect(cached.model_copy(update={"redis_host": "127.0.0.1", "redis_port": free_port}))
        row = shelf(5)
        area = Destination(country="DE")
        reading = await view.read(["SKU-1"], [area])
        assert (reading.shelves, reading.sites) == ({}, {})
        await view.fill(reading, {"SKU-1": [row]}, {area: []})
        await view.store([level("SKU-1", row, 1, 1)])
        await view.forget(["SKU-1"])
        await view.forget_all()
        await view.close()

    async def test_only_the_first_to_notice_waits(self, black_hole: Settings) -> None:
        view = AvailabilityView.connect(black_hole)
        await view.read(["SKU-1"])
        started = time.monotonic()
        for _ in range(100):
            await view.read(["SKU-1"])
            await view.store([level("SKU-1", shelf(1), 1, 1)])
        assert time.monotonic() - started < availability_view.ANSWER_TIMEOUT_SECONDS * 100
        await view.close()

    async def test_it_is_asked_again_after_the_silence(
        self, cached: Settings, free_port: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(availability_view, "SILENCE_SECONDS", 0.0)
        view = patient_view(cached.model_copy(update={"redis_port": free_port}))
        assert (await view.read(["SKU-1"])).epoch is None
        async with forwarding(free_port, cached):
            assert (await view.read(["SKU-1"])).epoch is not None
            await view.close()

    async def test_a_health_check_is_told_the_truth(
        self, cached: Settings, view: AvailabilityView, free_port: int
    ) -> None:
        await view.ping()
        dead = AvailabilityView.connect(cached.model_copy(update={"redis_port": free_port}))
        with pytest.raises(Unavailable):
            await dead.ping()
        await dead.close()


def test_a_connection_that_is_reset_under_a_request_is_a_miss_in_our_event_loop_too(
    cached: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask() -> None:
        view = AvailabilityView.connect(cached)
        await view.forget(["RESET"])
        send = AbstractConnection.send_packed_command

        async def reset_and_send(connection: Any, *arguments: Any, **options: Any) -> None:
            connection._writer.transport.abort()
            await send(connection, *arguments, **options)

        monkeypatch.setattr(AbstractConnection, "send_packed_command", reset_and_send)
        await view.forget(["RESET"])
        monkeypatch.undo()
        await view.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(ask())


async def test_a_password_is_sent_when_there_is_one(cached: Settings) -> None:
    sent = []

    async def record(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent.append(await reader.read(1_000))
        writer.close()

    server = await asyncio.start_server(record, "127.0.0.1", 0)
    address = {"redis_host": "127.0.0.1", "redis_port": server.sockets[0].getsockname()[1]}
    guarded = patient_view(cached.model_copy(update={**address, "redis_password": SecretStr("open sesame")}))
    await guarded.read(["SKU-1"])
    await guarded.close()
    server.close()
    await server.wait_closed()
    assert b"open sesame" in sent[0]


async def test_the_number_of_the_redis_database_is_honoured(cached: Settings, view: AvailabilityView) -> None:
    sku = await known(view, shelf(5))
    elsewhere = patient_view(cached.model_copy(update={"redis_db": cached.redis_db + 1}))
    reading = await elsewhere.read([sku])
    assert (reading.epoch is not None, reading.shelves) == (True, {})
    await elsewhere.close()
