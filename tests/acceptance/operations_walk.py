"""The routes of what staff do, walked over the network by two people: who asks, and who approves."""

from __future__ import annotations

import uuid
from typing import Any, Protocol

from tests.acceptance.customer import Item, new_order, wish


class Walker(Protocol):
    """One person's way over the routes: status, body and headers of each answer."""

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]: ...


def walk_returns(walk: Walker, item: Item) -> None:
    sold = walk("POST", "/api/v1/reservations", wish(item, 3, new_order()))[1]
    mine = f"/api/v1/reservations/{sold['reservationId']}"
    assert walk("POST", f"{mine}/return")[1]["code"] == "reservation_not_sold"
    walk("POST", f"{mine}/commit")
    line = {"sku": item.sku, "quantity": 1, "condition": "damaged"}
    status, back, headers = walk("POST", f"{mine}/return", {"lines": [line], "reason": "torn"})
    assert (status, back["lines"][0]["condition"]) == (201, "damaged")
    assert walk("GET", headers["Location"])[1] == back
    assert walk("POST", f"{mine}/return", {"lines": [{**line, "quantity": 3}]})[1]["code"] == "return_exceeds_sale"
    assert len(walk("GET", f"{mine}/returns")[1]["items"]) == 1


def walk_adjustments(walk: Walker, boss: Walker, item: Item) -> None:
    api = "/api/v1/adjustments"

    def large() -> str:
        change = {"delta": -150, "reasonCode": "loss", "reason": "cannot be found"}
        status, made, headers = walk("POST", f"/api/v1/inventory/{item.inventory_id}/adjust", change)
        assert (status, made["status"], headers["Location"]) == (202, "PENDING", f"{api}/{made['adjustmentId']}")
        return headers["Location"]

    mine = large()
    assert walk("GET", mine)[1]["approvalReason"] == "quantity"
    assert walk("POST", f"{mine}/approve")[1]["code"] == "self_approval"
    status, applied, _ = boss("POST", f"{mine}/approve", {"reason": "I looked"})
    assert (status, applied["status"], applied["totalAfter"]) == (200, "APPLIED", 350)
    assert boss("POST", f"{mine}/reject")[1]["code"] == "operation_closed"
    steps = [(line["step"], line["refusalCode"]) for line in walk("GET", f"{mine}/audit")[1]["items"]]
    assert steps == [("request", None), ("approve", "self_approval"), ("approve", None)]
    assert boss("POST", f"{large()}/reject")[1]["status"] == "REJECTED"
    assert walk("POST", f"{large()}/cancel")[1]["status"] == "CANCELLED"
    assert len(walk("GET", f"{api}?inventoryId={item.inventory_id}")[1]["items"]) == 3


def walk_transfers(walk: Walker, boss: Walker, item: Item) -> None:
    api = "/api/v1/transfers"
    there = walk("POST", "/api/v1/warehouses", {"code": f"T-{uuid.uuid4().hex[:8]}", "name": "There"})[1]["warehouseId"]
    places = {"fromWarehouseId": item.warehouse_id, "toWarehouseId": there}

    def asked(quantity: int) -> tuple[str, str]:
        status, made, headers = walk("POST", api, {**places, "lines": [{"sku": item.sku, "quantity": quantity}]})
        assert (status, headers["Location"]) == (201, f"{api}/{made['transferId']}")
        return headers["Location"], made["status"]

    mine, state = asked(600)
    assert state == "PENDING_APPROVAL"
    assert walk("POST", f"{mine}/approve")[1]["code"] == "self_approval"
    assert walk("POST", f"{mine}/ship")[1]["code"] == "step_not_allowed"
    assert boss("POST", f"{mine}/approve")[1]["status"] == "APPROVED"
    assert walk("POST", f"{mine}/ship")[1]["status"] == "IN_TRANSIT"
    part = {"lines": [{"sku": item.sku, "quantity": 500}], "receiptId": "slip-1"}
    assert [walk("POST", f"{mine}/receive", part)[0] for _ in range(2)] == [200, 200]
    too_much = walk("POST", f"{mine}/receive", {"lines": [{"sku": item.sku, "quantity": 101}]})
    assert (too_much[0], too_much[1]["code"]) == (409, "receipt_exceeds_shipment")
    closed = walk("POST", f"{mine}/resolve", {"discrepancy": "lost", "reason": "never found"})[1]
    assert (closed["status"], closed["lines"][0]["quantityReceived"], closed["lines"][0]["quantityLost"]) == (
        "CLOSED",
        500,
        100,
    )
    assert walk("GET", mine)[1]["closedAt"]
    assert len(walk("GET", f"{mine}/audit")[1]["items"]) >= 5
    assert boss("POST", f"{asked(700)[0]}/reject")[1]["status"] == "REJECTED"
    small, state = asked(1)
    assert state == "REQUESTED"
    assert walk("POST", f"{small}/cancel")[1]["status"] == "CANCELLED"
    assert len(walk("GET", f"{api}?sku={item.sku}")[1]["items"]) == 3


