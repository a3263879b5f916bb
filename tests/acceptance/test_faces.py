"""The same question over REST and over gRPC gets the same answer."""

from __future__ import annotations

import uuid
from typing import Any

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from gateway.rpc.generated.inventory.v1 import inventory_pb2 as pb
from tests.acceptance.customer import Customer, new_order, wish
from tests.acceptance.up import Up


async def test_both_see_the_same_row_and_the_same_availability(customer: Customer) -> None:
    item = await customer.stock(12)
    row = (await customer.rest.get(f"/inventory/{item.inventory_id}")).body
    seen = await customer.call("GetInventory", pb.GetInventoryRequest(inventory_id=item.inventory_id))
    assert (seen.sku, seen.quantity_total, seen.version) == (row["sku"], row["quantityTotal"], row["version"])
    for quantity in (12, 13):
        by_rest = await customer.rest.post("/availability/check", {"sku": item.sku, "quantity": quantity})
        query = pb.CheckAvailabilityRequest(items=[pb.AvailabilityQuery(sku=item.sku, quantity=quantity)])
        by_rpc = await customer.call("CheckAvailability", query)
        assert by_rpc.available is by_rest.body["available"] is (quantity == 12)
        assert by_rpc.items[0].quantity_available == by_rest.body["quantityAvailable"] == 12


async def test_both_promise_the_same_from_the_same_warehouses_and_a_hold_gets_it(customer: Customer) -> None:
    item = await customer.stock(3)
    terms = {"strategy": "nearest", "destination": {"latitude": 53.55, "longitude": 9.99}}
    by_rest = (await customer.rest.post("/availability/check", {"sku": item.sku, "quantity": 2, **terms})).body
    asked = pb.CheckAvailabilityRequest(
        items=[pb.AvailabilityQuery(sku=item.sku, quantity=2)],
        strategy=pb.ALLOCATION_STRATEGY_NEAREST,
        destination=pb.Destination(point=pb.Coordinates(latitude=53.55, longitude=9.99)),
    )
    by_rpc = await customer.call("CheckAvailability", asked)
    held = (await customer.rest.post("/reservations", {**wish(item, 2), **terms})).body
    for name in ("strategy", "destination", "allocation", "rejected"):
        assert held[name] == by_rest[name]
    assert [it.warehouse_id for it in by_rpc.allocation] == [it["warehouseId"] for it in held["allocation"]]
    seen = await customer.call("GetReservation", pb.GetReservationRequest(reservation_id=held["reservationId"]))
    assert list(seen.allocation) == list(by_rpc.allocation)


async def test_a_hold_made_by_one_is_ended_by_the_other(customer: Customer) -> None:
    item = await customer.stock(10)
    by_rest = await customer.hold(item, 2)
    seen = await customer.call("GetReservation", pb.GetReservationRequest(reservation_id=by_rest["reservationId"]))
    assert seen.status == pb.RESERVATION_STATUS_PENDING
    assert [(line.sku, line.quantity) for line in seen.lines] == [(item.sku, 2)]
    await customer.call("CommitReservation", pb.CommitReservationRequest(reservation_id=by_rest["reservationId"]))
    assert (await customer.reservation(by_rest["reservationId"]))["status"] == "COMMITTED"
    asked = pb.ReserveStockRequest(order_id=new_order(), items=[pb.Item(sku=item.sku, quantity=3)])
    by_rpc = await customer.call("ReserveStock", asked)
    extended = await customer.call(
        "ExtendReservation", pb.ExtendReservationRequest(reservation_id=by_rpc.reservation_id, hold_seconds=3600)
    )
    assert extended.expires_at.ToDatetime() > by_rpc.expires_at.ToDatetime()
    cancelled = await customer.rest.post(f"/reservations/{by_rpc.reservation_id}/cancel")
    assert cancelled.body["status"] == "CANCELLED"
    assert await customer.level(item) == (8, 0, 8)


async def test_stock_set_by_grpc_is_in_the_ledger_that_rest_shows(customer: Customer) -> None:
    item = await customer.stock(10)
    change = pb.UpdateStockRequest(
        inventory_id=item.inventory_id, delta=-4, type=pb.MOVEMENT_TYPE_DAMAGE, reason="a shelf fell over"
    )
    assert (await customer.call("UpdateStock", change)).quantity_total == 6
    ledger = (await customer.rest.get(f"/inventory/{item.inventory_id}/movements")).body["items"]
    assert [(it["type"], it["quantity"]) for it in ledger] == [("DAMAGE", -4), ("INBOUND", 10)]


