"""Commands on warehouses, and what they mean for stock."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from db import warehouses
from db.engine import Database
from domain.availability import AvailabilityQuery
from domain.errors import AlreadyExists, Forbidden, NotFound, StaleVersion, Unprocessable
from domain.reservations import ReservationStatus
from domain.warehouses import NewWarehouse, WarehouseChanges
from gateway.auth import OPERATIONS_APPROVE, Caller
from gateway.commands.warehouses import WarehouseCommands
from gateway.views import Views
from tests.stocking import add_stock, add_warehouse, hold, settle, stock_now, unique, wait_until_blocked, want


@pytest.fixture
def approver(caller: Caller) -> Caller:
    return replace(caller, scopes=frozenset({OPERATIONS_APPROVE}))


async def test_a_warehouse_is_made_once_however_often_it_is_asked_for(
    warehouse_commands: WarehouseCommands, views: Views, caller: Caller
) -> None:
    new, warehouse_id = NewWarehouse(code=unique("W"), name="Berlin", latitude=52.5, longitude=13.4), uuid.uuid4()
    made = await asyncio.gather(*(warehouse_commands.create(new, caller, warehouse_id=warehouse_id) for _ in range(4)))
    assert all(each == made[0] for each in made)
    assert await views.warehouse(warehouse_id) == made[0]
    assert (made[0].latitude, made[0].version, made[0].is_active) == (52.5, 1, True)


async def test_a_code_belongs_to_one_warehouse(warehouse_commands: WarehouseCommands, caller: Caller) -> None:
    new = NewWarehouse(code=unique("W"), name="Berlin")
    first = await warehouse_commands.create(new, caller, warehouse_id=uuid.uuid4())
    with pytest.raises(AlreadyExists) as refused:
        await warehouse_commands.create(new, caller, warehouse_id=uuid.uuid4())
    assert refused.value.extra == {"warehouseId": str(first.warehouse_id)}


async def test_what_is_given_changes_and_the_rest_stays(
    db: Database, warehouse_commands: WarehouseCommands, approver: Caller
) -> None:
    place = await add_warehouse(db, region="eu", priority=3)
    changes = WarehouseChanges(
        name="New name", priority=1, adjustment_threshold_quantity=0, adjustment_threshold_value=Decimal("99.5")
    )
    after = await warehouse_commands.update(place.warehouse_id, changes, approver, expected_version=1)
    assert (after.adjustment_threshold_quantity, after.adjustment_threshold_value) == (0, Decimal("99.5"))
    assert (after.name, after.priority, after.region, after.code) == ("New name", 1, "eu", place.code)
    assert after.version == 2
    assert after.updated_at > place.updated_at


async def test_a_threshold_goes_back_to_what_the_settings_say(
    db: Database, warehouse_commands: WarehouseCommands, approver: Caller
) -> None:
    place = await add_warehouse(db, adjustment_threshold_quantity=5, adjustment_threshold_value=Decimal(9))
    changes = WarehouseChanges(priority=2, cleared=("adjustment_threshold_quantity",))
    after = await warehouse_commands.update(place.warehouse_id, changes, approver, expected_version=None)
    assert (after.adjustment_threshold_quantity, after.adjustment_threshold_value) == (None, Decimal(9))


MOVED = [
    {"adjustment_threshold_quantity": 50_000},
    {"adjustment_threshold_value": Decimal("9.01")},
    {"cleared": ("adjustment_threshold_quantity",)},
    {"cleared": ("adjustment_threshold_value",)},
]


@pytest.mark.parametrize("fields", MOVED, ids=str)
async def test_a_threshold_is_not_moved_by_those_whom_it_restricts(
    db: Database, warehouse_commands: WarehouseCommands, views: Views, caller: Caller, fields: dict[str, Any]
) -> None:
    place = await add_warehouse(db, adjustment_threshold_quantity=5, adjustment_threshold_value=Decimal(9))
    changes = WarehouseChanges(priority=2, **fields)
    with pytest.raises(Forbidden) as refused:
        await warehouse_commands.update(place.warehouse_id, changes, caller, expected_version=None)
    assert refused.value.extra == {"missingScope": OPERATIONS_APPROVE}
    assert await views.warehouse(place.warehouse_id) == place


async def test_a_threshold_that_it_has_already_may_come_back_from_anybody(
    db: Database, warehouse_commands: WarehouseCommands, caller: Caller
) -> None:
    place = await add_warehouse(db, adjustment_threshold_quantity=5)
    same = WarehouseChanges(priority=2, adjustment_threshold_quantity=5, cleared=("adjustment_threshold_value",))
    after = await warehouse_commands.update(place.warehouse_id, same, caller, expected_version=None)
    assert (after.priority, after.adjustment_threshold_quantity, after.adjustment_threshold_value) == (2, 5, None)


async def test_a_threshold_that_is_only_repeated_does_not_undo_what_is_set_at_this_moment(
    db: Database, warehouse_commands: WarehouseCommands, caller: Caller
) -> None:
    place = await add_warehouse(db, adjustment_threshold_quantity=500)
    stricter, same = (WarehouseChanges(adjustment_threshold_quantity=pieces) for pieces in (1, 500))
    async with db.write() as session:
        await warehouses.change(session, place.warehouse_id, stricter, expected_version=None)
        repeating = asyncio.create_task(
            warehouse_commands.update(place.warehouse_id, same, caller, expected_version=None)
        )
        await wait_until_blocked(db)
    assert (await repeating).adjustment_threshold_quantity == 1


async def test_a_new_warehouse_has_thresholds_only_from_those_who_may_approve(
    warehouse_commands: WarehouseCommands, views: Views, caller: Caller, approver: Caller
) -> None:
    new = NewWarehouse(code=unique("W"), name="Lax", adjustment_threshold_quantity=50_000)
    warehouse_id = uuid.uuid4()
    with pytest.raises(Forbidden):
        await warehouse_commands.create(new, caller, warehouse_id=warehouse_id)
    with pytest.raises(NotFound):
        await views.warehouse(warehouse_id)
    made = await warehouse_commands.create(new, approver, warehouse_id=warehouse_id)
    assert made.adjustment_threshold_quantity == 50_000


async def test_a_stale_version_is_refused_and_without_one_the_last_writer_wins(
    db: Database, warehouse_commands: WarehouseCommands, caller: Caller
) -> None:
    place = await add_warehouse(db)
    changes = [WarehouseChanges(priority=priority) for priority in range(4)]
    guarded = await asyncio.gather(
        *(warehouse_commands.update(place.warehouse_id, c, caller, expected_version=1) for c in changes),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, StaleVersion) for answer in guarded) == 3
    free = await asyncio.gather(
        *(warehouse_commands.update(place.warehouse_id, c, caller, expected_version=None) for c in changes)
    )
    assert sorted(answer.version for answer in free) == [3, 4, 5, 6]


async def test_wrong_changes_and_unknown_warehouses_are_refused(
    db: Database, warehouse_commands: WarehouseCommands, views: Views, caller: Caller
) -> None:
    place = await add_warehouse(db)
    with pytest.raises(Unprocessable):
        await warehouse_commands.update(
            place.warehouse_id, WarehouseChanges(code="OTHER"), caller, expected_version=None
        )
    with pytest.raises(Unprocessable):
        await warehouse_commands.create(NewWarehouse(code="", name=""), caller, warehouse_id=uuid.uuid4())
    with pytest.raises(NotFound):
        await warehouse_commands.update(uuid.uuid4(), WarehouseChanges(), caller, expected_version=None)
    with pytest.raises(NotFound):
        await views.warehouse(uuid.uuid4())


async def test_a_warehouse_out_of_use_keeps_its_holds_and_takes_no_new_ones(
    db: Database, warehouse_commands: WarehouseCommands, views: Views, caller: Caller
) -> None:
    place = await add_warehouse(db)
    item = await add_stock(db, 10, warehouse=place)
    held, query = await hold(db, want(item, 4)), AvailabilityQuery(sku=item.sku, quantity=1)
    assert (await views.check_availability(query)).available
    closed = WarehouseChanges(is_active=False)
    await warehouse_commands.update(place.warehouse_id, closed, caller, expected_version=None)
    assert not (await views.check_availability(query)).available
    assert (await hold(db, want(item, 1))).status is ReservationStatus.REJECTED
    await settle(db, held, ReservationStatus.COMMITTED)
    assert (await stock_now(db, item)).quantity_total == 6
