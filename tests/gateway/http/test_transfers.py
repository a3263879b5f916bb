from __future__ import annotations

import uuid
from typing import Any

import pytest

from domain.contracts.operations import SkuQuantity
from domain.errors import ExceededLine, ReceiptExceedsShipment, SelfApproval, WarehouseInactive
from domain.operations import Step
from domain.transfers import NewTransfer
from tests.gateway.http.face import NOON, ROW, TRANSFER, WAREHOUSE, Face

ALL = "/api/v1/transfers"
ONE = f"{ALL}/{TRANSFER}"
THERE = uuid.UUID(int=77)
ASK = {
    "fromWarehouseId": str(WAREHOUSE),
    "toWarehouseId": str(THERE),
    "lines": [{"sku": "TEA-GREEN-250", "quantity": 40}],
}


async def test_a_new_transfer_is_made_and_says_where_to_look(face: Face) -> None:
    answer = await face.post(ALL, {**ASK, "reason": "the south sells faster", "transitSeconds": 60})
    assert (answer.status, answer.headers["Location"], answer.headers["ETag"]) == (201, ONE, '"3"')
    (new, caller), keywords = face.transfers.last("request")
    assert new == NewTransfer(
        from_warehouse_id=WAREHOUSE,
        to_warehouse_id=THERE,
        lines={"TEA-GREEN-250": 40},
        reason="the south sells faster",
        transit_seconds=60,
    )
    assert caller.subject == "tester"
    assert isinstance(keywords["transfer_id"], uuid.UUID)


async def test_the_same_sku_twice_is_summed_and_an_instant_is_read_with_its_offset(face: Face) -> None:
    twice = [{"sku": "A", "quantity": 2}, {"sku": "A", "quantity": 3}]
    await face.post(ALL, {**ASK, "lines": twice, "expectedAt": "2026-12-01T12:00:00+02:00"})
    (new, _), _ = face.transfers.last("request")
    assert new.lines == {"A": 5}
    assert new.expected_at.isoformat() == "2026-12-01T12:00:00+02:00"


@pytest.mark.parametrize(
    ("wrong", "status", "pointer"),
    [
        ({"lines": []}, 422, "/lines"),
        ({"lines": [{"sku": "A", "quantity": 0}]}, 422, "/lines/0/quantity"),
        ({"lines": [{"sku": "A", "quantity": "2"}]}, 400, "/lines/0/quantity"),
        ({"lines": [{"sku": "A", "quantity": 1, "colour": "red"}]}, 400, "/lines/0/colour"),
        ({"fromWarehouseId": "here"}, 400, "/fromWarehouseId"),
        ({"transitSeconds": 0}, 422, "/transitSeconds"),
        ({"expectedAt": "tomorrow"}, 400, "/expectedAt"),
    ],
)
async def test_a_wrong_field_is_named(face: Face, wrong: dict[str, Any], status: int, pointer: str) -> None:
    answer = await face.post(ALL, {**ASK, **wrong})
    assert (answer.status, answer.pointers) == (status, [pointer])


async def test_a_transfer_says_what_is_on_the_road(face: Face) -> None:
    answer = await face.get(ONE)
    body = answer.json
    assert (answer.status, answer.headers["ETag"], body["status"]) == (200, '"3"', "PARTLY_RECEIVED")
    assert body["lines"] == [
        {
            "sku": "TEA-GREEN-250",
            "quantity": 40,
            "quantityShipped": 38,
            "quantityInTransit": 2,
            "quantityReceived": 30,
            "quantityLost": 5,
            "quantityReturned": 1,
        }
    ]
    assert (body["isLate"], body["lateSince"][:10]) == (True, NOON.date().isoformat())
    assert body["workflowId"] == f"transfer-{TRANSFER}"
    assert body["links"]["audit"] == f"{ONE}/audit"
    assert body["links"]["workflow"].endswith(f"/workflows/transfer-{TRANSFER}")


async def test_a_list_is_filtered_by_state_place_sku_and_lateness(face: Face) -> None:
    answer = await face.get(
        f"{ALL}?status=IN_TRANSIT&fromWarehouseId={WAREHOUSE}&toWarehouseId={THERE}&sku=TEA&late=true"
    )
    assert ([item["transferId"] for item in answer.json["items"]], answer.json["nextPageToken"]) == (
        [str(TRANSFER)],
        "next",
    )
    (filters, _), _ = face.operation_views.last("transfer_list")
    assert (filters.status, filters.from_warehouse_id, filters.to_warehouse_id) == ("IN_TRANSIT", WAREHOUSE, THERE)
    assert (filters.sku, filters.late) == ("TEA", True)
    assert (await face.get(f"{ALL}?status=LOST")).status == 422


