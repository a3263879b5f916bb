from __future__ import annotations

import uuid

import pytest

from db.paging import PageRequest
from domain.errors import OperationClosed, SelfApproval
from domain.operations import OperationKind, Step
from tests.gateway.http.face import ADJUSTMENT, ORDER, TRANSFER, WAITING, Face

PATH = f"/api/v1/adjustments/{ADJUSTMENT}"


async def test_an_adjustment_says_what_waits_why_and_where_to_look(face: Face) -> None:
    answer = await face.get(PATH)
    assert answer.status == 200
    assert answer.headers["ETag"] == '"1"'
    body = answer.json
    assert (body["status"], body["approvalReason"], body["reasonCode"]) == ("PENDING", "quantity", "damage")
    assert (body["value"], body["currency"], body["totalBefore"]) == ("6250.0000", "EUR", 600)
    assert body["links"]["audit"] == f"{PATH}/audit"
    assert body["links"]["workflow"].endswith(f"/workflows/adjustment-{ADJUSTMENT}")


async def test_a_list_is_filtered_by_state_and_place(face: Face) -> None:
    answer = await face.get(f"/api/v1/adjustments?status=PENDING&sku=TEA&warehouseId={uuid.UUID(int=13)}")
    assert [item["status"] for item in answer.json["items"]] == ["PENDING", "APPLIED"]
    (filters, _), _ = face.operation_views.last("adjustment_list")
    assert (filters.status, filters.sku, filters.warehouse_id) == ("PENDING", "TEA", uuid.UUID(int=13))
    assert (await face.get("/api/v1/adjustments?status=OPEN")).status == 422


@pytest.mark.parametrize("step", [Step.APPROVE, Step.REJECT, Step.CANCEL])
async def test_a_decision_is_handed_on_with_its_reason(face: Face, step: Step) -> None:
    answer = await face.post(f"{PATH}/{step}", {"reason": "counted again"})
    assert (answer.status, answer.json["status"]) == (200, "APPLIED")
    (adjustment_id, taken, caller), keywords = face.adjustments.last("decide")
    assert (adjustment_id, taken, caller.subject) == (ADJUSTMENT, step, "tester")
    assert keywords["reason"] == "counted again"
    assert isinstance(keywords["decision_id"], uuid.UUID)


async def test_a_decision_needs_no_body(face: Face) -> None:
    assert (await face.post(f"{PATH}/approve")).status == 200


async def test_who_may_not_decide_is_told_so(face: Face) -> None:
    face.adjustments.answers["decide"] = SelfApproval()
    own = await face.post(f"{PATH}/approve")
    assert (own.status, own.code) == (403, "self_approval")
    assert "WWW-Authenticate" not in own.headers
    face.adjustments.answers["decide"] = OperationClosed("late", extra={"currentStatus": "LAPSED"})
    late = await face.post(f"{PATH}/approve")
    assert (late.status, late.code, late.json["currentStatus"]) == (409, "operation_closed", "LAPSED")


@pytest.mark.parametrize(
    ("step", "scope", "status"),
    [
        ("approve", "operations:write", 403),
        ("approve", "operations:approve", 200),
        ("reject", "inventory:write", 403),
        ("cancel", "operations:write", 200),
        ("cancel", "operations:approve", 403),
    ],
)
async def test_asking_and_approving_are_different_rights(face: Face, step: str, scope: str, status: int) -> None:
    answer = await face.post(f"{PATH}/{step}", headers=face.bearer(scope))
    assert answer.status == status


async def test_the_audit_trail_says_who_when_why_and_what_it_was_before(face: Face) -> None:
    answer = await face.get(f"{PATH}/audit")
    [line] = answer.json["items"]
    assert (line["step"], line["performedByName"], line["statusBefore"], line["statusAfter"]) == (
        "request",
        "tester",
        None,
        WAITING.status,
    )
    assert line["details"] == {"delta": -500}


async def test_the_audit_trail_of_each_noun_is_read_a_page_at_a_time(face: Face) -> None:
    for kind, path, operation_id in (
        (OperationKind.ADJUSTMENT, PATH, ADJUSTMENT),
        (OperationKind.TRANSFER, f"/api/v1/transfers/{TRANSFER}", TRANSFER),
        (OperationKind.PURCHASE_ORDER, f"/api/v1/purchase-orders/{ORDER}", ORDER),
    ):
        answer = await face.get(f"{path}/audit?pageSize=7&pageToken=abc&orderBy=createdAt%20desc")
        assert (answer.status, answer.json["nextPageToken"]) == (200, "next")
        page = PageRequest(size=7, token="abc", order_by="createdAt desc")
        assert face.operation_views.last("audit_trail")[0] == (kind, operation_id, page)
        assert (await face.get(f"{path}/audit?pageSize=201")).pointers == ["/query/pageSize"]
