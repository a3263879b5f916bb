from __future__ import annotations

import gzip
import io
import json
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Malformed
from gateway.http.reading import parse_json
from runtime.settings import Settings
from tests.gateway.http.face import RESERVE, Face, served

PATH = "/api/v1/reservations"
ITEM = {"sku": "A", "quantity": 1}
JSON = {"Content-Type": "application/json"}
NO_DASHES = "5e8a1d5e000040008000000000000000"


def wish(**changes: object) -> dict[str, object]:
    return {"orderId": "o", "items": [ITEM], **changes}


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"{", "not JSON"),
        (b"", "JSON body"),
        (b"\xff\xfe", "UTF-8"),
        (b'{"orderId": "a", "orderId": "b"}', "twice"),
        (b'{"orderId": "o", "items": [{"sku": "A", "quantity": 1, "quantity": 2}]}', "twice"),
        (b'{"orderId": NaN}', "NaN"),
        (b'{"orderId": -Infinity}', "Infinity"),
        (b'{"orderId": 1e999}', "double"),
        (b'{"orderId": 9223372036854775808}', "64 bits"),
        (b'{"orderId": ' + b"9" * 5000 + b"}", "64 bits"),
        (b'{"orderId": "\\ud800"}', "surrogate"),
        (b"[" * 100_000, "deeply"),
        (b'\xef\xbb\xbf{"orderId": "o"}', "not JSON"),
        (b"{} {}", "not JSON"),
    ],
)
async def test_a_body_that_is_no_good_json_is_malformed(face: Face, raw: bytes, words: str) -> None:
    answer = await face.ask("POST", PATH, data=raw, headers=JSON)
    assert (answer.status, answer.code) == (400, "malformed_request")
    assert words in answer.json["detail"]
    assert face.reservations.asked == []


@pytest.mark.parametrize("raw", [b"[]", b"null", b'"text"', b"1"])
async def test_a_body_is_an_object(face: Face, raw: bytes) -> None:
    answer = await face.ask("POST", PATH, data=raw, headers=JSON)
    assert (answer.status, answer.pointers) == (400, [""])


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (wish(items=[{"sku": "A", "quantity": True}]), "/items/0/quantity"),
        (wish(items=[{"sku": "A", "quantity": 1.0}]), "/items/0/quantity"),
        (wish(items=[{"sku": "A", "quantity": "1"}]), "/items/0/quantity"),
        (wish(items=[{"sku": "A", "quantity": None}]), "/items/0/quantity"),
        (wish(items=[{"sku": "A"}]), "/items/0/quantity"),
        (wish(items=[{"sku": 5, "quantity": 1}]), "/items/0/sku"),
        (wish(items=[{"inventoryId": "nope", "quantity": 1}]), "/items/0/inventoryId"),
        (wish(items={"sku": "A", "quantity": 1}), "/items"),
        (wish(items=["A"]), "/items/0"),
        (wish(orderId=7), "/orderId"),
        (wish(orderId=None), "/orderId"),
        (wish(order_id="o"), "/order_id"),
        (wish(**{"a/b~c": 1}), "/a~1b~0c"),
        (wish(allowSplit="yes"), "/allowSplit"),
        (wish(reservationId="x"), "/reservationId"),
        (wish(holdSeconds=1.5), "/holdSeconds"),
        ({"items": [ITEM]}, "/orderId"),
    ],
)
async def test_a_wrong_type_a_missing_or_an_unknown_field_is_malformed(face: Face, body: object, pointer: str) -> None:
    answer = await face.post(PATH, body)
    assert (answer.status, answer.code, answer.pointers) == (400, "malformed_request", [pointer])
    assert face.reservations.asked == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (wish(items=[]), "/items"),
        (wish(items=[ITEM] * 201), "/items"),
        (wish(items=[{"sku": "A", "quantity": 0}]), "/items/0/quantity"),
        (wish(items=[{"sku": "A", "quantity": -1}]), "/items/0/quantity"),
        (wish(items=[{"sku": "A", "quantity": 1_000_001}]), "/items/0/quantity"),
        (wish(items=[{"sku": "A", "quantity": 2**63 - 1}]), "/items/0/quantity"),
        (wish(items=[{"sku": "", "quantity": 1}]), "/items/0/sku"),
        (wish(items=[{"sku": "x" * 51, "quantity": 1}]), "/items/0/sku"),
        (wish(items=[{"quantity": 1}]), "/items/0"),
        (wish(orderId=""), "/orderId"),
        (wish(orderId="x" * 101), "/orderId"),
        (wish(orderId="a\u0000b"), "/orderId"),
        (wish(holdSeconds=0), "/holdSeconds"),
        (wish(holdSeconds=604_801), "/holdSeconds"),
        (wish(strategy="cheapest"), "/strategy"),
        (wish(destination={}), "/destination"),
        (wish(destination={"latitude": 1}), "/destination"),
        (wish(destination={"latitude": 90.1, "longitude": 0}), "/destination/latitude"),
        (wish(destination={"country": "DE", "region": "eu"}), "/destination"),
        (wish(destination={"country": "a\u0000"}), "/destination/country"),
        (wish(destination={"region": ""}), "/destination/region"),
        (wish(region=""), "/region"),
    ],
)
async def test_a_value_out_of_range_is_unprocessable(face: Face, body: object, pointer: str) -> None:
    answer = await face.post(PATH, body)
    assert (answer.status, answer.code, answer.pointers) == (422, "validation_failed", [pointer])
    assert face.reservations.asked == []


