"""What may be seen: single resources, lists and availability, with Redis and without."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from db import availability_view
from db.availability_view import AvailabilityView
from db.engine import Database, ReadSession
from db.movements import MovementFilter
from db.paging import PageRequest
from db.reservation_listing import ReservationFilter
from db.stock import StockFilter
from db.warehouses import WarehouseFilter
from domain.allocation import Strategy
from domain.availability import AvailabilityQuery
from domain.destinations import Destination, Location
from domain.errors import NotFound, UnknownItem, Unprocessable
from domain.operations import OperationKind
from domain.stock import Adjustment, NewStockItem
from domain.warehouses import NewWarehouse, WarehouseChanges
from gateway.auth import Caller
from gateway.commands.stock import StockCommands
from gateway.commands.warehouses import WarehouseCommands
from gateway.operation_views import OperationViews
from gateway.views import Views
from holdfast.stack.embedded import Stack
from tests.patience import patient_view
from tests.stocking import add_stock, add_warehouse, hold, unique, want
from tests.transferring import road

FIRST = PageRequest()


class Counted:
    """A database that counts how often it is read."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.reads = 0

    async def reading(self, work: Any) -> Any:
        self.reads += 1
        return await self._database.reading(work)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadSession]:
        async with self._database.read() as session:
            yield session


async def test_single_resources_are_found_or_not(db: Database, views: Views) -> None:
    item = await add_stock(db, 10)
    held = await hold(db, want(item, 1))
    assert (await views.inventory_item(item.inventory_id)).quantity_reserved == 1
    assert await views.reservation(held.reservation_id) == held
    for missing in (views.inventory_item(uuid.uuid4()), views.reservation(uuid.uuid4()), views.warehouse(uuid.uuid4())):
        with pytest.raises(NotFound):
            await missing


async def test_a_trail_is_found_under_the_noun_that_it_is_of(db: Database) -> None:
    request = await (await road(db, A=10)).opened(A=4)
    views = OperationViews(db)
    trail = await views.audit_trail(OperationKind.TRANSFER, request.transfer_id, FIRST)
    assert ([line.step for line in trail.items], trail.next_token) == (["request"], None)
    for kind in (OperationKind.ADJUSTMENT, OperationKind.PURCHASE_ORDER):
        with pytest.raises(NotFound):
            await views.audit_trail(kind, request.transfer_id, FIRST)


async def test_lists_by_product_sku_warehouse_and_order(db: Database, views: Views) -> None:
    item = await add_stock(db, 10)
    held = await hold(db, want(item, 1), order_id=unique("ORDER"))
    lists = [
        await views.inventory_of_product(item.product_id, FIRST),
        await views.inventory_of_sku(item.sku, FIRST),
        await views.warehouse_inventory(item.warehouse_id, FIRST),
        await views.inventory_list(StockFilter(sku=item.sku), FIRST),
    ]
    assert [[row.inventory_id for row in page.items] for page in lists] == [[item.inventory_id]] * 4
    assert (await views.reservation_list(ReservationFilter(order_id=held.order_id), FIRST)).items == (held,)
    assert len((await views.movements(item.inventory_id, MovementFilter(), FIRST)).items) == 1


async def test_an_empty_list_is_an_answer_and_an_unknown_parent_is_not(db: Database, views: Views) -> None:
    place = await add_warehouse(db)
    empty = await add_stock(db, warehouse=await add_warehouse(db))
    assert (await views.warehouse_inventory(place.warehouse_id, FIRST)).items == ()
    assert (await views.movements(empty.inventory_id, MovementFilter(), FIRST)).items == ()
    assert (await views.inventory_of_sku("NOWHERE", FIRST)).items == ()
    assert (await views.reservation_list(ReservationFilter(order_id="NONE"), FIRST)).items == ()
    with pytest.raises(NotFound):
        await views.warehouse_inventory(uuid.uuid4(), FIRST)
    with pytest.raises(NotFound):
        await views.movements(uuid.uuid4(), MovementFilter(), FIRST)


async def test_a_text_that_no_row_can_hold_is_refused_before_postgres_sees_it(views: Views) -> None:
    for asked in (
        views.inventory_list(StockFilter(sku="a\x00"), FIRST),
        views.inventory_list(StockFilter(region="r" * 51), FIRST),
        views.inventory_of_sku("\ud800", FIRST),
        views.movements(uuid.uuid4(), MovementFilter(reference="\x00"), FIRST),
        views.warehouse_list(WarehouseFilter(region="\x00"), FIRST),
        views.reservation_list(ReservationFilter(order_id="o" * 101), FIRST),
        views.reservation_list(ReservationFilter(order_id="\x00"), FIRST),
        views.check_availability(AvailabilityQuery(sku="\x00", quantity=1)),
    ):
        with pytest.raises(Unprocessable):
            await asked


