from __future__ import annotations

import re

import pytest

from domain import errors
from domain.errors import (
    Category,
    FieldProblem,
    HoldfastError,
    NotFound,
    OutcomeUnknown,
    Saturated,
    StaleVersion,
    Unavailable,
    UnknownItem,
)
from gateway.http.problems import STATUS_OF
from tests.gateway.http.face import RESERVATION, RESERVE, ROW, Face

PATH = f"/api/v1/reservations/{RESERVATION}"


def test_every_category_has_a_status() -> None:
    assert set(STATUS_OF) == set(Category)


def test_every_error_has_a_code_of_its_own() -> None:
    def below(kind: type[HoldfastError]) -> list[type[HoldfastError]]:
        return [kind, *(one for child in kind.__subclasses__() for one in below(child))]

    tree = [kind for kind in below(HoldfastError) if kind.__module__ == errors.__name__]
    assert len({kind.code for kind in tree}) == len(tree)


async def test_a_missing_resource_is_404(face: Face) -> None:
    face.views.answers["reservation"] = NotFound("no reservation")
    answer = await face.get(PATH)
    assert (answer.status, answer.code, answer.json["instance"]) == (404, "not_found", PATH)


@pytest.mark.parametrize("path", ["/", "/api/v1", "/api/v1/nothing", "/api/v1/inventory/", "/api/v1/transfer"])
async def test_a_path_that_is_no_route_is_404(face: Face, path: str) -> None:
    answer = await face.get(path)
    assert (answer.status, answer.code) == (404, "route_not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/v1/reservations", "GET, HEAD, POST"),
        ("PATCH", f"/api/v1/inventory/{ROW}", "DELETE, GET, HEAD, PUT"),
        ("GET", "/api/v1/availability/check", "POST"),
    ],
)
async def test_a_method_that_is_not_there_is_405_and_says_which_are(
    face: Face, method: str, path: str, allowed: str
) -> None:
    answer = await face.ask(method, path)
    assert (answer.status, answer.code, answer.headers["Allow"]) == (405, "method_not_allowed", allowed)


async def test_an_error_that_says_only_its_title_is_told_by_its_first_field(face: Face) -> None:
    face.reservations.answers["reserve"] = UnknownItem(fields=[FieldProblem("/items/1", "no inventory row has this")])
    answer = await face.reserve()
    assert (answer.code, answer.json["detail"]) == ("unknown_item", "/items/1: no inventory row has this")


async def test_head_answers_like_get_without_a_body(face: Face) -> None:
    answer = await face.ask("HEAD", PATH)
    assert (answer.status, answer.raw, answer.headers["ETag"]) == (200, b"", '"1"')


@pytest.mark.parametrize("error", [Unavailable(), Saturated(), OutcomeUnknown()])
async def test_what_may_be_repeated_says_when(face: Face, error: HoldfastError) -> None:
    face.views.answers["reservation"] = error
    answer = await face.get(PATH)
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) >= 1


async def test_our_mistake_is_500_and_tells_nothing_but_where_to_look(
    face: Face, capfd: pytest.CaptureFixture[str]
) -> None:
    face.views.answers["reservation"] = ZeroDivisionError("select secret from table_of_secrets")
    answer = await face.get(PATH, headers={"X-Request-Id": "look-for-me"})
    assert (answer.status, answer.code, answer.json["requestId"]) == (500, "internal_error", "look-for-me")
    assert b"secret" not in answer.raw
    assert b"ZeroDivision" not in answer.raw
    logged = capfd.readouterr()
    assert "ZeroDivisionError" in logged.out + logged.err


async def test_no_answer_says_what_we_are_built_with(face: Face) -> None:
    for path in (PATH, "/nothing"):
        answer = await face.get(path)
        assert answer.headers["Server"] == "holdfast"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_request_id_is_taken_and_echoed(face: Face) -> None:
    for path in (PATH, "/nothing", "/health/live"):
        answer = await face.get(path, headers={"X-Request-Id": "shop-42:a/b"})
        assert answer.headers["X-Request-Id"] == "shop-42:a/b"


@pytest.mark.parametrize("given", ["", "with space", "x" * 129, "ümlaut", "a;b"])
async def test_a_request_id_unfit_for_logs_is_replaced(face: Face, given: str) -> None:
    answer = await face.get(PATH, headers={"X-Request-Id": given})
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["X-Request-Id"])


async def test_the_request_id_reaches_the_command(face: Face) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await face.reserve(headers={"X-Request-Id": "abc", "traceparent": parent})
    (_, caller), _ = face.reservations.last("reserve")
    assert (caller.request_id, caller.traceparent) == ("abc", parent)
    await face.reserve(headers={"traceparent": "nonsense"})
    assert face.reservations.last("reserve")[0][1].traceparent is None


@pytest.mark.parametrize(
    "raw",
    [
        b"GARBAGE\r\n\r\n",
        b"BREW /health HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 20_000 + b"\r\n\r\n",
        b"POST /api/v1/reservations HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
    ],
)
async def test_what_is_no_http_is_a_problem_too(face: Face, raw: bytes) -> None:
    answer = await face.exchange(raw)
    assert re.match(rb"HTTP/1\.[01] 400 ", answer)
    assert b"application/problem+json" in answer
    assert b"malformed_request" in answer


async def test_nothing_that_follows_a_body_in_a_strange_coding_is_read(face: Face) -> None:
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n".encode()
    answer = await face.exchange(head + b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 ") == answer.count(b"HTTP/1.1 400 ") == 1


async def test_a_resource_that_is_known_need_not_be_sent_again(face: Face) -> None:
    answer = await face.get(PATH, headers={"If-None-Match": 'W/"7", "1"'})
    assert (answer.status, answer.raw, answer.headers["ETag"]) == (304, b"", '"1"')
    assert (await face.get(PATH, headers={"If-None-Match": '"2"'})).status == 200


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ('"5"', 200),
        ("*", 200),
        ('W/"5"', 412),
        ('"abc"', 412),
        ("5", 400),
        ('"5", "6"', 400),
        ('"' + "9" * 30 + '"', 412),
    ],
)
async def test_if_match_is_one_strong_tag(face: Face, given: str, status: int) -> None:
    answer = await face.ask("PUT", f"/api/v1/inventory/{ROW}", body={"reorderPoint": 1}, headers={"If-Match": given})
    assert answer.status == status


async def test_a_stale_version_is_412(face: Face) -> None:
    face.stock.answers["update"] = StaleVersion()
    answer = await face.ask("PUT", f"/api/v1/inventory/{ROW}", body={"reorderPoint": 1}, headers={"If-Match": '"1"'})
    assert (answer.status, answer.code) == (412, "stale_version")


async def test_an_expected_version_goes_with_put_and_delete_only(face: Face) -> None:
    assert (await face.post("/api/v1/reservations", RESERVE, headers={"If-Match": "nonsense"})).status == 201
