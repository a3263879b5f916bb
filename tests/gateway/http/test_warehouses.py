from __future__ import annotations

from decimal import Decimal

import pytest

from db.paging import PageRequest
from db.warehouses import WarehouseFilter
from domain.errors import AlreadyExists
from domain.warehouses import NewWarehouse, WarehouseChanges
from tests.gateway.http.face import WAREHOUSE, Face

PATH = "/api/v1/warehouses"


async def test_a_warehouse_has_the_fields_of_the_specification(face: Face) -> None:
    answer = await face.get(f"{PATH}/{WAREHOUSE}")
    assert answer.headers["ETag"] == '"2"'
    assert answer.json == {
        "warehouseId": str(WAREHOUSE),
        "code": "HAM-1",
        "name": "Hamburg",
        "address": "",
        "city": "Hamburg",
        "state": "",
        "country": "DE",
        "postalCode": "",
        "region": "eu-north",
        "isActive": True,
        "priority": 1,
        "latitude": 53.55,
        "longitude": 9.99,
        "adjustmentThresholdQuantity": None,
        "adjustmentThresholdValue": "2500.0000",
        "version": 2,
        "createdAt": "2026-11-23T12:00:00.123456Z",
        "updatedAt": "2026-11-23T12:00:00.123456Z",
    }


async def test_warehouses_are_listed_by_region_and_activity(face: Face) -> None:
    assert (await face.get(f"{PATH}?region=eu-north&isActive=false&orderBy=priority")).status == 200
    assert face.views.last("warehouse_list")[0] == (
        WarehouseFilter(region="eu-north", is_active=False),
        PageRequest(order_by="priority"),
    )


async def test_a_warehouse_is_created(face: Face) -> None:
    body = {"code": "HAM-1", "name": "Hamburg", "latitude": 53.55, "longitude": 10, "postalCode": "20095"}
    answer = await face.post(PATH, body)
    assert (answer.status, answer.headers["Location"]) == (201, f"{PATH}/{WAREHOUSE}")
    (new, _), _ = face.warehouses.last("create")
    assert new == NewWarehouse(code="HAM-1", name="Hamburg", latitude=53.55, longitude=10.0, postal_code="20095")


async def test_a_warehouse_has_its_own_thresholds_for_approval(face: Face) -> None:
    thresholds = {"adjustmentThresholdQuantity": 20, "adjustmentThresholdValue": 2500.5}
    assert (await face.post(PATH, {"code": "HAM-1", "name": "Hamburg", **thresholds})).status == 201
    (new, _), _ = face.warehouses.last("create")
    assert (new.adjustment_threshold_quantity, new.adjustment_threshold_value) == (20, Decimal("2500.5"))
    answer = await face.ask("PUT", f"{PATH}/{WAREHOUSE}", body={"adjustmentThresholdValue": "-1"})
    assert (answer.status, answer.pointers) == (422, ["/adjustmentThresholdValue"])


async def test_a_code_is_taken_once(face: Face) -> None:
    face.warehouses.answers["create"] = AlreadyExists()
    assert (await face.post(PATH, {"code": "HAM-1", "name": "x"})).code == "already_exists"


async def test_a_warehouse_is_updated_and_may_come_back_whole(face: Face) -> None:
    whole = (await face.get(f"{PATH}/{WAREHOUSE}")).json
    answer = await face.ask("PUT", f"{PATH}/{WAREHOUSE}", body={**whole, "isActive": False})
    assert answer.status == 200
    (warehouse_id, changes, _), _ = face.warehouses.last("update")
    assert warehouse_id == WAREHOUSE
    assert (changes.is_active, changes.code) == (False, "HAM-1")
    assert (await face.ask("PUT", f"{PATH}/{WAREHOUSE}", body={"priority": 3})).status == 200
    assert face.warehouses.last("update")[0][1] == WarehouseChanges(priority=3)


async def test_a_threshold_is_cleared_by_null_and_kept_when_it_is_left_out(face: Face) -> None:
    await face.ask("PUT", f"{PATH}/{WAREHOUSE}", body={"adjustmentThresholdValue": None, "name": None})
    assert face.warehouses.last("update")[0][1] == WarehouseChanges(cleared=("adjustment_threshold_value",))


async def test_a_warehouse_keeps_its_id(face: Face) -> None:
    answer = await face.ask("PUT", f"{PATH}/{WAREHOUSE}", body={"warehouseId": "00000000-0000-0000-0000-000000000001"})
    assert (answer.status, answer.pointers) == (422, ["/warehouseId"])


async def test_what_stands_in_a_warehouse_is_listed(face: Face) -> None:
    answer = await face.get(f"{PATH}/{WAREHOUSE}/inventory?pageSize=1")
    assert answer.json["items"][0]["sku"] == "TEA-GREEN-250"
    assert face.views.last("warehouse_inventory")[0] == (WAREHOUSE, PageRequest(size=1))


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"code": "", "name": "x"}, 422, "/code"),
        ({"code": "x" * 21, "name": "x"}, 422, "/code"),
        ({"code": "a\nb", "name": "x"}, 422, "/code"),
        ({"code": " ", "name": "x"}, 422, "/code"),
        ({"code": "a", "name": "x\u0000"}, 422, "/name"),
        ({"code": "a", "name": "x", "address": "1\u0007"}, 422, "/address"),
        ({"code": "a", "name": "x", "latitude": 91}, 422, "/latitude"),
        ({"code": "a", "name": "x", "priority": -1}, 422, "/priority"),
        ({"code": "a", "name": "x", "latitude": "53"}, 400, "/latitude"),
        ({"code": "a", "name": "x", "isActive": 1}, 400, "/isActive"),
        ({"code": "a", "name": "x", "warehouseId": str(WAREHOUSE)}, 400, "/warehouseId"),
    ],
)
async def test_a_warehouse_is_read_strictly(face: Face, body: object, status: int, pointer: str) -> None:
    answer = await face.post(PATH, body)
    assert (answer.status, answer.pointers) == (status, [pointer])


async def test_an_address_may_have_lines(face: Face) -> None:
    answer = await face.post(PATH, {"code": "a", "name": "x", "address": "Speicherstadt 1\n20457 Hamburg"})
    assert answer.status == 201
