from __future__ import annotations

from uuid import UUID

import pytest

from domain.availability import AvailabilityQuery, BulkAvailability, BulkAvailabilityItem
from domain.errors import UnknownItem
from tests.gateway.http.face import ON_HAND, ROW, WAREHOUSE, Face

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
        }
    ],
}


async def test_a_check_says_how_much_and_where(face: Face) -> None:
    answer = await face.post(f"{PATH}/check", {"sku": "TEA-GREEN-250", "quantity": 2, "region": "eu-north"})
    assert (answer.status, answer.json) == (200, ANSWER)
    assert face.views.last("check_availability")[0] == (
        AvailabilityQuery(sku="TEA-GREEN-250", quantity=2, region="eu-north"),
    )


@pytest.mark.parametrize("destination", [{"latitude": 53.5, "longitude": 10}, {"country": "DE"}])
async def test_a_check_may_name_a_destination(face: Face, destination: object) -> None:
    body = {"productId": str(UUID(int=1)), "quantity": 2, "destination": destination}
    assert (await face.post(f"{PATH}/check", body)).status == 200


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


@pytest.mark.parametrize("count", [0, 201])
async def test_a_bulk_check_has_one_to_two_hundred_items(face: Face, count: int) -> None:
    answer = await face.post(f"{PATH}/bulk", {"items": [{"sku": "A", "quantity": 1}] * count})
    assert (answer.status, answer.pointers) == (422, ["/items"])