@pytest.mark.parametrize(
    ("step", "body", "said"),
    [
        (Step.APPROVE, {}, {}),
        (Step.REJECT, {}, {}),
        (Step.CANCEL, {}, {}),
        (
            Step.SHIP,
            {"lines": [{"sku": "A", "quantity": 2}]},
            {"lines": [SkuQuantity(sku="A", quantity=2)]},
        ),
        (
            Step.RECEIVE,
            {"lines": [{"sku": "A", "quantity": 2}], "receiptId": "slip-1", "discrepancy": "lost"},
            {"lines": [SkuQuantity(sku="A", quantity=2)], "receipt_id": "slip-1", "discrepancy": "lost"},
        ),
        (Step.RESOLVE, {"discrepancy": "return"}, {"lines": [], "discrepancy": "return"}),
    ],
)
async def test_a_decision_is_handed_on_with_what_was_said(
    face: Face, step: Step, body: dict[str, Any], said: dict[str, Any]
) -> None:
    answer = await face.post(f"{ONE}/{step}", {"reason": "because", **body})
    assert answer.status == 200
    (transfer_id, taken, caller), keywords = face.transfers.last("decide")
    assert (transfer_id, taken, caller.subject) == (TRANSFER, step, "tester")
    assert isinstance(keywords.pop("decision_id"), uuid.UUID)
    assert keywords == {"reason": "because", **said}


async def test_a_decision_needs_no_body_but_one_about_a_gap_says_what_became_of_it(face: Face) -> None:
    assert (await face.post(f"{ONE}/receive")).status == 200
    assert (await face.post(f"{ONE}/resolve", {})).pointers == ["/discrepancy"]
    assert (await face.post(f"{ONE}/resolve", {"discrepancy": "stolen"})).pointers == ["/discrepancy"]


async def test_what_refuses_is_told_with_what_belongs_to_it(face: Face) -> None:
    face.transfers.answers["request"] = WarehouseInactive("S-1 is not in use", extra={"warehouseId": str(THERE)})
    closed = await face.post(ALL, ASK)
    assert (closed.status, closed.code, closed.json["warehouseId"]) == (409, "warehouse_inactive", str(THERE))
    face.transfers.answers["decide"] = ReceiptExceedsShipment([ExceededLine("A", 3, 2)])
    too_much = await face.post(f"{ONE}/receive")
    assert (too_much.status, too_much.code) == (409, "receipt_exceeds_shipment")
    assert too_much.json["lines"] == [{"sku": "A", "quantity": 3, "most": 2}]
    face.transfers.answers["decide"] = SelfApproval()
    assert (await face.post(f"{ONE}/approve")).status == 403


@pytest.mark.parametrize(
    ("step", "scope", "status"),
    [
        ("approve", "operations:write", 403),
        ("approve", "operations:approve", 200),
        ("reject", "operations:write", 403),
        ("ship", "operations:write", 200),
        ("ship", "operations:approve", 403),
        ("receive", "inventory:write", 403),
        ("cancel", "operations:write", 200),
    ],
)
async def test_asking_and_approving_are_different_rights(face: Face, step: str, scope: str, status: int) -> None:
    assert (await face.post(f"{ONE}/{step}", headers=face.bearer(scope))).status == status


@pytest.mark.parametrize("scope", ["operations:write", "operations:approve", "inventory:read"])
async def test_whoever_works_decides_or_looks_at_stock_may_look(face: Face, scope: str) -> None:
    for path in (ALL, ONE, f"{ONE}/audit"):
        assert (await face.get(path, headers=face.bearer(scope))).status == 200
    assert (await face.get(ONE, headers=face.bearer("reservations:write"))).status == 403


async def test_a_row_shows_what_is_on_its_way_to_it(face: Face) -> None:
    one = await face.get(f"/api/v1/inventory/{ROW}")
    assert one.json["quantityInTransit"] == 12
    [listed] = (await face.get("/api/v1/inventory")).json["items"]
    assert listed["quantityInTransit"] == 12
    [there] = (await face.get(f"/api/v1/warehouses/{WAREHOUSE}/inventory")).json["items"]
    assert there["quantityInTransit"] == 12
