from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pytest

from db.paging import PageRequest
from db.purchase_order_rows import PurchaseOrderFilter
from domain.contracts.operations import SkuQuantity
from domain.errors import ExceededLine, ReceiptExceedsOrder, SelfApproval, SupplierInactive, UnknownItem
from domain.operations import OperationKind, Step
from domain.purchase_orders import NewPurchaseOrder, PurchaseOrderStatus, WantedLine
from gateway.auth import INVENTORY_READ, OPERATIONS_APPROVE, OPERATIONS_WRITE
from tests.gateway.http.face import ORDER, SUPPLIER, WAREHOUSE, Face

ALL = "/api/v1/purchase-orders"
ONE = f"{ALL}/{ORDER}"
ASK = {
    "supplierId": str(SUPPLIER),
    "warehouseId": str(WAREHOUSE),
    "lines": [{"sku": "TEA-GREEN-250", "quantity": 48}],
}


async def test_a_new_order_is_drafted_and_says_where_to_look(face: Face) -> None:
    more = {"reference": "spring", "expectedAt": "2026-12-01T12:00:00+02:00"}
    lines = [{"sku": "A", "quantity": 12, "unitCost": "3.99"}, {"sku": "A", "quantity": 12}]
    answer = await face.post(ALL, {**ASK, **more, "lines": lines})
    assert (answer.status, answer.headers["Location"], answer.headers["ETag"]) == (201, ONE, '"4"')
    (new, caller), keywords = face.purchase_orders.last("create")
    assert new.expected_at.isoformat() == "2026-12-01T12:00:00+02:00"
    assert new == NewPurchaseOrder(
        supplier_id=SUPPLIER,
        warehouse_id=WAREHOUSE,
        lines=(WantedLine(sku="A", quantity=12, unit_cost=Decimal("3.99")), WantedLine(sku="A", quantity=12)),
        reference="spring",
        expected_at=new.expected_at,
    )
    assert caller.subject == "tester"
    assert isinstance(keywords["purchase_order_id"], uuid.UUID)


async def test_an_order_says_what_has_come_and_what_is_still_to_come(face: Face) -> None:
    answer = await face.get(ONE)
    body = answer.json
    assert (answer.status, answer.headers["ETag"]) == (200, '"4"')
    assert (body["number"], body["status"], body["value"], body["currency"]) == (
        "PO-000123",
        "PARTIALLY_RECEIVED",
        "201.6000",
        "EUR",
    )
    assert body["lines"] == [
        {
            "sku": "TEA-GREEN-250",
            "quantity": 48,
            "quantityReceived": 12,
            "quantityOutstanding": 36,
            "unitCost": "4.2000",
        }
    ]
    assert (body["isLate"], body["lateSince"] is not None, body["restockRun"]) == (True, True, None)
    assert body["workflowId"] == f"purchase-order-{ORDER}"
    assert body["links"]["self"] == ONE
    assert body["links"]["audit"] == f"{ONE}/audit"
    assert body["links"]["workflow"].endswith(f"/workflows/purchase-order-{ORDER}")


async def test_orders_are_listed_by_everything_that_people_look_for(face: Face) -> None:
    filters = f"status=SENT&supplierId={SUPPLIER}&warehouseId={WAREHOUSE}&sku=A&late=true&pageSize=3"
    answer = await face.get(f"{ALL}?{filters}")
    assert answer.json["items"][0]["number"] == "PO-000123"
    assert face.operation_views.last("purchase_order_list")[0] == (
        PurchaseOrderFilter(
            status=PurchaseOrderStatus.SENT, supplier_id=SUPPLIER, warehouse_id=WAREHOUSE, sku="A", late=True
        ),
        PageRequest(size=3),
    )
    assert (await face.get(f"{ALL}?status=LOST")).status == 422


@pytest.mark.parametrize("step", [Step.APPROVE, Step.REJECT, Step.SEND, Step.CANCEL])
async def test_a_decision_has_a_reason_and_is_repeated_under_its_key(face: Face, step: Step) -> None:
    answer = await face.post(f"{ONE}/{step}", {"reason": "why not"})
    assert (answer.status, answer.json["number"]) == (200, "PO-000123")
    (order_id, taken, caller), said = face.purchase_orders.last("decide")
    assert (order_id, taken, caller.subject, said["reason"]) == (ORDER, step, "tester", "why not")
    assert isinstance(said["decision_id"], uuid.UUID)
    assert (await face.post(f"{ONE}/{step}")).status == 200


