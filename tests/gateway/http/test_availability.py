from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from domain.allocation_terms import Strategy
from domain.availability import AvailabilityQuery, BulkAvailability, BulkAvailabilityItem
from domain.destinations import Destination
from domain.distance import Coordinates
from domain.errors import UnknownItem
from tests.gateway.explained import EXPLAINED
from tests.gateway.http.face import ALL_ON_HAND, ON_HAND, ROW, WAREHOUSE, Face

PATH = "/api/v1/availability"
ANSWER = {
    "sku": "TEA-GREEN-250",
    "quantityRequested": 2,
    "quantityAvailable": 7,
    "available": True,
    "warehouses": [
        {
            "inventoryId": str(ROW),
            "warehouseId": str(WAREHOUSE),
            "code": "HAM-1",
            "region": "eu-north",
            "quantityAvailable": 7,
            "distanceKm": None,
        }
    ],
    "strategy": "balanced",
    "allocation": [
        {
            "inventoryId": str(ROW),
            "warehouseId": str(WAREHOUSE),
            "sku": "TEA-GREEN-250",
            "quantity": 2,
            "distanceKm": None,
            "reasons": ["only_candidate"],
        }
    ],
    "rejected": [],
}


async def test_a_check_says_how_much_and_where(face: Face) -> None:
    answer = await face.post(f"{PATH}/check", {"sku": "TEA-GREEN-250", "quantity": 2, "region": "eu-north"})
    assert (answer.status, answer.json) == (200, ANSWER)
    assert face.views.last("check_availability")[0] == (
        AvailabilityQuery(sku="TEA-GREEN-250", quantity=2, region="eu-north"),
    )


@pytest.mark.parametrize(
    ("asked", "destination"),
    [
        ({"latitude": 53.5, "longitude": 10}, Destination(point=Coordinates(53.5, 10))),
        ({"country": "DE"}, Destination(country="DE")),
        ({"region": "eu-north"}, Destination(region="eu-north")),
    ],
)
async def test_a_check_is_asked_as_a_reservation_would_be(face: Face, asked: object, destination: Destination) -> None:
    body = {
        "productId": str(UUID(int=1)),
        "quantity": 2,
        "warehouseId": str(WAREHOUSE),
        "preferredWarehouseId": str(ROW),
        "region": "eu",
        "destination": asked,
        "strategy": "fewest_shipments",
        "allowSplit": False,
    }
    assert (await face.post(f"{PATH}/check", body)).status == 200
    assert face.views.last("check_availability")[0] == (
        AvailabilityQuery(
            product_id=UUID(int=1),
            quantity=2,
            warehouse_id=WAREHOUSE,
            preferred_warehouse_id=ROW,
            region="eu",
            destination=destination,
            strategy=Strategy.FEWEST_SHIPMENTS,
            allow_split=False,
        ),
    )


async def test_a_check_says_why_from_there_and_not_from_elsewhere(face: Face) -> None:
    near = replace(ON_HAND.warehouses[0], distance_km=283.4)
    face.views.answers["check_availability"] = replace(ON_HAND, warehouses=(near,), explanation=EXPLAINED)
    answer = (await face.post(f"{PATH}/check", {"sku": "TEA-GREEN-250", "quantity": 2})).json
    assert answer["warehouses"][0]["distanceKm"] == 283.4
    assert (answer["strategy"], answer["destination"]["country"]) == ("nearest", "DE")
    assert answer["allocation"][0]["reasons"] == ["nearest"]
    assert [it["reasons"] for it in answer["rejected"]] == [["farther"], ["inactive", "no_stock"]]


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"quantity": 1}, 422, ""),
        ({"sku": "A", "inventoryId": str(ROW), "quantity": 1}, 422, ""),
        ({"sku": "A", "variantId": str(ROW), "quantity": 1}, 422, ""),
        ({"sku": "A", "quantity": 0}, 422, "/quantity"),
        ({"sku": "A", "quantity": 1, "destination": {}}, 422, "/destination"),
        ({"sku": "A", "quantity": 1, "destination": {"latitude": 1}}, 422, "/destination"),
        (
            {"sku": "A", "quantity": 1, "destination": {"country": "DE", "latitude": 1, "longitude": 1}},
            422,
            "/destination",
        ),
        ({"sku": "A", "quantity": 1, "destination": {"planet": "Mars"}}, 400, "/destination/planet"),
    ],
)
async def test_a_check_names_one_thing(face: Face, body: object, status: int, pointer: str) -> None:
    answer = await face.post(f"{PATH}/check", body)
    assert (answer.status, answer.pointers) == (status, [pointer])


