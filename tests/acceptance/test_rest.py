"""Every REST route over the network: the routes that the OpenAPI document promises are walked, none left out."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.error
import urllib.request
import uuid
from typing import Any

import pytest

from gateway.auth import SCOPES, development_token
from runtime.settings import Settings
from tests.acceptance.customer import Customer, Item, new_order, wish
from tests.acceptance.operations_walk import walk_adjustments, walk_purchase_orders, walk_returns, walk_transfers
from tests.acceptance.up import Up

NOBODY = "5e8a1d5e-0000-4000-8000-000000000000"


class Walk:
    """Requests with urllib, each remembered with the route that it took."""

    def __init__(self, api: str, token: str, taken: set[tuple[str, str]] | None = None) -> None:
        self.api = api
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.taken = set() if taken is None else taken

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
        data = None if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.api + path, data=data, method=method, headers={**self._headers, **named})
        try:
            with urllib.request.urlopen(request) as answer:
                status, content, got = answer.status, answer.read(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            status, content, got = error.code, error.read(), dict(error.headers)
        self.taken.add((method, path.partition("?")[0]))
        is_json = "json" in got.get("Content-Type", "")
        return status, json.loads(content) if is_json else content.decode(), got


@pytest.fixture
def walk(up: Up) -> Walk:
    facts = up.facts()
    return Walk(facts["api"], facts["token"])


async def test_every_route_of_the_document_answers(walk: Walk, customer: Customer) -> None:
    item = await customer.stock(100)
    _walk_stock(walk, item)
    _walk_warehouses(walk, item)
    _walk_availability(walk, item)
    _walk_reports(walk, item)
    _walk_reservations(walk, item)
    _walk_suppliers(walk, item)
    _walk_alerts(walk, item)
    await _walk_waitlist(walk, customer)
    boss = Walk(walk.api, development_token(Settings(), subject="boss", scopes=SCOPES), walk.taken)
    walk_returns(walk, await customer.stock(50))
    walk_adjustments(walk, boss, await customer.stock(500))
    walk_transfers(walk, boss, await customer.stock(5_000))
    walk_purchase_orders(walk, boss, await customer.stock(5_000))
    _walk_health(walk)
    document = walk("GET", "/openapi.json")[1]
    promised = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    left_out = {route for route in promised if not any(_is_on(taken, route) for taken in walk.taken)}
    assert left_out == set()


def _is_on(taken: tuple[str, str], route: tuple[str, str]) -> bool:
    pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(route[1]))
    return taken[0] == route[0] and re.fullmatch(pattern, taken[1]) is not None


def _walk_stock(walk: Walk, item: Item) -> None:
    api = "/api/v1/inventory"
    status, row, headers = walk("GET", f"{api}/{item.inventory_id}")
    assert (status, row["sku"], row["quantityTotal"]) == (200, item.sku, 100)
    for path in (f"?sku={item.sku}", f"/sku/{item.sku}", f"/product/{item.product_id}"):
        status, listed, _ = walk("GET", api + path)
        assert (status, [it["inventoryId"] for it in listed["items"]]) == (200, [item.inventory_id])
    assert walk("GET", api)[0] == 200
    changed = walk("PUT", f"{api}/{item.inventory_id}", {"reorderPoint": 7}, If_Match=headers["ETag"])
    assert (changed[0], changed[1]["reorderPoint"]) == (200, 7)
    stale = walk("PUT", f"{api}/{item.inventory_id}", {"reorderPoint": 8}, If_Match=headers["ETag"])
    assert (stale[0], stale[1]["code"]) == (412, "stale_version")
    change = {"delta": -3, "type": "DAMAGE", "reason": "dropped"}
    status, adjusted, _ = walk("POST", f"{api}/{item.inventory_id}/adjust", change)
    assert (status, adjusted["quantityTotal"], adjusted["movement"]["quantity"]) == (200, 97, -3)
    large = {"delta": 5000, "type": "INBOUND", "reason": "a ship came in"}
    status, waiting, _ = walk("POST", f"{api}/{item.inventory_id}/adjust", large)
    assert (status, waiting["status"]) == (202, "PENDING")
    batch = {"items": [{"inventoryId": item.inventory_id, "delta": 3, "type": "INBOUND", "reason": "found"}]}
    status, results, _ = walk("POST", f"{api}/batch", batch)
    assert (status, [it["status"] for it in results["items"]]) == (200, [200])
    status, ledger, _ = walk("GET", f"{api}/{item.inventory_id}/movements")
    assert (status, [it["quantity"] for it in ledger["items"]]) == (200, [3, -3, 100])
    other = {"sku": f"{item.sku}-B", "productId": item.product_id, "warehouseId": item.warehouse_id}
    status, made, _ = walk("POST", api, other)
    assert status == 201
    assert walk("DELETE", f"{api}/{made['inventoryId']}")[0] == 204
    assert walk("GET", f"{api}/{made['inventoryId']}")[0] == 404


def _walk_warehouses(walk: Walk, item: Item) -> None:
    api = "/api/v1/warehouses"
    assert walk("GET", api)[0] == 200
    status, made, headers = walk("POST", api, {"code": f"X-{uuid.uuid4().hex[:8]}", "name": "Extra"})
    assert (status, headers["Location"]) == (201, f"{api}/{made['warehouseId']}")
    status, changed, _ = walk("PUT", f"{api}/{made['warehouseId']}", {"isActive": False})
    assert (status, changed["isActive"]) == (200, False)
    assert walk("GET", f"{api}/{made['warehouseId']}")[1]["name"] == "Extra"
    status, listed, _ = walk("GET", f"{api}/{item.warehouse_id}/inventory")
    assert (status, [it["sku"] for it in listed["items"]]) == (200, [item.sku])


def _walk_suppliers(walk: Walk, item: Item) -> None:
    api, code = "/api/v1/suppliers", uuid.uuid4().hex[:10]
    new = {"code": code, "name": "Supplier", "currency": "EUR"}
    status, supplier, headers = walk("POST", api, new)
    assert (status, headers["Location"]) == (201, f"{api}/{supplier['supplierId']}")
    one = headers["Location"]
    assert walk("POST", api, new)[1]["code"] == "already_exists"
    assert walk("GET", one)[1] == supplier
    assert walk("GET", api)[0] == 200
    assert walk("PUT", one, {"leadTimeDays": 3}, If_Match=headers["ETag"])[1]["leadTimeDays"] == 3
    terms = {"unitCost": "4.2", "packSize": 12, "minimumQuantity": 24}
    assert [walk("PUT", f"{one}/items/{item.sku}", terms)[0] for _ in range(2)] == [201, 200]
    assert [it["packSize"] for it in walk("GET", f"{one}/items")[1]["items"]] == [12]
    status, sold, headers = walk("GET", f"{one}/items/{item.sku}")
    assert (status, sold["version"], headers["ETag"]) == (200, 2, '"2"')
    answers = [walk("PUT", f"{one}/items/{item.sku}", sold, If_Match=headers["ETag"])[0] for _ in range(2)]
    assert answers == [200, 412]
    assert [walk("DELETE", f"{one}/items/{item.sku}")[0] for _ in range(2)] == [204, 404]


def _walk_availability(walk: Walk, item: Item) -> None:
    api = "/api/v1/availability"
    status, answer, _ = walk("POST", f"{api}/check", {"sku": item.sku, "quantity": 100})
    assert (status, answer["available"], answer["quantityAvailable"]) == (200, True, 100)
    items = [{"sku": item.sku, "quantity": 101}, {"sku": item.sku, "quantity": 1}]
    status, answers, _ = walk("POST", f"{api}/bulk", {"items": items})
    assert (status, [it["available"] for it in answers["items"]]) == (200, [False, True])


def _walk_reports(walk: Walk, item: Item) -> None:
    api, sku = "/api/v1/reports", f"sku={item.sku}"
    region = f"region-of-{item.sku}"
    assert walk("PUT", f"/api/v1/warehouses/{item.warehouse_id}", {"region": region})[0] == 200
    status, regions, _ = walk("GET", f"{api}/regions?region={region}")
    assert (status, [it["region"] for it in regions["items"]]) == (200, [region])
    assert walk("GET", f"{api}/regions/{region}")[1]["total"] == regions["items"][0]
    changed = walk("GET", f"/api/v1/inventory/{item.inventory_id}/movements")[1]["items"]
    for line in changed:
        status, stock, _ = walk("GET", f"{api}/stock-as-of?at={line['createdAt']}&{sku}")
        assert (status, [it["quantityTotal"] for it in stock["items"]]) == (200, [line["totalAfter"]])
    totals = f"{api}/stock-as-of/totals?at={changed[0]['createdAt']}&{sku}&format=csv"
    status, text, headers = walk("GET", totals)
    assert (status, headers["Content-Type"].partition(";")[0]) == (200, "text/csv")
    assert text.splitlines()[1:] == [f",,,,1,{changed[0]['totalAfter']}"]
    status, cover, _ = walk("GET", f"{api}/days-of-cover?{sku}")
    assert (status, [it["daysOfCover"] for it in cover["items"]]) == (200, [None])
    assert [walk("GET", f"{api}/ageing{path}")[0] for path in ("", "/totals")] == [200, 200]


def _walk_reservations(walk: Walk, item: Item) -> None:
    api, order_id = "/api/v1/reservations", new_order()
    status, held, headers = walk("POST", api, wish(item, 2, order_id))
    assert (status, held["status"], headers["Location"]) == (201, "PENDING", f"{api}/{held['reservationId']}")
    mine = f"{api}/{held['reservationId']}"
    assert walk("GET", mine)[1] == held
    status, extended, _ = walk("POST", f"{mine}/extend", {"holdSeconds": 3600})
    assert (status, extended["expiresAt"] > held["expiresAt"]) == (200, True)
    assert walk("POST", f"{mine}/commit")[1]["status"] == "COMMITTED"
    assert walk("POST", f"{mine}/commit")[0] == 200
    status, problem, _ = walk("POST", f"{mine}/cancel")
    assert (status, problem["code"], problem["reservationStatus"]) == (409, "reservation_settled", "COMMITTED")
    other = walk("POST", api, wish(item, 1, order_id))[1]
    assert walk("POST", f"{api}/{other['reservationId']}/cancel", {"reason": "payment_failed"})[0] == 200
    status, listed, _ = walk("GET", f"{api}/order/{order_id}")
    assert sorted(it["status"] for it in listed["items"]) == ["CANCELLED", "COMMITTED"]
    assert len(walk("GET", f"{api}?orderId={order_id}&status=COMMITTED")[1]["items"]) == 1


async def _walk_waitlist(walk: Walk, customer: Customer) -> None:
    api, item = "/api/v1/waitlist", await customer.stock(1)
    sold_out = walk("POST", "/api/v1/reservations", wish(item, 1, new_order()))[1]
    waits = {"orderId": new_order(), "sku": item.sku, "quantity": 1}
    status, first, headers = walk("POST", api, waits)
    assert (status, first["status"], first["position"]) == (201, "WAITING", 1)
    second = walk("POST", api, {**waits, "orderId": new_order()})[1]
    assert walk("DELETE", f"{api}/{second['entryId']}")[0] == 204
    assert walk("POST", f"/api/v1/reservations/{sold_out['reservationId']}/cancel")[0] == 200
    async with asyncio.timeout(20):
        while walk("GET", headers["Location"])[1]["status"] != "OFFERED":  # noqa: ASYNC110 - another process decides
            await asyncio.sleep(0.1)
    offered = walk("GET", f"{api}?sku={item.sku}&status=OFFERED")[1]["items"][0]
    sold = walk("POST", f"/api/v1/reservations/{offered['reservationId']}/commit")
    assert (sold[0], sold[1]["orderId"], sold[1]["status"]) == (200, waits["orderId"], "COMMITTED")
    assert walk("DELETE", headers["Location"])[1]["code"] == "waitlist_settled"


def _walk_alerts(walk: Walk, item: Item) -> None:
    api = "/api/v1/alerts"
    dropped = {"delta": -95, "type": "DAMAGE", "reason": "the shelf fell over"}
    assert walk("POST", f"/api/v1/inventory/{item.inventory_id}/adjust", dropped)[0] == 200
    status, listed, _ = walk("GET", f"{api}?sku={item.sku}&status=open")
    assert (status, [it["kind"] for it in listed["items"]]) == (200, ["low_stock"])
    mine = f"{api}/{listed['items'][0]['alertId']}"
    assert walk("GET", mine)[1] == listed["items"][0]
    assert walk("POST", f"{mine}/acknowledge")[1]["status"] == "acknowledged"
    assert walk("POST", f"{mine}/resolve", {"reason": "on its way"})[1]["resolution"] == "by_hand"
    assert walk("POST", f"{mine}/acknowledge")[1]["code"] == "alert_resolved"


def _walk_health(walk: Walk) -> None:
    for path in ("/health", "/health/live", "/health/ready"):
        status, health, _ = walk("GET", path)
        assert (status, health["status"]) == (200, "up"), path
    assert "http_server_request_duration" in walk("GET", "/metrics")[1]
    page = walk("GET", "/docs")[1]
    assert "<html" in page.lower()
    for asset in re.findall(r'(?:src|href)="(?:\./)?(?:/?docs/)?([\w.-]+\.(?:js|css))"', page):
        assert walk("GET", f"/docs/{asset}")[0] == 200


def test_each_process_shows_its_metrics(up: Up) -> None:
    for name, url in up.facts()["metrics"].items():
        with urllib.request.urlopen(url) as answer:
            assert b"inventory_swept_reservations_total" in answer.read(), name


@pytest.mark.parametrize(
    ("route", "body", "status", "code"),
    [
        (f"GET /reservations/{NOBODY}", None, 404, "not_found"),
        ("GET /reservations/not-a-uuid", None, 400, "malformed_request"),
        (f"POST /reservations/{NOBODY}/commit", None, 404, "not_found"),
        ("POST /reservations", {"orderId": "o", "items": []}, 422, "validation_failed"),
        ("POST /reservations", {"orderId": "o", "items": [{"sku": "X", "quantity": "two"}]}, 400, "malformed_request"),
        ("POST /reservations", {"orderId": "o", "items": [{"sku": "NO-SUCH", "quantity": 1}]}, 422, "unknown_item"),
        ("GET /inventory?pageToken=forged", None, 400, "invalid_page_token"),
        ("GET /nothing/here", None, 404, "route_not_found"),
    ],
)
def test_wrong_requests_get_a_typed_problem(walk: Walk, route: str, body: Any, status: int, code: str) -> None:
    method, _, path = route.partition(" ")
    got, problem, headers = walk(method, f"/api/v1{path}", body)
    assert (got, problem["code"], problem["status"]) == (status, code, status)
    assert headers["Content-Type"].startswith("application/problem+json")


def test_scopes_of_a_token_are_what_it_may_do(up: Up) -> None:
    reader = up.command("token", "--subject", "reader", "--scope", "inventory:read").stdout.strip()
    facts = up.facts()
    walk = Walk(facts["api"], reader)
    assert walk("GET", "/api/v1/inventory")[0] == 200
    status, problem, _ = walk("POST", "/api/v1/warehouses", {"code": "NO", "name": "no"})
    assert (status, problem["code"]) == (403, "forbidden")
    status, problem, headers = walk("GET", "/api/v1/inventory", Authorization="Bearer nonsense")
    assert (status, problem["code"]) == (401, "unauthenticated")
    assert headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_short_order_is_told_every_short_line(customer: Customer) -> None:
    first, second = await customer.stock(1), await customer.stock(2)
    items = [{"sku": first.sku, "quantity": 2}, {"sku": second.sku, "quantity": 1}, {"sku": second.sku, "quantity": 2}]
    answer = await customer.rest.post("/reservations", {"orderId": new_order(), "items": items})
    assert (answer.status, answer.body["code"]) == (409, "insufficient_stock")
    assert {(it["sku"], it["requested"], it["available"]) for it in answer.body["shortages"]} == {
        (first.sku, 2, 1),
        (second.sku, 3, 2),
    }
    assert await customer.level(first) == (1, 0, 1)
