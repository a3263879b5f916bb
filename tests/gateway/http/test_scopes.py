from __future__ import annotations

import pytest

from gateway.auth import ADMIN, INVENTORY_READ, INVENTORY_WRITE, RESERVATIONS_WRITE, SCOPES
from gateway.http.route import Route
from gateway.http.routes import ROUTES
from tests.gateway.http.face import RESERVATION, RESERVE, ROW, Face, path_of

GUARDED = [route for route in ROUTES if route.scopes]
OPEN = ["/health", "/health/live", "/health/ready", "/metrics", "/openapi.json", "/docs", "/docs/swagger-ui.css"]


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.name)
async def test_nobody_passes_without_a_token(face: Face, route: Route) -> None:
    answer = await face.ask(route.method, path_of(route), headers={"Authorization": ""})
    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.name)
async def test_a_missing_scope_is_named(face: Face, route: Route) -> None:
    other = next(scope for scope in SCOPES if scope not in (*route.scopes, ADMIN))
    answer = await face.ask(route.method, path_of(route), headers=face.bearer(other))
    assert (answer.status, answer.code, answer.json["missingScope"]) == (403, "forbidden", route.scopes[0])
    assert route.scopes[0] in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("path", OPEN)
async def test_what_machines_and_readers_need_is_open(face: Face, path: str) -> None:
    assert (await face.get(path, headers={"Authorization": ""})).status == 200


async def test_who_writes_may_not_read_and_who_reads_may_not_write(face: Face) -> None:
    writer = face.bearer(INVENTORY_WRITE)
    reader = face.bearer(INVENTORY_READ)
    assert (await face.get(f"/api/v1/inventory/{ROW}", headers=writer)).status == 403
    assert (await face.get(f"/api/v1/inventory/{ROW}", headers=reader)).status == 200
    assert (await face.reserve(headers=reader)).status == 403
    assert (await face.ask("DELETE", f"/api/v1/inventory/{ROW}", headers=reader)).status == 403


async def test_who_reserves_may_look_at_reservations(face: Face) -> None:
    checkout = face.bearer(RESERVATIONS_WRITE)
    assert (await face.reserve(headers=checkout)).status == 201
    assert (await face.get(f"/api/v1/reservations/{RESERVATION}", headers=checkout)).status == 200


async def test_an_admin_may_do_everything(face: Face) -> None:
    assert (await face.post("/api/v1/reservations", RESERVE, headers=face.bearer(ADMIN))).status == 201


async def test_two_tokens_are_one_too_many(face: Face) -> None:
    from multidict import CIMultiDict

    both = CIMultiDict([("Authorization", face.headers["Authorization"]), ("Authorization", "Bearer x")])
    async with face.session.get(f"/api/v1/inventory/{ROW}", headers=both) as answer:
        assert answer.status == 400


async def test_a_refused_caller_does_not_get_a_body_read(face: Face) -> None:
    answer = await face.ask("POST", "/api/v1/reservations", data=b"{", headers={"Authorization": "Bearer x"})
    assert answer.status == 401
