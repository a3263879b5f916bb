from __future__ import annotations

import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from gateway.auth import SCOPES
from gateway.http.docs import ASSETS, START_SCRIPT
from gateway.http.problems import STATUS_OF
from gateway.http.routes import ROUTES
from tests.gateway.http.face import RESERVE, Face, path_of

PATHS = {
    "/api/v1/alerts": ["get"],
    "/api/v1/alerts/{alertId}": ["get"],
    "/api/v1/alerts/{alertId}/acknowledge": ["post"],
    "/api/v1/alerts/{alertId}/resolve": ["post"],
    "/api/v1/adjustments": ["get"],
    "/api/v1/adjustments/{adjustmentId}": ["get"],
    "/api/v1/adjustments/{adjustmentId}/approve": ["post"],
    "/api/v1/adjustments/{adjustmentId}/audit": ["get"],
    "/api/v1/adjustments/{adjustmentId}/cancel": ["post"],
    "/api/v1/adjustments/{adjustmentId}/reject": ["post"],
    "/api/v1/availability/bulk": ["post"],
    "/api/v1/availability/check": ["post"],
    "/api/v1/inventory": ["get", "post"],
    "/api/v1/inventory/batch": ["post"],
    "/api/v1/inventory/product/{productId}": ["get"],
    "/api/v1/inventory/sku/{sku}": ["get"],
    "/api/v1/inventory/{inventoryId}": ["delete", "get", "put"],
    "/api/v1/inventory/{inventoryId}/adjust": ["post"],
    "/api/v1/inventory/{inventoryId}/movements": ["get"],
    "/api/v1/reports/ageing": ["get"],
    "/api/v1/reports/ageing/totals": ["get"],
    "/api/v1/reports/days-of-cover": ["get"],
    "/api/v1/reports/regions": ["get"],
    "/api/v1/reports/regions/{region}": ["get"],
    "/api/v1/reports/stock-as-of": ["get"],
    "/api/v1/reports/stock-as-of/totals": ["get"],
    "/api/v1/reservations": ["get", "post"],
    "/api/v1/reservations/order/{orderId}": ["get"],
    "/api/v1/reservations/{reservationId}": ["get"],
    "/api/v1/reservations/{reservationId}/cancel": ["post"],
    "/api/v1/reservations/{reservationId}/commit": ["post"],
    "/api/v1/reservations/{reservationId}/extend": ["post"],
    "/api/v1/purchase-orders": ["get", "post"],
    "/api/v1/purchase-orders/{purchaseOrderId}": ["get"],
    "/api/v1/purchase-orders/{purchaseOrderId}/approve": ["post"],
    "/api/v1/purchase-orders/{purchaseOrderId}/audit": ["get"],
    "/api/v1/purchase-orders/{purchaseOrderId}/cancel": ["post"],
    "/api/v1/purchase-orders/{purchaseOrderId}/close": ["post"],
    "/api/v1/purchase-orders/{purchaseOrderId}/receive": ["post"],
    "/api/v1/purchase-orders/{purchaseOrderId}/reject": ["post"],
    "/api/v1/purchase-orders/{purchaseOrderId}/send": ["post"],
    "/api/v1/restock/run": ["post"],
    "/api/v1/restock/suggestions": ["get"],
    "/api/v1/suppliers": ["get", "post"],
    "/api/v1/suppliers/{supplierId}": ["get", "put"],
    "/api/v1/suppliers/{supplierId}/items": ["get"],
    "/api/v1/suppliers/{supplierId}/items/{sku}": ["delete", "get", "put"],
    "/api/v1/reservations/{reservationId}/return": ["post"],
    "/api/v1/reservations/{reservationId}/returns": ["get"],
    "/api/v1/reservations/{reservationId}/returns/{returnId}": ["get"],
    "/api/v1/waitlist": ["get", "post"],
    "/api/v1/waitlist/{entryId}": ["delete", "get"],
    "/api/v1/transfers": ["get", "post"],
    "/api/v1/transfers/{transferId}": ["get"],
    "/api/v1/transfers/{transferId}/approve": ["post"],
    "/api/v1/transfers/{transferId}/audit": ["get"],
    "/api/v1/transfers/{transferId}/cancel": ["post"],
    "/api/v1/transfers/{transferId}/receive": ["post"],
    "/api/v1/transfers/{transferId}/reject": ["post"],
    "/api/v1/transfers/{transferId}/resolve": ["post"],
    "/api/v1/transfers/{transferId}/ship": ["post"],
    "/api/v1/warehouses": ["get", "post"],
    "/api/v1/warehouses/{warehouseId}": ["get", "put"],
    "/api/v1/warehouses/{warehouseId}/inventory": ["get"],
    "/docs": ["get"],
    "/docs/{asset}": ["get"],
    "/health": ["get"],
    "/health/live": ["get"],
    "/health/ready": ["get"],
    "/metrics": ["get"],
    "/openapi.json": ["get"],
}
METHODS = {"get", "put", "post", "delete"}


