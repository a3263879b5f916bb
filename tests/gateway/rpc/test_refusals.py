"""Wrong requests are refused with the path of every wrong field, and nothing behind the face is touched."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from domain.limits import (
    HOLD_SECONDS_MAX,
    LINES_MAX,
    ORDER_ID_CHARACTERS_MAX,
    QUANTITY_MAX,
    REASON_CHARACTERS_MAX,
    REFERENCE_CHARACTERS_MAX,
    STOCK_TOTAL_MAX,
)
from gateway.rpc.generated.inventory.v1 import inventory_pb2 as pb
from tests.gateway.rpc.face import RESERVATION, ROW, Face

ONE = {"sku": "TEA", "quantity": 1}
ID, ROW_ID = str(RESERVATION), str(ROW)
UNKNOWN: Any = 99


def reserve(**fields: Any) -> pb.ReserveStockRequest:
    return pb.ReserveStockRequest(**{"order_id": "o", "items": [ONE], **fields})


def check(**fields: Any) -> pb.CheckAvailabilityRequest:
    return pb.CheckAvailabilityRequest(items=[pb.AvailabilityQuery(**{"sku": "TEA", **fields})])


def update(**fields: Any) -> pb.UpdateStockRequest:
    return pb.UpdateStockRequest(**{"inventory_id": ROW_ID, "reason": "counted", **fields})


WRONG: list[tuple[str, Message, str]] = [
    ("GetInventory", pb.GetInventoryRequest(), "inventory_id"),
    ("GetInventory", pb.GetInventoryRequest(inventory_id="row-1"), "inventory_id"),
    ("GetReservation", pb.GetReservationRequest(reservation_id="1"), "reservation_id"),
    ("CommitReservation", pb.CommitReservationRequest(), "reservation_id"),
    ("CancelReservation", pb.CancelReservationRequest(reservation_id="'; --"), "reservation_id"),
    ("CancelReservation", pb.CancelReservationRequest(reservation_id=ID, reason=pb.RELEASE_REASON_EXPIRED), "reason"),
    ("CancelReservation", pb.CancelReservationRequest(reservation_id=ID, reason=UNKNOWN), "reason"),
    ("ExtendReservation", pb.ExtendReservationRequest(reservation_id=ID), "hold_seconds"),
    ("ExtendReservation", pb.ExtendReservationRequest(reservation_id=ID, hold_seconds=-1), "hold_seconds"),
    (
        "ExtendReservation",
        pb.ExtendReservationRequest(reservation_id=ID, hold_seconds=HOLD_SECONDS_MAX + 1),
        "hold_seconds",
    ),
    ("ReserveStock", reserve(order_id=""), "order_id"),
    ("ReserveStock", reserve(order_id="   "), "order_id"),
    ("ReserveStock", reserve(order_id="o" * (ORDER_ID_CHARACTERS_MAX + 1)), "order_id"),
    ("ReserveStock", reserve(order_id="nul\x00"), "order_id"),
    ("ReserveStock", reserve(items=[]), "items"),
    ("ReserveStock", reserve(items=[ONE] * (LINES_MAX + 1)), "items"),
    ("ReserveStock", reserve(items=[ONE, {"sku": "TEA"}]), "items[1].quantity"),
    ("ReserveStock", reserve(items=[{"sku": "TEA", "quantity": -1}]), "items[0].quantity"),
    ("ReserveStock", reserve(items=[{"sku": "TEA", "quantity": QUANTITY_MAX + 1}]), "items[0].quantity"),
    ("ReserveStock", reserve(items=[{"quantity": 1}]), "items[0]"),
    ("ReserveStock", reserve(items=[{"sku": "", "quantity": 1}]), "items[0].sku"),
    ("ReserveStock", reserve(items=[{"sku": "S" * 51, "quantity": 1}]), "items[0].sku"),
    ("ReserveStock", reserve(items=[{"inventory_id": "x", "quantity": 1}]), "items[0].inventory_id"),
    ("ReserveStock", reserve(items=[{"product": {}, "quantity": 1}]), "items[0].product.product_id"),
    (
        "ReserveStock",
        reserve(items=[{"product": {"product_id": ID, "variant_id": ""}, "quantity": 1}]),
        "items[0].product.variant_id",
    ),
    ("ReserveStock", reserve(items=[{**ONE, "warehouse_id": "HEL"}]), "items[0].warehouse_id"),
    ("ReserveStock", reserve(hold_seconds=0), "hold_seconds"),
    ("ReserveStock", reserve(hold_seconds=HOLD_SECONDS_MAX + 1), "hold_seconds"),
    ("ReserveStock", reserve(reservation_id=""), "reservation_id"),
    ("ReserveStock", reserve(region=""), "region"),
    ("ReserveStock", reserve(region="r" * 51), "region"),
    ("ReserveStock", reserve(strategy=7), "strategy"),
    ("CheckAvailability", pb.CheckAvailabilityRequest(), "items"),
    ("CheckAvailability", check(quantity=0), "items[0].quantity"),
    ("CheckAvailability", check(region="\n"), "items[0].region"),
    ("CheckAvailability", pb.CheckAvailabilityRequest(items=[pb.AvailabilityQuery()]), "items[0]"),
    ("UpdateStock", update(inventory_id="", delta=1), "inventory_id"),
    ("UpdateStock", update(), "change"),
    ("UpdateStock", update(delta=1, type=99), "type"),
    ("UpdateStock", update(total=-1), "total"),
    ("UpdateStock", update(total=STOCK_TOTAL_MAX + 1), "total"),
    ("UpdateStock", update(delta=QUANTITY_MAX + 1), "delta"),
    ("UpdateStock", update(delta=-QUANTITY_MAX - 1), "delta"),
    ("UpdateStock", update(delta=1, reason=""), "reason"),
    ("UpdateStock", update(delta=1, reason="r" * (REASON_CHARACTERS_MAX + 1)), "reason"),
    ("UpdateStock", update(delta=1, reference="r" * (REFERENCE_CHARACTERS_MAX + 1)), "reference"),
    ("UpdateStock", update(total=1, reference="nul\x00"), "reference"),
]


@pytest.mark.parametrize(("method", "request_", "field"), WRONG)
async def test_a_wrong_field_is_named_by_its_path(face: Face, method: str, request_: Message, field: str) -> None:
    refusal = await face.refusal(method, request_)
    assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refusal.reason == ("malformed_request" if "UUID" in refusal.message else "validation_failed")
    assert field in refusal.fields
    assert not any((face.reservations.asked, face.stock.asked, face.views.asked))


async def test_every_wrong_field_is_told_at_once(face: Face) -> None:
    request = reserve(order_id="", items=[{"sku": "TEA"}, ONE, {"quantity": 1}], hold_seconds=0)
    refusal = await face.refusal("ReserveStock", request)
    assert refusal.fields == ["order_id", "items[0].quantity", "items[2]", "hold_seconds"]


@pytest.mark.parametrize(
    "request_",
    [
        reserve(items=[{"sku": "TEA", "quantity": QUANTITY_MAX}] * LINES_MAX, hold_seconds=HOLD_SECONDS_MAX),
        reserve(order_id="o" * ORDER_ID_CHARACTERS_MAX, hold_seconds=1),
        reserve(order_id="Bestellung № 7 – für Jürgen"),
    ],
    ids=["most", "longest", "any text"],
)
async def test_the_bounds_themselves_are_allowed(face: Face, request_: Message) -> None:
    assert (await face.call("ReserveStock", request_)).reservation_id == ID


async def test_fields_that_we_do_not_know_are_ignored(face: Face) -> None:
    newer = pb.GetInventoryRequest(inventory_id=ROW_ID).SerializeToString() + b"\xf8\x07\x2a"
    known = await face.raw("inventory.v1.InventoryService/GetInventory", newer)
    assert pb.InventoryResponse.FromString(known).inventory_id == ROW_ID
