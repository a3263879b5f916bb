from __future__ import annotations

from decimal import Decimal

import pytest

from db.paging import PageRequest
from db.suppliers import SupplierFilter
from domain.errors import NotFound, StaleVersion
from domain.suppliers import NewSupplier, SupplierChanges, Terms
from gateway.auth import INVENTORY_READ, INVENTORY_WRITE, OPERATIONS_WRITE
from tests.gateway.http.face import SOLD_BY_THEM, SUPPLIER, Face

PATH = "/api/v1/suppliers"
NOBODY = "00000000-0000-0000-0000-000000000001"
ITEM_PATH = f"{PATH}/{SUPPLIER}/items/TEA-GREEN-250"
ITEM_AS_JSON = {
    "supplierId": str(SUPPLIER),
    "sku": "TEA-GREEN-250",
    "unitCost": "4.2000",
    "packSize": 12,
    "minimumQuantity": 24,
    "leadTimeDays": None,
    "isPreferred": False,
    "version": 3,
    "createdAt": "2026-11-23T12:00:00.123456Z",
    "updatedAt": "2026-11-23T12:00:00.123456Z",
}


async def test_a_supplier_is_answered_with_its_version(face: Face) -> None:
    answer = await face.get(f"{PATH}/{SUPPLIER}")
    assert answer.headers["ETag"] == '"2"'
    assert answer.json == {
        "supplierId": str(SUPPLIER),
        "code": "TEAHOUSE",
        "name": "Teahouse Trading",
        "email": "orders@teahouse.example",
        "currency": "EUR",
        "leadTimeDays": 10,
        "isActive": True,
        "version": 2,
        "createdAt": "2026-11-23T12:00:00.123456Z",
        "updatedAt": "2026-11-23T12:00:00.123456Z",
    }


async def test_suppliers_are_listed_by_activity_and_sku(face: Face) -> None:
    assert (await face.get(f"{PATH}?isActive=true&sku=A&pageSize=3")).json["items"][0]["code"] == "TEAHOUSE"
    assert face.purchasing.last("supplier_list")[0] == (
        SupplierFilter(is_active=True, sku="A"),
        PageRequest(size=3),
    )


async def test_a_supplier_is_created(face: Face) -> None:
    answer = await face.post(PATH, {"code": "TEA", "name": "Teahouse", "currency": "EUR", "leadTimeDays": 3})
    assert (answer.status, answer.headers["Location"]) == (201, f"{PATH}/{SUPPLIER}")
    (new, _), _ = face.suppliers.last("create")
    assert new == NewSupplier(code="TEA", name="Teahouse", currency="EUR", lead_time_days=3)


async def test_a_supplier_is_updated_and_may_come_back_whole(face: Face) -> None:
    whole = (await face.get(f"{PATH}/{SUPPLIER}")).json
    answer = await face.ask("PUT", f"{PATH}/{SUPPLIER}", body={**whole, "isActive": False}, headers={"If-Match": '"2"'})
    assert answer.status == 200
    (supplier_id, changes, _), options = face.suppliers.last("update")
    assert (supplier_id, changes.is_active, changes.code, options) == (
        SUPPLIER, False, "TEAHOUSE", {"expected_version": 2}
    )  # fmt: skip
    assert (await face.ask("PUT", f"{PATH}/{SUPPLIER}", body={"leadTimeDays": 4})).status == 200
    assert face.suppliers.last("update")[0][1] == SupplierChanges(lead_time_days=4)


async def test_a_supplier_keeps_its_id(face: Face) -> None:
    answer = await face.ask("PUT", f"{PATH}/{SUPPLIER}", body={"supplierId": NOBODY})
    assert (answer.status, answer.pointers) == (422, ["/supplierId"])


async def test_what_a_supplier_sells_is_listed(face: Face) -> None:
    answer = await face.get(f"{PATH}/{SUPPLIER}/items?pageSize=1")
    assert answer.json["items"] == [ITEM_AS_JSON]


async def test_terms_are_answered_with_their_version(face: Face) -> None:
    answer = await face.get(ITEM_PATH)
    assert (answer.status, answer.json, answer.headers["ETag"]) == (200, ITEM_AS_JSON, '"3"')
    assert face.purchasing.last("supplier_item")[0] == (SUPPLIER, "TEA-GREEN-250")
    assert (await face.get(ITEM_PATH, headers={"If-None-Match": '"3"'})).status == 304
    face.purchasing.answers["supplier_item"] = NotFound("this supplier does not sell this SKU")
    assert (await face.get(ITEM_PATH)).status == 404


