"""Allocation on real rows: what is read for a plan, what a hold makes of it, and what is kept of the reasons."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from db import holding
from db.allocation import Candidates, candidates
from db.engine import Database
from domain.allocation import Strategy
from domain.contracts.reservations import HoldRequest
from domain.destinations import Destination, Location
from domain.distance import Coordinates
from domain.explanations import Reason
from domain.reservations import Item, Reservation, ReservationStatus
from domain.stock import StockItem
from tests.stocking import (
    add_stock,
    add_warehouse,
    assert_invariants,
    hold,
    hold_request,
    reservation_now,
    stock_now,
    unique,
    want,
)

HAMBURG, MUNICH, LYON = Coordinates(53.55, 9.99), Coordinates(48.14, 11.58), Coordinates(45.76, 4.84)
BREMEN = Destination(point=Coordinates(53.08, 8.8))


class Shop:
    """A shop of its own country and region names, so that no other test's warehouses are in its areas."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.sku = unique("SKU")
        self.germany, self.france = unique("DE"), unique("FR")
        self.north, self.south = unique("NORTH"), unique("SOUTH")

    async def stock(self, quantity: int, point: Coordinates | None, **fields: Any) -> StockItem:
        """A warehouse at a point with pieces of the SKU; by default German and in the north."""
        degrees = {"latitude": point.latitude, "longitude": point.longitude} if point else {}
        warehouse = await add_warehouse(
            self._db, **{"country": self.germany, "region": self.north, **degrees, **fields}
        )
        return await add_stock(self._db, quantity, warehouse=warehouse, sku=self.sku)

    def want(self, quantity: int, **fields: Any) -> Item:
        return Item(sku=self.sku, quantity=quantity, **fields)

    async def found(self, destination: Destination | None) -> Candidates:
        return await self._db.reading(lambda session: candidates(session, [self.want(1)], destination))


@pytest.fixture
def shop(db: Database) -> Shop:
    return Shop(db)


async def kept(db: Database, held: Reservation) -> Any:
    """The column as it is."""
    statement = text("select allocation from reservations where reservation_id = :id")
    async with db.read() as session:
        return (await session.execute(statement, {"id": held.reservation_id})).scalar_one()


async def test_a_point_needs_no_warehouse_to_be_found(shop: Shop) -> None:
    await shop.stock(1, HAMBURG)
    found = await shop.found(BREMEN)
    assert found.place is not None
    assert (found.place.point, found.place.location) == (BREMEN.point, Location.GIVEN)
    assert [level.location for level in found.levels] == [HAMBURG]


async def test_an_area_is_the_centre_of_all_its_active_warehouses_with_the_item_or_without(db: Database) -> None:
    shop = Shop(db)
    await shop.stock(1, Coordinates(50, 10))
    await add_warehouse(db, country=shop.germany, region=shop.south, latitude=50, longitude=20)
    await add_warehouse(db, country=shop.germany, region=shop.south, latitude=0, longitude=0, is_active=False)
    await add_warehouse(db, country=shop.germany, region=shop.south)
    await add_warehouse(db, country=shop.france, region=shop.north, latitude=-50, longitude=10)
    for destination, longitude in (
        (Destination(country=shop.germany), 15),
        (Destination(region=shop.south), 20),
        (Destination(country=shop.france), 10),
    ):
        found = await shop.found(destination)
        assert len(found.levels) == 1
        assert found.place is not None
        assert found.place.location is Location.CENTRE
        assert found.place.point is not None
        assert found.place.point.longitude == pytest.approx(longitude)


async def test_an_area_where_nothing_stands_is_unknown_and_serves_by_priority(db: Database, shop: Shop) -> None:
    await shop.stock(5, HAMBURG, priority=2)
    first = await shop.stock(5, MUNICH, priority=1)
    nowhere = Destination(country=unique("XX"))
    held = await hold(db, shop.want(1), strategy=Strategy.NEAREST, destination=nowhere)
    assert held.lines[0].inventory_id == first.inventory_id
    assert held.allocation.place is not None
    assert held.allocation.place.location is Location.UNKNOWN
    assert [it.distance_km for it in held.allocation.rejected] == [None]


async def test_the_nearest_serves_and_the_row_says_why(db: Database, shop: Shop) -> None:
    near, far = await shop.stock(5, HAMBURG, priority=9), await shop.stock(5, MUNICH, priority=1)
    lost = await shop.stock(5, None)
    closed = await shop.stock(5, HAMBURG, is_active=False)
    held = await hold(db, shop.want(2), strategy=Strategy.NEAREST, destination=BREMEN)
    [allocated] = held.allocation.allocated
    assert (allocated.warehouse_id, allocated.quantity, allocated.reasons) == (near.warehouse_id, 2, (Reason.NEAREST,))
    assert allocated.distance_km == pytest.approx(94.5, abs=1)
    assert {it.warehouse_id: it.reasons for it in held.allocation.rejected} == {
        far.warehouse_id: (Reason.FARTHER,),
        lost.warehouse_id: (Reason.NO_COORDINATES,),
        closed.warehouse_id: (Reason.INACTIVE,),
    }
    assert await reservation_now(db, held) == held
    assert await kept(db, held) is not None