async def test_the_largest_wish_passes(face: Face) -> None:
    items = [{"sku": f"{number:050}", "quantity": 1_000_000} for number in range(200)]
    answer = await face.post(PATH, wish(orderId="ü" * 100, items=items, holdSeconds=604_800))
    assert answer.status == 201


async def test_every_wrong_field_is_told_at_once_and_one_malformed_makes_it_400(face: Face) -> None:
    answer = await face.post(PATH, {"orderId": "", "items": [{"sku": "A", "quantity": 0}], "huh": 1})
    assert answer.status == 400
    assert sorted(answer.pointers) == ["/huh", "/items/0/quantity", "/orderId"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json", "Content-Encoding": "br"},
    ],
)
async def test_only_plain_json_is_read(face: Face, headers: dict[str, str]) -> None:
    answer = await face.ask("POST", PATH, data=json.dumps(RESERVE).encode(), headers=headers)
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


async def test_a_compressed_body_is_not_read(face: Face) -> None:
    headers = {**JSON, "Content-Encoding": "gzip"}
    answer = await face.ask("POST", PATH, data=gzip.compress(json.dumps(RESERVE).encode()), headers=headers)
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


async def test_a_body_at_the_limit_is_read_and_one_past_it_is_not(face: Face) -> None:
    limit = face.services.settings.request_body_bytes_max
    body = json.dumps(RESERVE).encode()
    assert (await face.ask("POST", PATH, data=io.BytesIO(body.ljust(limit)), headers=JSON)).status == 201
    answer = await face.ask("POST", PATH, data=io.BytesIO(body.ljust(limit + 1)), headers=JSON)
    assert (answer.status, answer.code) == (413, "body_too_large")


async def test_a_long_body_without_a_length_is_cut_off_too(face: Face) -> None:
    async def endless() -> object:
        for _ in range(face.services.settings.request_body_bytes_max // 65_536 + 2):
            yield b" " * 65_536

    answer = await face.ask("POST", PATH, data=endless(), headers=JSON)
    assert (answer.status, answer.code) == (413, "body_too_large")


async def test_a_body_that_trickles_is_cut_off() -> None:
    async with served(Settings(app_env="test", request_timeout_seconds=0.2)) as face:
        bearer = face.headers["Authorization"]
        answer = await face.exchange(
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\n"
            "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{".encode()
        )
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"Connection: close" in answer
        assert face.reservations.asked == []


@pytest.mark.parametrize("path", [f"{PATH}/nope", "/api/v1/inventory/123", f"{PATH}/{NO_DASHES}", f"{PATH}/%00"])
async def test_an_id_in_the_path_is_a_uuid(face: Face, path: str) -> None:
    answer = await face.get(path)
    assert (answer.status, answer.code) == (400, "malformed_request")
    assert answer.pointers[0].startswith("/path/")


@pytest.mark.parametrize("path", [f"{PATH}/order/%20", f"{PATH}/order/{'x' * 101}", "/api/v1/inventory/sku/a%00b"])
async def test_a_text_in_the_path_has_its_limits(face: Face, path: str) -> None:
    answer = await face.get(path)
    assert (answer.status, answer.code) == (422, "validation_failed")


@pytest.mark.parametrize(
    ("query", "status", "pointer"),
    [
        ("pageSize=0", 422, "/query/pageSize"),
        ("pageSize=201", 422, "/query/pageSize"),
        ("pageSize=ten", 400, "/query/pageSize"),
        ("pageSize=1.0", 400, "/query/pageSize"),
        ("pageSize=", 400, "/query/pageSize"),
        ("pageSize=1&pageSize=2", 400, "/query/pageSize"),
        ("pageToken=", 422, "/query/pageToken"),
        ("status=OPEN", 422, "/query/status"),
        ("staus=PENDING", 400, "/query/staus"),
        ("orderId=" + "x" * 101, 422, "/query/orderId"),
    ],
)
async def test_a_query_is_read_strictly(face: Face, query: str, status: int, pointer: str) -> None:
    answer = await face.get(f"{PATH}?{query}")
    assert (answer.status, answer.pointers) == (status, [pointer])
    assert face.views.asked == []


@pytest.mark.parametrize("since", ["2026-01-01T00:00:00", "2026-01-01", "0.5", "yesterday", "2026-13-01T00:00:00Z"])
async def test_a_time_has_an_offset(face: Face, since: str) -> None:
    answer = await face.get(f"/api/v1/inventory/{uuid4()}/movements", params={"since": since})
    assert (answer.status, answer.pointers) == (400, ["/query/since"])


async def test_a_route_without_parameters_takes_none(face: Face) -> None:
    assert (await face.get(f"{PATH}/{uuid4()}?verbose=1")).status == 400


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63 - 1)
        | st.text()
        | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_whatever_json_writes_is_read_back(value: object) -> None:
    try:
        raw = json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    assert parse_json(raw) == value


@given(st.binary(max_size=200))
def test_whatever_comes_in_is_read_or_malformed(raw: bytes) -> None:
    try:
        parse_json(raw)
    except Malformed:
        return
