"""UpdateStock and GetInventory over the real commands, views and database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID, uuid4

import grpc
import pytest
from sqlalchemy import select

from db.engine import Database
from db.movements import MovementFilter
from db.paging import PageRequest
from db.tables import audit
from domain.contracts.reservations import Source
from domain.ids import system_actor
from domain.stock import Movement, NewStockItem, StockItem
from domain.warehouses import NewWarehouse
from gateway.auth import Caller
from gateway.commands.stock import StockCommands
from gateway.commands.warehouses import WarehouseCommands
from gateway.rpc.generated.inventory.v1 import inventory_pb2 as pb
from gateway.views import Views
from runtime.settings import Settings
from tests.gateway.rpc.face import Face, Part, served, serving

CALLER = Caller(system_actor("tests"), "tests", frozenset({"admin"}), "setup", source=Source.GRPC)


@pytest.fixture(scope="module")
async def face(database: Settings) -> AsyncIterator[Face]:
    connected, view = Database.connect(database, process="tests"), Part()
    view.answers = {"store": None, "forget": None, "forget_all": None}
    async with served(database, database=connected) as fake:
        services = replace(
            fake.services,
            stock=StockCommands(connected, view, database),  # type: ignore[arg-type]
            warehouses=WarehouseCommands(connected, view),  # type: ignore[arg-type]
            views=Views(connected, view),  # type: ignore[arg-type]
        )
        async with serving(services) as (server, channel):
            yield Face(services, server, channel, Part(), Part(), Part(), Part(), fake.metadata)
    await connected.close()


@pytest.fixture
async def row(face: Face) -> StockItem:
    """A shelf with ten pieces."""
    warehouse = NewWarehouse(code=f"W{uuid4().hex[:8]}", name="Main")
    made = await face.services.warehouses.create(warehouse, CALLER, warehouse_id=uuid4())
    item = NewStockItem(
        sku=f"SKU-{uuid4().hex[:8]}", product_id=uuid4(), warehouse_id=made.warehouse_id, quantity_total=10
    )
    return await face.services.stock.create(item, CALLER, inventory_id=uuid4())


async def ledger(face: Face, inventory_id: UUID) -> list[Movement]:
    page = await face.services.views.movements(inventory_id, MovementFilter(), PageRequest())
    return list(page.items)


async def sources_of(face: Face, operation_id: UUID) -> list[str]:
    """The doors that its steps came through."""
    async with face.services.database.read() as session:
        steps = await session.execute(select(audit.c.source).where(audit.c.subject_id == operation_id))
        return list(steps.scalars())


async def test_the_row_that_was_changed_is_the_row_that_is_read(face: Face, row: StockItem) -> None:
    request = pb.UpdateStockRequest(inventory_id=str(row.inventory_id), delta=5, reason="found behind the shelf")
    changed = await face.call("UpdateStock", request)
    assert changed == await face.call("GetInventory", pb.GetInventoryRequest(inventory_id=str(row.inventory_id)))
    assert (changed.quantity_total, changed.sku, changed.sequence) == (15, row.sku, row.sequence + 1)


async def test_a_delta_writes_its_type_reason_reference_and_performer_to_the_ledger(face: Face, row: StockItem) -> None:
    request = pb.UpdateStockRequest(
        inventory_id=str(row.inventory_id),
        delta=-3,
        type=pb.MOVEMENT_TYPE_DAMAGE,
        reason="fell",
        reference="report-9",
    )
    await face.call("UpdateStock", request)
    newest, *_ = await ledger(face, row.inventory_id)
    assert (newest.type, newest.quantity, newest.total_after) == ("DAMAGE", -3, 7)
    assert (newest.reason, newest.reference, newest.performed_by_name) == ("fell", "report-9", "tester")
    assert await sources_of(face, newest.movement_id) == ["grpc"]


async def test_a_count_writes_the_difference_and_nothing_when_there_is_none(face: Face, row: StockItem) -> None:
    request = pb.UpdateStockRequest(inventory_id=str(row.inventory_id), total=4, reason="counted")
    assert (await face.call("UpdateStock", request)).quantity_total == 4
    again = await face.call("UpdateStock", request)
    movements = await ledger(face, row.inventory_id)
    assert again.quantity_total == 4
    assert [movement.quantity for movement in movements] == [-6, 10]


async def test_a_stale_version_is_aborted_and_changes_nothing(face: Face, row: StockItem) -> None:
    request = pb.UpdateStockRequest(
        inventory_id=str(row.inventory_id), delta=1, reason="found", expected_version=row.version + 1
    )
    refusal = await face.refusal("UpdateStock", request)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ABORTED, "stale_version")
    assert len(await ledger(face, row.inventory_id)) == 1
    request.expected_version = row.version
    assert (await face.call("UpdateStock", request)).version > row.version


async def test_a_large_change_needs_an_approval(face: Face, row: StockItem) -> None:
    threshold = face.services.settings.adjustment_approval_threshold
    request = pb.UpdateStockRequest(inventory_id=str(row.inventory_id), total=10 + threshold + 1)
    answer = await face.call("UpdateStock", request)
    assert answer.quantity_total == 10
    assert answer.pending_adjustment_id


async def test_more_than_there_is_cannot_be_taken(face: Face, row: StockItem) -> None:
    request = pb.UpdateStockRequest(inventory_id=str(row.inventory_id), delta=-11, reason="lost")
    refusal = await face.refusal("UpdateStock", request)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "insufficient_stock")
    (short,) = refusal.details[pb.StockShortage].shortages
    assert (short.sku, short.requested, short.available) == (row.sku, 11, 10)


@pytest.mark.parametrize("type_", [pb.MOVEMENT_TYPE_OUTBOUND, pb.MOVEMENT_TYPE_TRANSFER])
async def test_what_belongs_to_a_process_is_not_written_by_hand(
    face: Face, row: StockItem, type_: pb.MovementType.ValueType
) -> None:
    request = pb.UpdateStockRequest(inventory_id=str(row.inventory_id), delta=-1, type=type_, reason="by hand")
    refusal = await face.refusal("UpdateStock", request)
    assert (refusal.reason, refusal.fields) == ("validation_failed", ["type"])


async def test_a_row_that_does_not_exist_is_not_found(face: Face) -> None:
    nowhere = str(uuid4())
    for method, request in (
        ("GetInventory", pb.GetInventoryRequest(inventory_id=nowhere)),
        ("UpdateStock", pb.UpdateStockRequest(inventory_id=nowhere, delta=1, reason="found")),
    ):
        refusal = await face.refusal(method, request)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "not_found")


async def test_the_same_key_changes_stock_once_however_often_it_is_sent(face: Face, row: StockItem) -> None:
    request = pb.UpdateStockRequest(inventory_id=str(row.inventory_id), delta=5, reason="found")
    key = ("idempotency-key", str(uuid4()))
    first = await face.call("UpdateStock", request, key)
    await asyncio.gather(*(face.call("UpdateStock", request, key) for _ in range(5)))
    assert len(await ledger(face, row.inventory_id)) == 2
    assert (await face.call("UpdateStock", request, key)) == first


async def test_changes_at_one_instant_all_count(face: Face, row: StockItem) -> None:
    request = pb.UpdateStockRequest(inventory_id=str(row.inventory_id), delta=1, reason="found")
    await asyncio.gather(*(face.call("UpdateStock", request) for _ in range(20)))
    read = await face.call("GetInventory", pb.GetInventoryRequest(inventory_id=str(row.inventory_id)))
    assert (read.quantity_total, read.sequence) == (30, row.sequence + 20)