async def test_an_unknown_item_is_unprocessable(face: Face) -> None:
    face.views.answers["check_availability"] = UnknownItem("no such SKU")
    answer = await face.post(f"{PATH}/check", {"sku": "NOPE", "quantity": 1})
    assert (answer.status, answer.code) == (422, "unknown_item")


async def test_a_bulk_check_answers_each_and_all_together(face: Face) -> None:
    face.views.answers["check_availability_bulk"] = BulkAvailability(
        available=False,
        items=(BulkAvailabilityItem(availability=ON_HAND), BulkAvailabilityItem(error=UnknownItem("no such SKU"))),
    )
    items = [{"sku": "TEA-GREEN-250", "quantity": 2}, {"sku": "NOPE", "quantity": 1}]
    answer = await face.post(f"{PATH}/bulk", {"items": items})
    known, unknown = answer.json["items"]
    assert answer.json["available"] is False
    assert known == ANSWER
    assert (unknown["sku"], unknown["available"], unknown["quantityAvailable"]) == ("NOPE", False, 0)
    assert unknown["problem"]["code"] == "unknown_item"
    assert (unknown["strategy"], unknown["allocation"], unknown["rejected"]) == ("balanced", [], [])
    assert not {"strategy", "destination", "allocation", "rejected"} & answer.json.keys()


async def test_a_bulk_check_of_one_order_says_where_it_would_all_come_from(face: Face) -> None:
    face.views.answers["check_availability_bulk"] = replace(ALL_ON_HAND, explanation=EXPLAINED)
    answer = (await face.post(f"{PATH}/bulk", {"items": [{"sku": "TEA-GREEN-250", "quantity": 2}]})).json
    assert (answer["strategy"], answer["destination"]["location"]) == ("nearest", "centre_of_active_warehouses")
    assert [it["quantity"] for it in answer["allocation"]] == [2]
    assert [it["distanceKm"] for it in answer["rejected"]] == [444.0, None]


async def test_what_is_said_of_all_items_counts_where_an_item_says_nothing(face: Face) -> None:
    face.views.answers["check_availability_bulk"] = BulkAvailability(
        available=True, items=(BulkAvailabilityItem(availability=ON_HAND),) * 2
    )
    own = {"sku": "B", "region": "us", "destination": {"country": "US"}}
    of_all = {"region": "eu", "destination": {"country": "DE"}, "strategy": "nearest", "allowSplit": False}
    await face.post(f"{PATH}/bulk", {"items": [{"sku": "A"}, own], **of_all})
    [queries], _ = face.views.last("check_availability_bulk")
    shared = {"quantity": 1, "strategy": Strategy.NEAREST, "allow_split": False}
    assert queries == [
        AvailabilityQuery(sku="A", region="eu", destination=Destination(country="DE"), **shared),
        AvailabilityQuery(sku="B", region="us", destination=Destination(country="US"), **shared),
    ]


@pytest.mark.parametrize("count", [0, 201])
async def test_a_bulk_check_has_one_to_two_hundred_items(face: Face, count: int) -> None:
    answer = await face.post(f"{PATH}/bulk", {"items": [{"sku": "A", "quantity": 1}] * count})
    assert (answer.status, answer.pointers) == (422, ["/items"])