async def test_without_a_choice_nothing_is_kept(db: Database) -> None:
    one, other = await add_stock(db, 5), await add_stock(db, 5)
    held = await hold(db, want(one, 2), want(other, 1))
    assert await kept(db, held) is None
    assert held.explanation is None
    assert [it.reasons for it in held.allocation.allocated] == [(Reason.ONLY_CANDIDATE,)] * 2
    assert await reservation_now(db, held) == held


async def test_one_warehouse_and_a_destination_are_worth_keeping(db: Database, shop: Shop) -> None:
    await shop.stock(5, HAMBURG)
    held = await hold(db, shop.want(1), destination=BREMEN)
    assert held.allocation.allocated[0].distance_km == pytest.approx(94.5, abs=1)
    assert await reservation_now(db, held) == held


async def test_a_request_of_before_is_planned_as_before(db: Database, shop: Shop) -> None:
    """No strategy, no destination: by priority, then by what is there, split where it must be."""
    first, second = await shop.stock(3, MUNICH, priority=1), await shop.stock(9, HAMBURG, priority=2)
    held = await hold(db, shop.want(5))
    assert {line.inventory_id: line.quantity for line in held.lines} == {first.inventory_id: 3, second.inventory_id: 2}
    assert held.allocation.strategy is Strategy.BALANCED
    assert [it.reasons for it in held.allocation.allocated if it.inventory_id == second.inventory_id] == [
        (Reason.PRIORITY, Reason.REMAINDER)
    ]


async def test_a_preferred_warehouse_serves_before_a_better_one(db: Database, shop: Shop) -> None:
    await shop.stock(5, HAMBURG)
    preferred = await shop.stock(2, MUNICH, priority=9)
    wish = shop.want(3, preferred_warehouse_id=preferred.warehouse_id)
    held = await hold(db, wish, strategy=Strategy.NEAREST, destination=BREMEN)
    assert {it.quantity: it.reasons for it in held.allocation.allocated} == {
        2: (Reason.PREFERRED,),
        1: (Reason.NEAREST,),
    }


async def test_a_plan_made_again_under_locks_keeps_its_own_reasons(db: Database, shop: Shop) -> None:
    """The nearest shelf is sold out by holds past their deadline: the hold frees them and says so of what it took."""
    near = await shop.stock(2, HAMBURG)
    far = await shop.stock(1, MUNICH)
    await hold(db, shop.want(2, warehouse_id=near.warehouse_id), hold_seconds=0)
    held = await hold(db, shop.want(3), strategy=Strategy.NEAREST, destination=BREMEN)
    assert held.status is ReservationStatus.PENDING
    assert {it.warehouse_id: it.reasons for it in held.allocation.allocated} == {
        near.warehouse_id: (Reason.NEAREST,),
        far.warehouse_id: (Reason.NEAREST, Reason.REMAINDER),
    }
    assert await reservation_now(db, held) == held
    await assert_invariants(db)


async def test_a_refusal_says_what_each_warehouse_lacks(db: Database, shop: Shop) -> None:
    little, elsewhere = await shop.stock(1, HAMBURG), await shop.stock(9, LYON, region=shop.south)
    refused = await hold(db, shop.want(3), region=shop.north)
    assert refused.status is ReservationStatus.REJECTED
    assert {it.warehouse_id: it.reasons for it in refused.allocation.rejected} == {
        little.warehouse_id: (Reason.TOO_LITTLE,),
        elsewhere.warehouse_id: (Reason.OTHER_REGION,),
    }
    assert refused.allocation.allocated == ()
    assert await reservation_now(db, refused) == refused


async def test_a_closed_warehouse_is_not_asked_for_its_overdue_holds(db: Database, shop: Shop) -> None:
    closed = await shop.stock(5, HAMBURG, is_active=True)
    overdue = await hold(db, shop.want(5), hold_seconds=0)
    async with db.write() as session:
        await session.execute(
            text("update warehouses set is_active = false where warehouse_id = :id"), {"id": closed.warehouse_id}
        )
    assert (await hold(db, shop.want(1))).status is ReservationStatus.REJECTED
    assert (await reservation_now(db, overdue)).status is ReservationStatus.PENDING
    assert (await stock_now(db, closed)).quantity_reserved == 5


async def test_a_repeated_hold_answers_the_reasons_of_the_first(db: Database, shop: Shop) -> None:
    await shop.stock(5, HAMBURG)
    await shop.stock(5, MUNICH)
    request: HoldRequest = replace(hold_request([shop.want(1)]), destination=BREMEN)
    first = await holding.hold(db, request)
    assert await holding.hold(db, request) == first
