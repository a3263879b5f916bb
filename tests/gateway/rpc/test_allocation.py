"""Allocation over gRPC: every value of the rules has its name, and the answer explains itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import grpc
import pytest

from domain.allocation_terms import Strategy
from domain.availability import Availability, BulkAvailability, BulkAvailabilityItem, WarehouseAvailability
from domain.destinations import Destination, Location, locate
from domain.distance import Coordinates
from domain.errors import InsufficientStock, Shortage
from domain.explanations import Reason
from gateway.rpc.generated.inventory.v1 import inventory_pb2 as pb
from tests.gateway.explained import EXPLAINED
from tests.gateway.rpc.face import HELD, RESERVATION, ROW, WAREHOUSE, Face

READ = pb.GetReservationRequest(reservation_id=str(RESERVATION))


def reserve(**more: Any) -> pb.ReserveStockRequest:
    return pb.ReserveStockRequest(order_id="o", items=[pb.Item(sku="TEA", quantity=1)], **more)


@pytest.mark.parametrize(
    ("numbers", "names", "values"),
    [
        (pb.AllocationStrategy, "ALLOCATION_STRATEGY_", Strategy),
        (pb.AllocationReason, "ALLOCATION_REASON_", Reason),
        (pb.LocationKind, "LOCATION_KIND_", Location),
    ],
)
def test_every_value_has_a_number_and_every_number_a_value(numbers: Any, names: str, values: Any) -> None:
    expected = {f"{names}{value.value.upper()}" for value in values}
    assert set(numbers.keys()) == {f"{names}UNSPECIFIED"} | expected


@pytest.mark.parametrize("strategy", list(Strategy))
async def test_every_strategy_is_asked_for_and_answered_by_its_name(face: Face, strategy: Strategy) -> None:
    number = pb.AllocationStrategy.Value(f"ALLOCATION_STRATEGY_{strategy.name}")
    await face.call("ReserveStock", reserve(strategy=number))
    assert face.reservations.last("reserve")[0][0].strategy is strategy
    face.views.answers["reservation"] = replace(HELD, explanation=replace(EXPLAINED, strategy=strategy))
    assert (await face.call("GetReservation", READ)).strategy == number


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (pb.Destination(point=pb.Coordinates()), Destination(point=Coordinates(0, 0))),
        (pb.Destination(point=pb.Coordinates(latitude=-90, longitude=180)), Destination(point=Coordinates(-90, 180))),
        (pb.Destination(country="DE"), Destination(country="DE")),
        (pb.Destination(region="eu-north"), Destination(region="eu-north")),
    ],
)
async def test_a_destination_is_a_point_a_country_or_a_region(
    face: Face, said: pb.Destination, meant: Destination
) -> None:
    await face.call("ReserveStock", reserve(destination=said))
    assert face.reservations.last("reserve")[0][0].destination == meant


@pytest.mark.parametrize(
    ("said", "field"),
    [
        (pb.Destination(), "destination"),
        (pb.Destination(point=pb.Coordinates(latitude=90.5)), "destination.point.latitude"),
        (pb.Destination(point=pb.Coordinates(longitude=float("nan"))), "destination.point.longitude"),
        (pb.Destination(country=""), "destination.country"),
        (pb.Destination(country="c" * 101), "destination.country"),
        (pb.Destination(region="r\x00"), "destination.region"),
    ],
)
async def test_a_wrong_destination_is_named(face: Face, said: pb.Destination, field: str) -> None:
    refusal = await face.refusal("ReserveStock", reserve(destination=said))
    assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])
    assert face.reservations.asked == []


async def test_a_preferred_warehouse_is_an_id(face: Face) -> None:
    items = [pb.Item(sku="TEA", quantity=1, preferred_warehouse_id="HEL")]
    refusal = await face.refusal("ReserveStock", pb.ReserveStockRequest(order_id="o", items=items))
    assert refusal.fields == ["items[0].preferred_warehouse_id"]


async def test_an_answer_says_why_these_warehouses_and_not_the_others(face: Face) -> None:
    face.views.answers["reservation"] = replace(HELD, explanation=EXPLAINED)
    answer = await face.call("GetReservation", READ)
    [allocated] = answer.allocation
    assert (allocated.quantity, allocated.distance_km) == (2, 283.4)
    assert list(allocated.reasons) == [pb.ALLOCATION_REASON_NEAREST]
    near, closed = answer.rejected
    assert (near.distance_km, list(near.reasons)) == (444.0, [pb.ALLOCATION_REASON_FARTHER])
    assert not closed.HasField("distance_km")
    assert list(closed.reasons) == [pb.ALLOCATION_REASON_INACTIVE, pb.ALLOCATION_REASON_NO_STOCK]
    assert (answer.place.destination.country, answer.place.point.latitude) == ("DE", 51.0)
    assert answer.place.location == pb.LOCATION_KIND_CENTRE_OF_ACTIVE_WAREHOUSES


@pytest.mark.parametrize(
    ("asked", "where"),
    [(Destination(region="mars"), "region"), (Destination(point=Coordinates(1, 2)), "point")],
)
async def test_a_place_is_answered_as_it_was_named(face: Face, asked: Destination, where: str) -> None:
    face.views.answers["reservation"] = replace(HELD, explanation=replace(EXPLAINED, place=locate(asked, [])))
    answer = await face.call("GetReservation", READ)
    assert answer.place.destination.WhichOneof("where") == where
    assert answer.place.HasField("point") == (where == "point")


async def test_a_destination_that_was_not_named_is_absent(face: Face) -> None:
    answer = await face.call("GetReservation", READ)
    assert not answer.HasField("place")
    assert answer.strategy == pb.ALLOCATION_STRATEGY_BALANCED
    assert [list(it.reasons) for it in answer.allocation] == [[pb.ALLOCATION_REASON_ONLY_CANDIDATE]]


@pytest.mark.parametrize("count", [2, 200])
async def test_a_shortage_says_what_the_warehouses_lack_as_far_as_there_is_room(face: Face, count: int) -> None:
    rejected = [it.as_json() for it in EXPLAINED.rejected] * (count // 2)
    face.reservations.answers["reserve"] = InsufficientStock([Shortage("TEA", 3, 1)], rejected=rejected)
    refusal = await face.refusal("ReserveStock", reserve())
    detail = refusal.details[pb.StockShortage]
    assert [short.sku for short in detail.shortages] == ["TEA"]
    assert list(detail.rejected[0].reasons) == [pb.ALLOCATION_REASON_FARTHER]
    assert 2 <= len(detail.rejected) <= count


async def test_a_check_is_explained_item_by_item_and_for_all_together(face: Face) -> None:
    place = WarehouseAvailability(
        inventory_id=ROW, warehouse_id=WAREHOUSE, code="HEL", region="eu", quantity_available=7, distance_km=283.4
    )
    one = Availability(
        sku="TEA",
        quantity_requested=2,
        quantity_available=7,
        available=True,
        warehouses=(place,),
        explanation=EXPLAINED,
    )
    face.views.answers["check_availability_bulk"] = BulkAvailability(
        available=True, items=(BulkAvailabilityItem(availability=one),), explanation=EXPLAINED
    )
    request = pb.CheckAvailabilityRequest(items=[pb.AvailabilityQuery(sku="TEA")])
    answer = await face.call("CheckAvailability", request)
    [item] = answer.items
    assert item.warehouses[0].distance_km == 283.4
    assert item.place.destination.country == "DE"
    for told in (item, answer):
        assert [list(it.reasons) for it in told.allocation] == [[pb.ALLOCATION_REASON_NEAREST]]
        assert [it.distance_km for it in told.rejected] == [444.0, 0.0]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.CheckAvailabilityRequest(strategy=99), "strategy"),
        (pb.CheckAvailabilityRequest(region=""), "region"),
        (pb.CheckAvailabilityRequest(destination=pb.Destination()), "destination"),
        (
            pb.CheckAvailabilityRequest(items=[pb.AvailabilityQuery(sku="A", destination=pb.Destination())]),
            "items[0].destination",
        ),
        (
            pb.CheckAvailabilityRequest(items=[pb.AvailabilityQuery(sku="A", warehouse_id="HEL")]),
            "items[0].warehouse_id",
        ),
    ],
)
async def test_a_wrong_wish_of_a_check_is_named(face: Face, request_: pb.CheckAvailabilityRequest, field: str) -> None:
    assert field in (await face.refusal("CheckAvailability", request_)).fields
    assert face.views.asked == []
