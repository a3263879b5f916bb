from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from db.paging import PageRequest
from domain.contracts.reservations import Source
from domain.errors import ExcessReturn, NotFound, ReservationNotSold, ReturnExceedsSale, ReturnMismatch
from domain.returns import Condition, ReturnItem
from gateway.commands.returns import TakenBack
from tests.gateway.http.face import MOVEMENT, RESERVATION, RETURN, ROW, TAKEN_BACK, WAREHOUSE, Face

PATH = f"/api/v1/reservations/{RESERVATION}"
AS_JSON = {
    "returnId": str(RETURN),
    "reservationId": str(RESERVATION),
    "orderId": "order-1",
    "lines": [
        {
            "inventoryId": str(ROW),
            "warehouseId": str(WAREHOUSE),
            "sku": "TEA-GREEN-250",
            "quantity": 1,
            "condition": "damaged",
            "movementId": str(MOVEMENT),
            "damageMovementId": str(UUID(int=18)),
        }
    ],
    "reason": "torn",
    "isComplete": False,
    "performedBy": str(UUID(int=99)),
    "performedByName": "tester",
    "createdAt": "2026-11-23T12:00:00.123456Z",
}


async def test_a_return_names_what_came_back_and_in_which_condition(face: Face) -> None:
    body = {
        "lines": [{"sku": "TEA", "quantity": 2}, {"inventoryId": str(ROW), "quantity": 1, "condition": "damaged"}],
        "reason": "torn",
    }
    answer = await face.post(f"{PATH}/return", body)
    assert (answer.status, answer.json) == (201, AS_JSON)
    assert (answer.headers["Location"], answer.headers["ETag"]) == (f"{PATH}/returns/{RETURN}", '"1"')
    (reservation_id, request, caller), _ = face.returns.last("take_back")
    assert (reservation_id, caller.subject, caller.source) == (RESERVATION, "tester", Source.REST)
    assert request.reason == "torn"
    assert request.items == (
        ReturnItem(sku="TEA", quantity=2),
        ReturnItem(inventory_id=ROW, quantity=1, condition=Condition.DAMAGED),
    )


@pytest.mark.parametrize("body", [None, {}, {"lines": None}])
async def test_without_lines_or_a_body_everything_comes_back(face: Face, body: Any) -> None:
    assert (await face.post(f"{PATH}/return", body)).status == 201
    (_, request, _), _ = face.returns.last("take_back")
    assert request.items == ()


async def test_a_return_has_the_id_of_its_caller_or_one_of_its_own(face: Face) -> None:
    own = uuid4()
    await face.post(f"{PATH}/return", {"returnId": str(own)})
    assert face.returns.last("take_back")[0][1].return_id == own
    await face.post(f"{PATH}/return", {})
    assert face.returns.last("take_back")[0][1].return_id not in {own, UUID(int=0)}


async def test_a_return_that_was_recorded_before_is_not_made_again(face: Face) -> None:
    face.returns.answers["take_back"] = TakenBack(TAKEN_BACK, is_new=False)
    answer = await face.post(f"{PATH}/return", {})
    assert (answer.status, answer.json, "Location" in answer.headers) == (200, AS_JSON, False)


@pytest.mark.parametrize(
    ("line", "status", "pointer"),
    [
        ({"quantity": 1}, 422, "/lines/0"),
        ({"sku": "A", "inventoryId": str(ROW), "quantity": 1}, 422, "/lines/0"),
        ({"sku": "A", "quantity": 0}, 422, "/lines/0/quantity"),
        ({"sku": "A"}, 400, "/lines/0/quantity"),
        ({"sku": "A", "quantity": 1, "condition": "eaten"}, 422, "/lines/0/condition"),
        ({"sku": "A", "quantity": 1.5}, 400, "/lines/0/quantity"),
    ],
)
async def test_a_wrong_line_is_pointed_at(face: Face, line: Any, status: int, pointer: str) -> None:
    answer = await face.post(f"{PATH}/return", {"lines": [line]})
    assert (answer.status, answer.pointers) == (status, [pointer])
    assert face.returns.asked == []


async def test_no_lines_at_all_are_not_a_list_of_none(face: Face) -> None:
    assert (await face.post(f"{PATH}/return", {"lines": []})).pointers == ["/lines"]


async def test_every_line_that_is_too_much_is_listed(face: Face) -> None:
    face.returns.answers["take_back"] = ReturnExceedsSale([ExcessReturn("/lines/1/quantity", "TEA", 3, 2)])
    answer = await face.post(f"{PATH}/return", {})
    assert (answer.status, answer.code) == (409, "return_exceeds_sale")
    assert answer.json["errors"] == [
        {
            "pointer": "/lines/1/quantity",
            "detail": "3 pieces of TEA: 2 can still come back",
            "requested": 3,
            "returnable": 2,
        }
    ]


async def test_the_state_of_the_sale_decides(face: Face) -> None:
    face.returns.answers["take_back"] = ReservationNotSold("PENDING", reservation_id=str(RESERVATION))
    answer = await face.post(f"{PATH}/return", {})
    assert (answer.status, answer.code, answer.json["reservationStatus"]) == (409, "reservation_not_sold", "PENDING")
    face.returns.answers["take_back"] = ReturnMismatch()
    assert (await face.post(f"{PATH}/return", {})).code == "return_mismatch"


async def test_returns_are_listed_and_read(face: Face) -> None:
    assert (await face.get(f"{PATH}/returns?pageSize=3")).json == {"items": [AS_JSON], "nextPageToken": None}
    assert face.views.last("returns_of_reservation")[0] == (RESERVATION, PageRequest(size=3))
    read = await face.get(f"{PATH}/returns/{RETURN}")
    assert (read.json, read.headers["ETag"]) == (AS_JSON, '"1"')
    known = await face.get(f"{PATH}/returns/{RETURN}", headers={"If-None-Match": read.headers["ETag"]})
    assert (known.status, known.raw, known.headers["ETag"]) == (304, b"", '"1"')
    assert face.views.last("sale_return")[0] == (RESERVATION, RETURN)
    face.views.answers["sale_return"] = NotFound("no return of this reservation has this id")
    assert (await face.get(f"{PATH}/returns/{RETURN}")).status == 404
