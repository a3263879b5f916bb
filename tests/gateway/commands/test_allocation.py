"""Reserving with a destination and a strategy on real servers, planned here or by a worker elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from db.engine import Database
from domain.allocation import Strategy
from domain.destinations import Destination
from domain.distance import Coordinates
from domain.errors import InsufficientStock, ReservationMismatch, Unprocessable
from domain.explanations import Reason
from domain.stock import StockItem
from holdfast.stack.embedded import Stack
from runtime.settings import Settings
from tests.conftest import NAMESPACES
from tests.gateway.commands.desk import Desk, connect, new_id, open_desk
from tests.stocking import add_stock, add_warehouse, assert_invariants, reservation_now, unique, want

BREMEN = Destination(point=Coordinates(53.08, 8.8))
NEAREST: dict[str, Any] = {"strategy": Strategy.NEAREST, "destination": BREMEN}


@pytest.fixture(scope="module")
async def there(database: Settings, temporal_server: Stack) -> Settings:
    return database.model_copy(update={**temporal_server.addresses, "temporal_namespace": NAMESPACES[-2]})


@pytest.fixture
async def desk(db: Database, there: Settings) -> Desk:
    return await open_desk(db, await connect(there), there)


@pytest.fixture
async def open_shop(desk: Desk) -> AsyncIterator[Desk]:
    async with desk.serving():
        yield desk


async def near_and_far(db: Database) -> tuple[StockItem, StockItem]:
    """The same SKU in Hamburg, last by priority, and in Munich, first by priority: 5 pieces each."""
    sku = unique("SKU")
    hamburg = await add_warehouse(db, latitude=53.55, longitude=9.99, priority=9, region="north")
    munich = await add_warehouse(db, latitude=48.14, longitude=11.58, priority=1, region="south")
    return await add_stock(db, 5, warehouse=hamburg, sku=sku), await add_stock(db, 5, warehouse=munich, sku=sku)


async def test_the_nearest_serves_and_says_why(open_shop: Desk) -> None:
    near, far = await near_and_far(open_shop.database)
    held = (await open_shop.reserve(want(near, 2), **NEAREST)).reservation
    assert [line.inventory_id for line in held.lines] == [near.inventory_id]
    assert [it.reasons for it in held.allocation.allocated] == [(Reason.NEAREST,)]
    assert [(it.warehouse_id, it.reasons) for it in held.allocation.rejected] == [(far.warehouse_id, (Reason.FARTHER,))]
    assert await reservation_now(open_shop.database, held) == held


async def test_a_worker_elsewhere_plans_by_the_same_wish(desk: Desk) -> None:
    """There the wish comes out of the workflow's history, and the plan is made anew."""
    near, _ = await near_and_far(desk.database)
    async with desk.elsewhere():
        held = (await desk.reserve(want(near, 2), **NEAREST)).reservation
    assert [line.inventory_id for line in held.lines] == [near.inventory_id]
    assert held.allocation.strategy is Strategy.NEAREST
    assert held.allocation.place is not None
    assert held.allocation.place.destination == BREMEN


async def test_without_a_destination_the_priority_decides(open_shop: Desk) -> None:
    near, far = await near_and_far(open_shop.database)
    held = (await open_shop.reserve(want(near, 2))).reservation
    assert [line.inventory_id for line in held.lines] == [far.inventory_id]


async def test_the_same_id_with_another_destination_is_another_request(open_shop: Desk) -> None:
    near, _ = await near_and_far(open_shop.database)
    asked: dict[str, Any] = {"reservation_id": new_id(), "order_id": "order-1"}
    first = await open_shop.reserve(want(near, 2), **asked, **NEAREST)
    again = await open_shop.reserve(want(near, 2), **asked, **NEAREST)
    assert (again.is_new, again.reservation) == (False, first.reservation)
    for other in (
        {},
        {"strategy": Strategy.NEAREST, "destination": Destination(country="DE")},
        {"destination": BREMEN},
    ):
        with pytest.raises(ReservationMismatch):
            await open_shop.reserve(want(near, 2), **asked, **other)


@pytest.mark.parametrize("wish", [{"strategy": Strategy.NEAREST, "region": "north"}, {"strategy": Strategy.REGION}])
async def test_a_strategy_that_lacks_its_destination_is_refused(desk: Desk, wish: dict[str, Any]) -> None:
    near, _ = await near_and_far(desk.database)
    with pytest.raises(Unprocessable) as refused:
        await desk.reserve(want(near, 1), **wish)
    assert [problem["pointer"] for problem in refused.value.extra["errors"]] == ["/destination"]


async def test_the_region_to_stay_in_is_a_destination_enough(open_shop: Desk) -> None:
    near, _ = await near_and_far(open_shop.database)
    held = (await open_shop.reserve(want(near, 1), strategy=Strategy.REGION, region="north")).reservation
    assert [line.inventory_id for line in held.lines] == [near.inventory_id]


async def test_a_refusal_says_what_each_warehouse_lacks(open_shop: Desk) -> None:
    near, far = await near_and_far(open_shop.database)
    with pytest.raises(InsufficientStock) as refused:
        await open_shop.reserve(want(near, 7), region="north")
    assert {it["warehouseId"]: it["reasons"] for it in refused.value.extra["rejected"]} == {
        str(near.warehouse_id): ["too_little"],
        str(far.warehouse_id): ["other_region"],
    }
    with pytest.raises(InsufficientStock) as unsplit:
        await open_shop.reserve(want(near, 7), allow_split=False)
    assert unsplit.value.shortages[0].available == 5
    assert {it["warehouseId"] for it in unsplit.value.extra["rejected"]} == {
        str(near.warehouse_id),
        str(far.warehouse_id),
    }
    await assert_invariants(open_shop.database)