class TestAvailability:
    @pytest.fixture(params=["with Redis", "without Redis"])
    async def checked(self, request: pytest.FixtureRequest, db: Database, redis_server: Stack) -> AsyncIterator[Views]:
        """The same answers with the view and without."""
        reached = redis_server.settings
        if request.param == "without Redis":
            reached = reached.model_copy(update={"redis_port": 1})
        view = patient_view(reached)
        yield Views(db, view)
        await view.close()

    async def test_all_warehouses_of_a_sku_add_up_in_the_order_of_preference(
        self, db: Database, checked: Views
    ) -> None:
        far, near = await add_warehouse(db, priority=2, region="us"), await add_warehouse(db, priority=1, region="eu")
        first = await add_stock(db, 3, warehouse=far)
        second = await add_stock(db, 4, warehouse=near, sku=first.sku)
        for _ in range(2):
            answer = await checked.check_availability(AvailabilityQuery(sku=first.sku, quantity=7))
            assert (answer.available, answer.quantity_available, answer.sku) == (True, 7, first.sku)
            assert [(place.inventory_id, place.code, place.quantity_available) for place in answer.warehouses] == [
                (second.inventory_id, near.code, 4),
                (first.inventory_id, far.code, 3),
            ]
            local = await checked.check_availability(AvailabilityQuery(sku=first.sku, quantity=5, region="eu"))
            assert (local.available, local.quantity_available) == (False, 4)

    async def test_an_item_is_named_in_three_ways(self, db: Database, checked: Views) -> None:
        variant = uuid.uuid4()
        item = await add_stock(db, 3, variant_id=variant)
        for query in (
            AvailabilityQuery(sku=item.sku, quantity=3),
            AvailabilityQuery(inventory_id=item.inventory_id, quantity=3),
            AvailabilityQuery(product_id=item.product_id, variant_id=variant, quantity=3),
        ):
            assert (await checked.check_availability(query)).available

    async def test_what_is_not_known_is_an_error_and_not_sold_out(self, db: Database, checked: Views) -> None:
        item = await add_stock(db, 3, variant_id=uuid.uuid4())
        twice = await add_stock(db, 3)
        await add_stock(db, 3, product_id=twice.product_id)
        for query in (
            AvailabilityQuery(sku=unique("SKU"), quantity=1),
            AvailabilityQuery(inventory_id=uuid.uuid4(), quantity=1),
            AvailabilityQuery(product_id=uuid.uuid4(), quantity=1),
            AvailabilityQuery(product_id=item.product_id, quantity=1),
            AvailabilityQuery(product_id=twice.product_id, quantity=1),
        ):
            with pytest.raises(UnknownItem):
                await checked.check_availability(query)

    async def test_many_are_answered_one_by_one_and_together(self, db: Database, checked: Views) -> None:
        item, other = await add_stock(db, 5), await add_stock(db, 5)

        async def bulk(*queries: AvailabilityQuery) -> tuple[bool, list[bool | None]]:
            answer = await checked.check_availability_bulk(queries)
            return answer.available, [
                each.availability.available if each.availability else None for each in answer.items
            ]

        three = AvailabilityQuery(sku=item.sku, quantity=3)
        assert await bulk(three, AvailabilityQuery(sku=other.sku, quantity=5)) == (True, [True, True])
        assert await bulk(three, three) == (False, [True, True])
        assert await bulk(three, AvailabilityQuery(sku=other.sku, quantity=6)) == (False, [True, False])
        assert await bulk(three, AvailabilityQuery(sku=unique("SKU"), quantity=6)) == (False, [True, None])

    async def test_a_country_stands_for_the_centre_of_its_warehouses_and_the_nearest_to_it_serves(
        self, db: Database, checked: Views
    ) -> None:
        sku, country = unique("SKU"), unique("C")
        near, far = [
            await add_warehouse(db, latitude=0, longitude=east, country=unique("X"), priority=east) for east in (9, 1)
        ]
        for place in (near, far):
            await add_stock(db, 5, warehouse=place, sku=sku)
        for east in (10, 12):
            await add_warehouse(db, latitude=0, longitude=east, country=country)
        query = AvailabilityQuery(
            sku=sku, quantity=2, strategy=Strategy.NEAREST, destination=Destination(country=country)
        )
        for _ in range(2):
            answer = await checked.check_availability(query)
            assert [it.warehouse_id for it in answer.warehouses] == [near.warehouse_id, far.warehouse_id]
            assert [it.distance_km for it in answer.warehouses] == [222.4, 1112.0]
            assert answer.explanation.place is not None
            assert answer.explanation.place.location is Location.CENTRE
        nowhere = await checked.check_availability(replace(query, destination=Destination(region=unique("R"))))
        assert [it.warehouse_id for it in nowhere.explanation.allocated] == [far.warehouse_id]
        assert [it.distance_km for it in nowhere.warehouses] == [None, None]

    async def test_a_strategy_that_lacks_its_destination_is_refused(self, db: Database, checked: Views) -> None:
        item = await add_stock(db, 5)
        query = AvailabilityQuery(sku=item.sku, quantity=1, strategy=Strategy.NEAREST)
        with pytest.raises(Unprocessable) as refused:
            await checked.check_availability_bulk([query])
        assert [problem["pointer"] for problem in refused.value.extra["errors"]] == ["/items/0/destination"]

    async def test_wrong_queries_are_refused_with_their_place(self, db: Database, checked: Views) -> None:
        item = await add_stock(db, 5)
        wrong = [
            AvailabilityQuery(sku=item.sku, quantity=0),
            AvailabilityQuery(quantity=1),
            AvailabilityQuery(sku=item.sku, inventory_id=item.inventory_id, quantity=1_000_001),
        ]
        with pytest.raises(Unprocessable) as refused:
            await checked.check_availability_bulk(wrong)
        pointers = [problem["pointer"] for problem in refused.value.extra["errors"]]
        assert pointers == ["/items/0/quantity", "/items/1", "/items/2", "/items/2/quantity"]
        for query in wrong:
            with pytest.raises(Unprocessable):
                await checked.check_availability(query)
        for length in (0, 201):
            with pytest.raises(Unprocessable):
                await checked.check_availability_bulk([AvailabilityQuery(sku=item.sku, quantity=1)] * length)