async def test_refusals_carry_the_same_code(customer: Customer) -> None:
    item = await customer.stock(1)
    held = await customer.hold(item)
    nobody = str(uuid.uuid4())
    await customer.rest.post(f"/reservations/{held['reservationId']}/commit")
    pairs: list[tuple[tuple[str, Any], tuple[str, Any]]] = [
        (
            ("/reservations", wish(item, 5)),
            ("ReserveStock", pb.ReserveStockRequest(order_id="o", items=[pb.Item(sku=item.sku, quantity=5)])),
        ),
        (
            ("/reservations", {"orderId": "o", "items": [{"sku": "NO-SUCH", "quantity": 1}]}),
            ("ReserveStock", pb.ReserveStockRequest(order_id="o", items=[pb.Item(sku="NO-SUCH", quantity=1)])),
        ),
        (
            (f"/reservations/{held['reservationId']}/cancel", None),
            ("CancelReservation", pb.CancelReservationRequest(reservation_id=held["reservationId"])),
        ),
        (
            (f"/reservations/{nobody}/commit", None),
            ("CommitReservation", pb.CommitReservationRequest(reservation_id=nobody)),
        ),
        (
            (f"/inventory/{item.inventory_id}/adjust", {"delta": -9000, "type": "DAMAGE", "reason": "much"}),
            ("UpdateStock", pb.UpdateStockRequest(inventory_id=item.inventory_id, delta=-9000, reason="much")),
        ),
    ]
    for (path, body), (method, request) in pairs:
        by_rest = await customer.rest.post(path, body)
        assert await customer.rpc_code(method, request) == by_rest.body["code"], path


async def test_a_key_means_once_over_both(customer: Customer) -> None:
    item, key = await customer.stock(10), uuid.uuid4().hex
    body = wish(item, 2)
    first = await customer.rest.post("/reservations", body, key=key)
    again = await customer.rest.post("/reservations", body, key=key)
    assert (again.status, again.body, again.replayed) == (201, first.body, True)
    other = await customer.rest.post("/reservations", wish(item, 3), key=key)
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")
    asked = pb.ReserveStockRequest(order_id=new_order(), items=[pb.Item(sku=item.sku, quantity=2)])
    by_rpc = await customer.call("ReserveStock", asked, idempotency_key=key)
    assert by_rpc == await customer.call("ReserveStock", asked, idempotency_key=key)
    assert await customer.level(item) == (10, 4, 6)


async def test_a_repeated_reservation_is_told_from_a_new_one_by_both(customer: Customer) -> None:
    item, order_id, reservation_id = await customer.stock(10), new_order(), str(uuid.uuid4())
    asked = pb.ReserveStockRequest(
        order_id=order_id, reservation_id=reservation_id, items=[pb.Item(sku=item.sku, quantity=2)]
    )
    first = await customer.call("ReserveStock", asked)
    by_rest = await customer.rest.post("/reservations", wish(item, 2, order_id, reservationId=reservation_id))
    by_rpc = await customer.call("ReserveStock", asked)
    assert (first.already_existed, by_rest.status, by_rpc.already_existed) == (False, 200, True)
    assert await customer.level(item) == (10, 2, 8)


@pytest.mark.parametrize("service", ["", "inventory.v1.InventoryService"])
def test_grpc_tells_its_health(up: Up, service: str) -> None:
    with grpc.insecure_channel(up.facts()["grpc"]) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=HealthCheckRequest.SerializeToString,
            response_deserializer=HealthCheckResponse.FromString,
        )
        answer = check(HealthCheckRequest(service=service), timeout=10)
    assert answer.status == HealthCheckResponse.SERVING


def test_grpc_describes_itself(up: Up) -> None:
    with grpc.insecure_channel(up.facts()["grpc"]) as channel:
        services = ProtoReflectionDescriptorDatabase(channel).get_services()
    assert "inventory.v1.InventoryService" in services


async def test_without_a_token_grpc_answers_nothing(up: Up, customer: Customer) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await customer.rpc.stub.GetInventory(pb.GetInventoryRequest(inventory_id=str(uuid.uuid4())), timeout=10)
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
