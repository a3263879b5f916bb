from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from db.engine import Database
from domain.errors import InsufficientStock, OutcomeUnknown, Saturated, Shortage
from gateway.commands.reservations import Reserved
from gateway.http.routes import ROUTES
from runtime.settings import Settings
from tests.gateway.http.face import HELD, RESERVATION, RESERVE, ROW, Face, served

PATH = "/api/v1/reservations"


@pytest.fixture(scope="module")
async def kept_face(database: Settings) -> AsyncIterator[Face]:
    opened = Database.connect(database)
    async with served(database, database=opened) as face:
        yield face
    await opened.close()


@pytest.fixture
def face(kept_face: Face) -> Face:
    kept_face.reservations.answers = {"reserve": Reserved(HELD, is_new=True), "commit": HELD, "cancel": HELD}
    kept_face.reservations.asked.clear()
    return kept_face


@pytest.fixture
def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


async def test_a_repeat_gets_the_first_answer_again(face: Face, key: dict[str, str]) -> None:
    first = await face.reserve(headers={**key, "X-Request-Id": "first"})
    face.reservations.answers["reserve"] = AssertionError("asked twice")
    again = await face.reserve(headers={**key, "X-Request-Id": "again"})
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (again.status, again.raw) == (first.status, first.raw) == (201, first.raw)
    for name in ("Location", "ETag", "Content-Type"):
        assert again.headers[name] == first.headers[name]
    assert again.headers["X-Request-Id"] == "again"
    assert len(face.reservations.asked) == 1


async def test_quoted_and_bare_are_one_key_and_the_order_of_names_does_not_matter(
    face: Face, key: dict[str, str]
) -> None:
    await face.reserve(headers=key)
    quoted = {"Idempotency-Key": f'"{key["Idempotency-Key"]}"'}
    turned = {"items": RESERVE["items"], "orderId": RESERVE["orderId"]}
    assert (await face.post(PATH, turned, headers=quoted)).headers["Idempotent-Replayed"] == "true"


async def test_a_refusal_is_an_answer_too(face: Face, key: dict[str, str]) -> None:
    face.reservations.answers["reserve"] = InsufficientStock([Shortage("A", 3, 1)])
    first = await face.reserve(headers=key)
    face.reservations.answers["reserve"] = Reserved(HELD, is_new=True)
    again = await face.reserve(headers=key)
    assert (again.status, again.code, again.raw) == (409, "insufficient_stock", first.raw)


@pytest.mark.parametrize("error", [Saturated(), OutcomeUnknown()])
async def test_what_was_about_the_moment_is_tried_again_with_the_same_reservation(
    face: Face, key: dict[str, str], error: Exception
) -> None:
    face.reservations.answers["reserve"] = error
    assert (await face.reserve(headers=key)).status == 503
    face.reservations.answers["reserve"] = Reserved(HELD, is_new=True)
    assert (await face.reserve(headers=key)).status == 201
    asked = [arguments[0].reservation_id for _, arguments, _ in face.reservations.asked]
    assert len(asked) == 2
    assert asked[0] == asked[1]


async def test_another_body_is_refused(face: Face, key: dict[str, str]) -> None:
    await face.reserve(headers=key)
    answer = await face.post(PATH, {**RESERVE, "orderId": "order-2"}, headers=key)
    assert (answer.status, answer.code) == (422, "idempotency_key_reused")


async def test_a_body_that_cannot_be_read_uses_up_no_key(face: Face, key: dict[str, str]) -> None:
    assert (await face.post(PATH, {"orderId": "o"}, headers=key)).status == 400
    assert (await face.reserve(headers=key)).status == 201


async def test_a_repeat_while_the_first_is_running_is_a_conflict(face: Face, key: dict[str, str]) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(*_args: Any, **_keywords: Any) -> Reserved:
        entered.set()
        await leave.wait()
        return Reserved(HELD, is_new=True)

    face.reservations.answers["reserve"] = slow
    first = asyncio.create_task(face.reserve(headers=key))
    await entered.wait()
    answer = await face.reserve(headers=key)
    assert (answer.status, answer.code) == (409, "request_in_progress")
    assert int(answer.headers["Retry-After"]) >= 1
    leave.set()
    assert (await first).status == 201


async def test_keys_of_different_callers_and_paths_are_different_keys(face: Face, key: dict[str, str]) -> None:
    await face.reserve(headers=key)
    office = face.bearer("admin", subject="office")
    assert "Idempotent-Replayed" not in (await face.reserve(headers={**key, **office})).headers
    commit = await face.post(f"{PATH}/{RESERVATION}/commit", headers=key)
    assert "Idempotent-Replayed" not in commit.headers
    again = await face.post(f"{PATH}/{RESERVATION}/commit", {}, headers=key)
    assert again.headers["Idempotent-Replayed"] == "true"


async def test_the_decision_on_a_reservation_has_the_identity_of_the_key(face: Face, key: dict[str, str]) -> None:
    face.reservations.answers["cancel"] = OutcomeUnknown()
    for _ in range(2):
        await face.post(f"{PATH}/{RESERVATION}/cancel", headers=key)
    first, second = [keywords["decision_id"] for _, _, keywords in face.reservations.asked]
    assert first == second
    assert isinstance(first, UUID)


async def test_a_caller_who_hangs_up_finds_the_answer_later(face: Face, key: dict[str, str]) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(*_args: Any, **_keywords: Any) -> Reserved:
        entered.set()
        await leave.wait()
        return Reserved(HELD, is_new=True)

    face.reservations.answers["reserve"] = slow
    first = asyncio.create_task(face.reserve(headers=key))
    await entered.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    leave.set()
    async with asyncio.timeout(30):
        while (answer := await face.reserve(headers=key)).status == 409:
            assert answer.code == "request_in_progress"
    assert (answer.status, answer.headers["Idempotent-Replayed"]) == (201, "true")


@pytest.mark.parametrize("value", ["", "x" * 256, '"open'])
async def test_an_unreadable_key_is_malformed(face: Face, value: str) -> None:
    raw = (
        f"POST {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {face.headers['Authorization']}\r\n"
        f"Idempotency-Key: {value}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
    )
    assert (await face.exchange(raw.encode())).startswith(b"HTTP/1.1 400 ")


def test_every_post_takes_a_key_and_nothing_else_does() -> None:
    assert {route.method for route in ROUTES if route.takes_key} == {"POST"}
    assert all(route.takes_key for route in ROUTES if route.method == "POST")


async def test_a_key_on_a_put_means_nothing(face: Face, key: dict[str, str]) -> None:
    face.stock.answers["update"] = OutcomeUnknown()
    for _ in range(2):
        answer = await face.ask("PUT", f"/api/v1/inventory/{ROW}", body={"reorderPoint": 1}, headers=key)
        assert "Idempotent-Replayed" not in answer.headers
    assert len(face.stock.asked) == 2