def walk_purchase_orders(walk: Walker, boss: Walker, item: Item) -> None:
    api, code = "/api/v1/purchase-orders", uuid.uuid4().hex[:10]
    supplier = walk("POST", "/api/v1/suppliers", {"code": code, "name": "Supplier", "currency": "EUR"})[1]["supplierId"]
    walk("PUT", f"/api/v1/suppliers/{supplier}/items/{item.sku}", {"unitCost": 4, "packSize": 12})
    ends = {"supplierId": supplier, "warehouseId": item.warehouse_id}
    wrong = walk("POST", api, {**ends, "lines": [{"sku": item.sku, "quantity": 13}]})
    assert (wrong[0], wrong[1]["errors"][0]["detail"][:10]) == (422, "must be 24")

    def drafted() -> str:
        status, made, headers = walk("POST", api, {**ends, "lines": [{"sku": item.sku, "quantity": 24}]})
        assert (status, made["status"], made["number"][:3]) == (201, "DRAFT", "PO-")
        assert headers["Location"] == f"{api}/{made['purchaseOrderId']}"
        return headers["Location"]

    mine = drafted()
    row = f"/api/v1/inventory/{item.inventory_id}"
    assert walk("GET", row)[1]["quantityOnOrder"] == 24
    assert walk("POST", f"{mine}/approve")[1]["code"] == "self_approval"
    assert walk("POST", f"{mine}/send")[1]["code"] == "step_not_allowed"
    assert boss("POST", f"{mine}/approve")[1]["status"] == "APPROVED"
    assert walk("POST", f"{mine}/send")[1]["status"] == "SENT"
    part = {"lines": [{"sku": item.sku, "quantity": 20}], "receiptId": "GRN-1"}
    assert [walk("POST", f"{mine}/receive", part)[1]["status"] for _ in range(2)] == ["PARTIALLY_RECEIVED"] * 2
    too_much = walk("POST", f"{mine}/receive", {"lines": [{"sku": item.sku, "quantity": 7}]})
    assert (too_much[0], too_much[1]["code"]) == (409, "receipt_exceeds_order")
    assert walk("GET", row)[1]["quantityOnOrder"] == 4
    assert walk("POST", f"{mine}/close", {"reason": "discontinued"})[1]["status"] == "CLOSED"
    assert (walk("GET", row)[1]["quantityOnOrder"], walk("GET", row)[1]["unitCost"]) == (0, "4.0000")
    assert walk("GET", mine)[1]["lines"][0]["quantityReceived"] == 20
    assert len(walk("GET", f"{mine}/audit")[1]["items"]) >= 7
    assert boss("POST", f"{drafted()}/reject")[1]["status"] == "REJECTED"
    assert walk("POST", f"{drafted()}/cancel")[1]["status"] == "CANCELLED"
    assert len(walk("GET", f"{api}?supplierId={supplier}")[1]["items"]) == 3
    assert walk("GET", f"/api/v1/restock/suggestions?sku={item.sku}")[1]["items"] == []
    assert walk("POST", "/api/v1/restock/run")[0] == 202