async def test_what_is_in_the_view_costs_postgres_nothing(
    db: Database, view: AvailabilityView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(availability_view, "ENTRY_MS", 60_000)
    monkeypatch.setattr(availability_view, "FILL_WITHIN_SECONDS", 60.0)
    counted = Counted(db)
    views = Views(counted, view)  # type: ignore[arg-type]
    items = [await add_stock(db, 5) for _ in range(3)]
    queries = [AvailabilityQuery(sku=item.sku, quantity=1) for item in items]
    await views.check_availability_bulk(queries)
    assert counted.reads == 1
    await views.check_availability_bulk(queries)
    await views.check_availability(queries[0])
    assert counted.reads == 1
    somewhere = replace(queries[0], destination=Destination(country=unique("C")))
    await views.check_availability(somewhere)
    await views.check_availability(somewhere)
    assert counted.reads == 2


async def test_a_warehouse_that_comes_or_moves_moves_the_centre_of_its_country(
    db: Database, views: Views, warehouse_commands: WarehouseCommands, caller: Caller
) -> None:
    country, item = unique("C"), await add_stock(db, 5, warehouse=await add_warehouse(db, latitude=0, longitude=0))
    query = AvailabilityQuery(sku=item.sku, quantity=1, destination=Destination(country=country))

    async def seen() -> float | None:
        return (await views.check_availability(query)).warehouses[0].distance_km

    assert await seen() is None
    new = NewWarehouse(code=unique("W"), name="first", country=country, latitude=0, longitude=1)
    made = await warehouse_commands.create(new, caller, warehouse_id=uuid.uuid4())
    assert await seen() == 111.2
    moved = WarehouseChanges(longitude=2)
    await warehouse_commands.update(made.warehouse_id, moved, caller, expected_version=None)
    assert await seen() == 222.4


async def test_every_command_shows_in_the_next_check(
    db: Database, views: Views, stock_commands: StockCommands, caller: Caller
) -> None:
    first, second = await add_warehouse(db), await add_warehouse(db)
    new = NewStockItem(sku=unique("SKU"), product_id=uuid.uuid4(), warehouse_id=first.warehouse_id, quantity_total=5)
    beside = NewStockItem(sku=new.sku, product_id=new.product_id, warehouse_id=second.warehouse_id, quantity_total=2)

    async def seen() -> int:
        return (await views.check_availability(AvailabilityQuery(sku=new.sku, quantity=1))).quantity_available

    item = await stock_commands.create(new, caller, inventory_id=uuid.uuid4())
    assert await seen() == 5
    await stock_commands.adjust(
        item.inventory_id, Adjustment(delta=4, reason="found"), caller, adjustment_id=uuid.uuid4()
    )
    assert await seen() == 9
    other = await stock_commands.create(beside, caller, inventory_id=uuid.uuid4())
    assert await seen() == 11
    await stock_commands.delete(other.inventory_id, caller, expected_version=None)
    assert await seen() == 9