@pytest.fixture
async def document(face: Face) -> Any:
    answer = await face.get("/openapi.json", headers={"Authorization": ""})
    assert answer.headers["Content-Type"] == "application/json"
    return answer.json


def operations(document: Any) -> list[tuple[str, str, Any]]:
    return [(path, method, item[method]) for path, item in document["paths"].items() for method in METHODS & set(item)]


async def test_only_what_its_version_tells_whole_is_known_by_it(face: Face) -> None:
    """A position in line, and what is on its way to a row, change without theirs."""
    paths = (await face.get("/openapi.json")).json["paths"]
    reads = {path: operations["get"] for path, operations in paths.items() if "get" in operations}
    tagged = {path for path, read in reads.items() if "ETag" in read["responses"]["200"].get("headers", {})}
    known = {path for path, read in reads.items() if "304" in read["responses"]}
    assert tagged - known == {"/api/v1/inventory/{inventoryId}", "/api/v1/waitlist/{entryId}"}
    assert known == {path for path, read in reads.items() if "If-None-Match" in str(read["parameters"])} < tagged


async def test_the_document_is_openapi_3_1(document: Any) -> None:
    assert document["openapi"].startswith("3.1.")
    validate(document, cls=OpenAPIV31SpecValidator)


async def test_the_document_tells_of_every_path_and_of_no_other(document: Any, face: Face) -> None:
    told = {path: sorted(METHODS & set(item)) for path, item in document["paths"].items()}
    assert told == PATHS
    served: dict[str, set[str]] = {}
    for route in face.app.router.routes():
        assert route.resource is not None
        served.setdefault(route.resource.canonical, set()).add(route.method.lower())
    assert {path: sorted(methods & METHODS) for path, methods in served.items()} == PATHS


async def test_every_operation_is_told_apart_and_explained(document: Any) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    for _, _, operation in operations(document):
        assert operation["summary"].endswith(".")
        assert "`" not in operation["summary"], "a summary is plain text"
        assert operation["tags"][0] in {tag["name"] for tag in document["tags"]}


async def test_every_operation_says_what_it_needs_and_how_it_fails(document: Any) -> None:
    for route in ROUTES:
        operation = document["paths"][route.path][route.method.lower()]
        headers = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "header"}
        assert ("Idempotency-Key" in headers) == (route.method == "POST")
        assert operation["security"] == ([{"bearer": list(route.scopes)}] if route.scopes else [])
        assert set(route.scopes) <= set(SCOPES)
        if route.scopes:
            assert {"400", "401", "403", "500", "503"} <= set(operation["responses"])
        if route.body:
            assert {"413", "415", "422"} <= set(operation["responses"])


async def test_who_is_shed_is_told_to_come_again_by_the_one_status_that_we_shed_with(document: Any) -> None:
    words = document["info"]["description"]
    assert "503 carries `Retry-After`" in words
    assert "5xx are not kept" in words
    statuses = {status for _, _, operation in operations(document) for status in operation["responses"]}
    assert "429" not in statuses | {str(status) for status in STATUS_OF.values()}


async def test_every_body_has_an_example_that_its_schema_and_its_model_accept(document: Any) -> None:
    for route in ROUTES:
        if route.body is None or not route.body_required:
            continue
        schema = document["components"]["schemas"][route.body.__name__]
        assert schema["examples"], route.name
        for example in schema["examples"]:
            check(document, route.body.__name__, example)
            route.body.model_validate(example)


async def test_answers_are_what_the_document_says(document: Any, face: Face) -> None:
    for route in ROUTES:
        success = route.successes[0]
        if success.shape is None:
            continue
        body = example_of(route.body) if route.body else None
        answer = await face.ask(route.method, path_of(route), body=body)
        assert answer.status == success.status, (route.name, answer.raw)
        check(document, success.shape.__name__, answer.json)


async def test_a_problem_is_what_the_document_says(document: Any, face: Face) -> None:
    check(document, "Problem", (await face.post("/api/v1/reservations", {**RESERVE, "huh": 1})).json)
    check(document, "Problem", (await face.get("/nothing")).json)


async def test_the_page_needs_nothing_from_elsewhere(face: Face) -> None:
    page = await face.get("/docs", headers={"Authorization": ""})
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "script-src" not in page.headers["Content-Security-Policy"]
    assert page.headers["Content-Security-Policy"].startswith("default-src 'self'")
    links = re.findall(r'(?:src|href)="([^"]+)"', page.raw.decode())
    assert {link.removeprefix("/docs/") for link in links} == {*ASSETS, START_SCRIPT}
    for link in links:
        answer = await face.get(link, headers={"Authorization": ""})
        assert answer.status == 200
        assert len(answer.raw) > 100


@pytest.mark.parametrize("asset", ["index.css", "..%2Fcore.py", "swagger-editor.js", "%2e%2e%2f%2e%2e%2fcore.py"])
async def test_nothing_else_of_that_package_is_served(face: Face, asset: str) -> None:
    assert (await face.get(f"/docs/{asset}")).status in {404, 422}


def example_of(body: Any) -> Any:
    return body.model_json_schema().get("examples", [{}])[0]


def check(document: Any, name: str, value: Any) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)