async def test_a_delivery_names_its_lines_and_its_slip_or_nothing(face: Face) -> None:
    lines = [{"sku": "A", "quantity": 3}, {"sku": "B", "quantity": 1}]
    assert (await face.post(f"{ONE}/receive", {"lines": lines, "receiptId": "GRN-7", "reason": "wet"})).status == 200
    (_, step, _), said = face.purchase_orders.last("decide")
    assert (step, said["receipt_id"], said["reason"]) == (Step.RECEIVE, "GRN-7", "wet")
    assert said["lines"] == [SkuQuantity(sku="A", quantity=3), SkuQuantity(sku="B", quantity=1)]
    assert (await face.post(f"{ONE}/receive")).status == 200
    assert face.purchase_orders.last("decide")[1]["lines"] == []


async def test_closing_short_needs_a_reason(face: Face) -> None:
    assert (await face.post(f"{ONE}/close")).status == 400
    answer = await face.post(f"{ONE}/close", {"reason": ""})
    assert (answer.status, answer.pointers) == (422, ["/reason"])
    assert (await face.post(f"{ONE}/close", {"reason": "discontinued"})).status == 200
    assert face.purchase_orders.last("decide")[0][1] is Step.CLOSE


@pytest.mark.parametrize(
    ("refusal", "status", "told"),
    [
        (SelfApproval(), 403, {}),
        (SupplierInactive(extra={"supplierId": "x"}), 409, {"supplierId": "x"}),
        (
            ReceiptExceedsOrder([ExceededLine("A", 9, 8)]),
            409,
            {"lines": [{"sku": "A", "quantity": 9, "most": 8}]},
        ),
        (UnknownItem(extra={"skus": ["A"]}), 422, {"skus": ["A"]}),
    ],
)
async def test_what_refuses_a_step_is_told(face: Face, refusal: Any, status: int, told: dict[str, Any]) -> None:
    face.purchase_orders.answers["decide"] = refusal
    answer = await face.post(f"{ONE}/receive")
    assert (answer.status, answer.code) == (status, refusal.code)
    assert {name: answer.json[name] for name in told} == told


@pytest.mark.parametrize(
    ("wrong", "status", "pointer"),
    [
        ({"lines": []}, 422, "/lines"),
        ({"lines": [{"sku": "A", "quantity": 0}]}, 422, "/lines/0/quantity"),
        ({"lines": [{"sku": "A", "quantity": 1, "unitCost": "x"}]}, 422, "/lines/0/unitCost"),
        ({"lines": [{"sku": "A", "quantity": 1, "unitCost": True}]}, 400, "/lines/0/unitCost"),
        ({"supplierId": "nobody"}, 400, "/supplierId"),
        ({"expectedAt": "tomorrow"}, 400, "/expectedAt"),
        ({"status": "SENT"}, 400, "/status"),
    ],
)
async def test_a_wrong_field_is_named(face: Face, wrong: dict[str, Any], status: int, pointer: str) -> None:
    answer = await face.post(ALL, {**ASK, **wrong})
    assert (answer.status, answer.pointers) == (status, [pointer])


async def test_who_orders_does_not_approve_by_that_alone(face: Face) -> None:
    buyer, chief = face.bearer(OPERATIONS_WRITE), face.bearer(OPERATIONS_APPROVE)
    reader = face.bearer(INVENTORY_READ)
    assert (await face.post(ALL, ASK, headers=buyer)).status == 201
    assert [(await face.post(f"{ONE}/{step}", headers=buyer)).status for step in ("approve", "reject")] == [403, 403]
    assert [(await face.post(f"{ONE}/{step}", headers=chief)).status for step in ("approve", "send")] == [200, 403]
    assert [(await face.get(ONE, headers=who)).status for who in (buyer, chief, reader)] == [200, 200, 200]


async def test_its_trail_is_told(face: Face) -> None:
    answer = await face.get(f"{ONE}/audit")
    assert answer.status == 200
    assert face.operation_views.last("audit_trail")[0] == (OperationKind.PURCHASE_ORDER, ORDER, PageRequest())
