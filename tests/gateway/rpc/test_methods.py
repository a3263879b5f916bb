"""Each method hands the right command to the right part, and answers what it answered."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from domain.allocation_terms import Strategy
from domain.availability import (
    Availability,
    AvailabilityQuery,
    BulkAvailability,
    BulkAvailabilityItem,
    WarehouseAvailability,
)
from domain.contracts.reservations import Source
from domain.destinations import Destination
from domain.distance import Coordinates
from domain.errors import Shortage, UnknownItem
from domain.reservations import Item, ReleaseReason, ReservationStatus
from domain.stock import MovementType
from gateway.commands.holding import Reserved
from gateway.commands.reservations import ReserveCommand
from gateway.rpc.calls import Method
from gateway.rpc.generated.inventory.v1 import inventory_pb2 as pb
from gateway.rpc.methods import METHODS, SERVICE
from tests.gateway.explained import ONLY_THERE
from tests.gateway.rpc.face import HELD, ITEM, NOON, PRODUCT, RESERVATION, ROW, SETTLED, WAREHOUSE, Face

SPECIFIED = {
    "GetInventory",
    "CheckAvailability",
    "ReserveStock",
    "CommitReservation",
    "CancelReservation",
    "UpdateStock",
}

AVAILABLE = Availability(
    sku="TEA-GREEN-250",
    quantity_requested=2,
    quantity_available=7,
    available=True,
    warehouses=(
        WarehouseAvailability(
            inventory_id=ROW, warehouse_id=WAREHOUSE, code="HEL", region="eu-north", quantity_available=7
        ),
    ),
    explanation=ONLY_THERE,
)

SMALLEST: dict[str, Message] = {
    "GetInventory": pb.GetInventoryRequest(inventory_id=str(ROW)),
    "CheckAvailability": pb.CheckAvailabilityRequest(items=[pb.AvailabilityQuery(sku="TEA")]),
    "ReserveStock": pb.ReserveStockRequest(order_id="o", items=[pb.Item(sku="TEA", quantity=1)]),
    "CommitReservation": pb.CommitReservationRequest(reservation_id=str(RESERVATION)),
    "CancelReservation": pb.CancelReservationRequest(reservation_id=str(RESERVATION)),
    "UpdateStock": pb.UpdateStockRequest(inventory_id=str(ROW), delta=1, reason="found"),
    "GetReservation": pb.GetReservationRequest(reservation_id=str(RESERVATION)),
    "ReturnReservation": pb.ReturnReservationRequest(reservation_id=str(RESERVATION)),
    "ExtendReservation": pb.ExtendReservationRequest(reservation_id=str(RESERVATION), hold_seconds=60),
}

READS = {"GetInventory", "CheckAvailability", "GetReservation"}


def test_the_service_has_the_specified_methods_and_the_table_has_them_all() -> None:
    described = set(SERVICE.methods_by_name)
    assert described >= SPECIFIED
    assert {method.name for method in METHODS} == described == set(SMALLEST)


def test_settling_answers_nothing() -> None:
    for name in ("CommitReservation", "CancelReservation"):
        assert SERVICE.methods_by_name[name].output_type.full_name == "google.protobuf.Empty"


async def test_get_inventory_answers_the_row(face: Face) -> None:
    answer = await face.call("GetInventory", SMALLEST["GetInventory"])
    assert face.views.last("inventory_item") == ((ROW,), {})
    assert (answer.inventory_id, answer.product_id, answer.warehouse_id) == (str(ROW), str(PRODUCT), str(WAREHOUSE))
    assert (answer.quantity_total, answer.quantity_reserved, answer.quantity_available) == (10, 3, 7)
    assert (answer.reorder_point, answer.reorder_quantity, answer.sequence, answer.version) == (2, 50, 4, 5)
    assert (answer.unit_cost, answer.currency) == ("12.5000", "EUR")
    assert answer.created_at.ToDatetime(NOON.tzinfo) == ITEM.created_at
    assert answer.updated_at.ToDatetime(NOON.tzinfo) == ITEM.updated_at


async def test_a_variant_is_there_only_when_there_is_one(face: Face) -> None:
    assert not (await face.call("GetInventory", SMALLEST["GetInventory"])).HasField("variant_id")
    face.views.answers["inventory_item"] = replace(ITEM, variant_id=WAREHOUSE)
    assert (await face.call("GetInventory", SMALLEST["GetInventory"])).variant_id == str(WAREHOUSE)


async def test_a_cost_is_there_only_when_it_is_known(face: Face) -> None:
    face.views.answers["inventory_item"] = replace(ITEM, unit_cost=None, currency=None)
    answer = await face.call("GetInventory", SMALLEST["GetInventory"])
    assert [answer.HasField("unit_cost"), answer.HasField("currency")] == [False, False]


async def test_check_availability_answers_item_by_item_and_for_all_together(face: Face) -> None:
    found = (BulkAvailabilityItem(availability=AVAILABLE), BulkAvailabilityItem(error=UnknownItem("no such SKU")))
    face.views.answers["check_availability_bulk"] = BulkAvailability(available=False, items=found)
    items = [pb.AvailabilityQuery(sku="TEA-GREEN-250", quantity=2), pb.AvailabilityQuery(sku="NONE")]
    request = pb.CheckAvailabilityRequest(items=items)
    answer = await face.call("CheckAvailability", request)
    known, unknown = answer.items
    assert (answer.available, known.available, known.sku, known.quantity_available) == (False, True, "TEA-GREEN-250", 7)
    assert (known.warehouses[0].code, known.warehouses[0].region) == ("HEL", "eu-north")
    assert not known.HasField("error")
    assert (unknown.available, unknown.error.code, unknown.error.detail) == (False, "unknown_item", "no such SKU")


async def test_availability_may_be_asked_by_sku_row_or_product_one_piece_unless_said(face: Face) -> None:
    one = BulkAvailabilityItem(availability=AVAILABLE)
    face.views.answers["check_availability_bulk"] = BulkAvailability(available=True, items=(one,) * 3)
    items = [
        pb.AvailabilityQuery(sku="TEA"),
        pb.AvailabilityQuery(inventory_id=str(ROW), quantity=9),
        pb.AvailabilityQuery(
            product=pb.ProductVariant(product_id=str(PRODUCT), variant_id=str(WAREHOUSE)), region="eu"
        ),
    ]
    await face.call("CheckAvailability", pb.CheckAvailabilityRequest(items=items))
    (queries,), _ = face.views.last("check_availability_bulk")
    assert queries == [
        AvailabilityQuery(quantity=1, sku="TEA"),
        AvailabilityQuery(quantity=9, inventory_id=ROW),
        AvailabilityQuery(quantity=1, product_id=PRODUCT, variant_id=WAREHOUSE, region="eu"),
    ]


async def test_reserve_stock_hands_the_whole_wish_on(face: Face) -> None:
    request = pb.ReserveStockRequest(
        order_id="order-1",
        items=[
            pb.Item(sku="TEA", quantity=1_000_000, warehouse_id=str(WAREHOUSE), preferred_warehouse_id=str(PRODUCT)),
            pb.Item(product=pb.ProductVariant(product_id=str(PRODUCT)), quantity=1),
        ],
        hold_seconds=604_800,
        reservation_id=str(RESERVATION),
        region="eu-north",
        allow_split=False,
        strategy=pb.ALLOCATION_STRATEGY_NEAREST,
        destination=pb.Destination(point=pb.Coordinates(latitude=53.5, longitude=10)),
    )
    await face.call("ReserveStock", request)
    (command, caller), _ = face.reservations.last("reserve")
    assert command == ReserveCommand(
        order_id="order-1",
        items=[
            Item(quantity=1_000_000, sku="TEA", warehouse_id=WAREHOUSE, preferred_warehouse_id=PRODUCT),
            Item(quantity=1, product_id=PRODUCT),
        ],
        reservation_id=RESERVATION,
        hold_seconds=604_800,
        region="eu-north",
        allow_split=False,
        strategy=Strategy.NEAREST,
        destination=Destination(point=Coordinates(53.5, 10)),
    )
    assert (caller.subject, caller.source) == ("tester", Source.GRPC)


async def test_reserve_stock_leaves_to_the_service_what_was_not_said(face: Face) -> None:
    await face.call("ReserveStock", SMALLEST["ReserveStock"])
    (command, _), _ = face.reservations.last("reserve")
    assert isinstance(command.reservation_id, UUID)
    assert replace(command, reservation_id=None) == ReserveCommand(order_id="o", items=[Item(quantity=1, sku="TEA")])


async def test_a_reservation_is_answered_with_its_lines_deadline_and_link(face: Face) -> None:
    answer = await face.call("ReserveStock", SMALLEST["ReserveStock"])
    (line,) = answer.lines
    assert (answer.reservation_id, answer.order_id) == (str(RESERVATION), "order-1")
    assert answer.status == pb.RESERVATION_STATUS_PENDING
    assert (line.inventory_id, line.warehouse_id, line.sku, line.quantity) == (
        str(ROW),
        str(WAREHOUSE),
        "TEA-GREEN-250",
        2,
    )
    assert answer.expires_at.ToDatetime(NOON.tzinfo) == NOON + timedelta(minutes=15)
    assert not any(answer.HasField(f"{event}_at") for event in ("committed", "cancelled", "expired", "returned"))
    assert answer.workflow_url.endswith(f"/workflows/reservation-{RESERVATION}")


@pytest.mark.parametrize("is_new", [True, False])
async def test_a_new_reservation_is_told_from_one_that_was_there(face: Face, is_new: bool) -> None:
    face.reservations.answers["reserve"] = Reserved(HELD, is_new=is_new)
    assert (await face.call("ReserveStock", SMALLEST["ReserveStock"])).already_existed is not is_new
    assert not (await face.call("GetReservation", SMALLEST["GetReservation"])).already_existed


@pytest.mark.parametrize("status", ReservationStatus)
async def test_every_status_has_its_name(face: Face, status: ReservationStatus) -> None:
    face.views.answers["reservation"] = replace(HELD, status=status)
    answer = await face.call("GetReservation", SMALLEST["GetReservation"])
    assert pb.ReservationStatus.Name(answer.status) == f"RESERVATION_STATUS_{status.name}"


@pytest.mark.parametrize("reason", ReleaseReason)
async def test_every_release_reason_has_its_name(face: Face, reason: ReleaseReason) -> None:
    face.views.answers["reservation"] = replace(SETTLED, release_reason=reason.value, returned_at=NOON)
    answer = await face.call("GetReservation", SMALLEST["GetReservation"])
    assert pb.ReleaseReason.Name(answer.release_reason) == f"RELEASE_REASON_{reason.name}"
    assert answer.returned_at.ToDatetime(NOON.tzinfo) == NOON


async def test_a_refused_reservation_shows_what_was_short(face: Face) -> None:
    refused = replace(HELD, status=ReservationStatus.REJECTED, lines=(), shortages=(Shortage("TEA", 3, 1),))
    face.views.answers["reservation"] = refused
    answer = await face.call("GetReservation", SMALLEST["GetReservation"])
    assert [(short.sku, short.requested, short.available) for short in answer.shortages] == [("TEA", 3, 1)]


async def test_commit_answers_empty(face: Face) -> None:
    assert await face.call("CommitReservation", SMALLEST["CommitReservation"]) == Empty()
    (reservation_id, _), keywords = face.reservations.last("commit")
    assert reservation_id == RESERVATION
    assert isinstance(keywords["decision_id"], UUID)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (pb.RELEASE_REASON_UNSPECIFIED, ReleaseReason.CANCELLED),
        (pb.RELEASE_REASON_CANCELLED, ReleaseReason.CANCELLED),
        (pb.RELEASE_REASON_PAYMENT_FAILED, ReleaseReason.PAYMENT_FAILED),
        (pb.RELEASE_REASON_ORDER_CANCELLED, ReleaseReason.ORDER_CANCELLED),
    ],
)
async def test_cancel_passes_the_reason_on(face: Face, said: pb.ReleaseReason.ValueType, meant: ReleaseReason) -> None:
    request = pb.CancelReservationRequest(reservation_id=str(RESERVATION), reason=said)
    assert await face.call("CancelReservation", request) == Empty()
    assert face.reservations.last("cancel")[1]["reason"] is meant


async def test_extend_answers_the_reservation_with_its_new_deadline(face: Face) -> None:
    face.reservations.answers["extend"] = replace(HELD, extends_count=1, expires_at=NOON + timedelta(hours=1))
    answer = await face.call("ExtendReservation", SMALLEST["ExtendReservation"])
    assert (answer.extends_count, answer.expires_at.ToDatetime(NOON.tzinfo)) == (1, NOON + timedelta(hours=1))
    assert face.reservations.last("extend")[1]["hold_seconds"] == 60


@pytest.mark.parametrize(("change", "total", "delta"), [({"total": 0}, 0, None), ({"delta": -3}, None, -3)])
async def test_update_stock_sets_a_total_or_applies_a_delta(
    face: Face, change: dict[str, int], total: int | None, delta: int | None
) -> None:
    request = pb.UpdateStockRequest(
        inventory_id=str(ROW),
        type=pb.MOVEMENT_TYPE_DAMAGE,
        reason="broken",
        reference="note-7",
        expected_version=5,
        **change,
    )
    answer = await face.call("UpdateStock", request)
    args, keywords = face.stock.last("set_stock")
    caller, adjustment_id = keywords.pop("caller"), keywords.pop("adjustment_id")
    assert (args, caller.subject) == ((ROW,), "tester")
    assert isinstance(adjustment_id, UUID)
    assert keywords == {
        "total": total,
        "delta": delta,
        "type": MovementType.DAMAGE,
        "reason": "broken",
        "reference": "note-7",
        "expected_version": 5,
    }
    assert answer.quantity_total == 10


async def test_update_stock_without_a_type_is_an_adjustment_of_whatever_version(face: Face) -> None:
    await face.call("UpdateStock", SMALLEST["UpdateStock"])
    keywords = face.stock.last("set_stock")[1]
    assert (keywords["type"], keywords["expected_version"]) == (MovementType.ADJUSTMENT, None)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
async def test_a_method_needs_its_scope_and_no_other(face: Face, method: Method) -> None:
    name, scopes = method.name, method.scopes
    face.views.answers["check_availability_bulk"] = BulkAvailability(
        available=True, items=(BulkAvailabilityItem(availability=AVAILABLE),)
    )
    call = getattr(face.stub, name)
    for scope in (*scopes, "admin"):
        await call(SMALLEST[name], metadata=(face.token(scope),))
    others = {"inventory:read", "inventory:write", "reservations:write", "operations:write"} - set(scopes)
    for scope in others:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(SMALLEST[name], metadata=(face.token(scope),))
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert (name in READS) == (not method.is_change)