async def test_terms_are_made_and_replaced_under_their_sku(face: Face) -> None:
    answer = await face.ask("PUT", ITEM_PATH, body={"unitCost": 4.2})
    assert (answer.status, answer.headers["ETag"]) == (200, '"3"')
    assert "Location" not in answer.headers
    (supplier_id, sku, terms, _), options = face.suppliers.last("put_item")
    assert (supplier_id, sku, terms) == (SUPPLIER, "TEA-GREEN-250", Terms(unit_cost=Decimal("4.2")))
    assert options == {"expected_version": None, "must_exist": False}
    face.suppliers.answers["put_item"] = (SOLD_BY_THEM, True)
    answer = await face.ask("PUT", ITEM_PATH, body={"unitCost": "4.2", "packSize": 12, "isPreferred": True})
    assert (answer.status, answer.headers["Location"], answer.headers["ETag"]) == (201, ITEM_PATH, '"3"')
    assert face.suppliers.last("put_item")[0][2] == Terms(unit_cost=Decimal("4.2"), pack_size=12, is_preferred=True)


async def test_terms_that_were_read_may_be_sent_back_whole(face: Face) -> None:
    read = await face.get(ITEM_PATH)
    changed = {**read.json, "unitCost": "4.50"}
    answer = await face.ask("PUT", ITEM_PATH, body=changed, headers={"If-Match": read.headers["ETag"]})
    assert answer.status == 200
    (_, _, terms, _), options = face.suppliers.last("put_item")
    assert terms == Terms(unit_cost=Decimal("4.5"), pack_size=12, minimum_quantity=24)
    assert options == {"expected_version": 3, "must_exist": True}
    assert (await face.ask("PUT", ITEM_PATH, body=changed, headers={"If-Match": "*"})).status == 200
    assert face.suppliers.last("put_item")[1] == {"expected_version": None, "must_exist": True}


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_terms_of_another_version_are_left_alone(face: Face, method: str) -> None:
    face.suppliers.answers |= {"put_item": StaleVersion(), "remove_item": StaleVersion()}
    body = {"unitCost": 1} if method == "PUT" else None
    answer = await face.ask(method, ITEM_PATH, body=body, headers={"If-Match": '"2"'})
    assert (answer.status, answer.code) == (412, "stale_version")


async def test_terms_are_removed(face: Face) -> None:
    assert (await face.ask("DELETE", ITEM_PATH, headers={"If-Match": '"3"'})).status == 204
    (supplier_id, sku, _), options = face.suppliers.last("remove_item")
    assert (supplier_id, sku, options) == (SUPPLIER, "TEA-GREEN-250", {"expected_version": 3})


async def test_who_looks_at_stock_may_look_and_who_operates_may_change(face: Face) -> None:
    for scope in (INVENTORY_READ, OPERATIONS_WRITE):
        assert (await face.get(PATH, headers=face.bearer(scope))).status == 200
    for scope in (INVENTORY_READ, INVENTORY_WRITE):
        assert (await face.ask("DELETE", ITEM_PATH, headers=face.bearer(scope))).status == 403
    assert (await face.ask("DELETE", ITEM_PATH, headers=face.bearer(OPERATIONS_WRITE))).status == 204


@pytest.mark.parametrize(
    ("request_line", "body", "status", "pointer"),
    [
        (("POST", PATH), {"code": "a", "name": "x"}, 400, "/currency"),
        (("POST", PATH), {"code": "a", "name": "x", "currency": "euro"}, 422, "/currency"),
        (("POST", PATH), {"code": "a", "name": "x", "currency": "EUR", "leadTimeDays": 366}, 422, "/leadTimeDays"),
        (("PUT", ITEM_PATH), {}, 400, "/unitCost"),
        (("PUT", ITEM_PATH), {"unitCost": "1.23456"}, 422, "/unitCost"),
        (("PUT", ITEM_PATH), {"unitCost": 1, "packSize": 0}, 422, "/packSize"),
        (("PUT", ITEM_PATH), {"unitCost": 1, "sku": "A"}, 422, "/sku"),
        (("PUT", ITEM_PATH), {"unitCost": 1, "supplierId": NOBODY}, 422, "/supplierId"),
        (("PUT", ITEM_PATH), {"unitCost": 1, "price": 1}, 400, "/price"),
    ],
)
async def test_suppliers_and_terms_are_read_strictly(
    face: Face, request_line: tuple[str, str], body: object, status: int, pointer: str
) -> None:
    answer = await face.ask(*request_line, body=body)
    assert (answer.status, answer.pointers) == (status, [pointer])
