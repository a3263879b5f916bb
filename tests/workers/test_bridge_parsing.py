from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.allocation_terms import Strategy
from domain.contracts.events import order_created
from domain.destinations import Destination
from domain.distance import Coordinates
from domain.events import Consumed
from runtime.kafka import ConsumerRecord
from workers.bridge_parsing import Malformed, parse

ORDER = {"orderId": "o-1", "items": [{"sku": "SKU-1", "quantity": 2}]}
PRODUCT = {"productId": str(uuid4()), "sku": "SKU-1"}


def record(
    value: Any,
    headers: dict[str, str] | None = None,
    *,
    raw_headers: list[tuple[str, bytes | None]] | None = None,
    key: bytes | None = b"o-1",
    timestamp: int | None = 1_767_225_600_000,
) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord(
        topic="order.events",
        partition=3,
        offset=7,
        timestamp=timestamp,
        timestamp_type=0,
        key=key,
        value=value if isinstance(value, bytes) or value is None else json.dumps(value).encode(),
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        headers=raw_headers or [(name, content.encode()) for name, content in (headers or {}).items()],
    )


@pytest.mark.parametrize(
    "sent",
    [
        record(ORDER, {"ce_type": "order.created"}),
        record(ORDER, {"CE_TYPE": "Order.Created"}),
        record(ORDER, {"eventType": "order.created"}),
        record(ORDER, {"eventtype": " ORDER.CREATED "}),
        record({**ORDER, "eventType": "order.created"}),
        record({**ORDER, "type": "order.created"}),
        record({"specversion": "1.0", "id": "1", "source": "/o", "type": "order.created", "data": ORDER}),
        record(
            {"type": "order.created", "data": ORDER}, {"content-type": "application/cloudevents+json; charset=utf-8"}
        ),
        record(b"\xef\xbb\xbf" + json.dumps({**ORDER, "type": "order.created"}).encode()),
    ],
)
def test_the_type_is_found_wherever_the_sender_put_it(sent: ConsumerRecord[bytes, bytes]) -> None:
    arrival = parse(sent)
    assert (arrival.type, arrival.body["orderId"]) == (Consumed.ORDER_CREATED, "o-1")


def test_the_cloud_events_header_comes_before_the_body() -> None:
    body = {**ORDER, "type": "payment.failed", "eventType": "payment.failed"}
    assert parse(record(body, {"ce_type": "order.created", "eventType": "order.cancelled"})).type == "order.created"


def test_identity_is_source_and_id_of_the_cloud_event() -> None:
    headers = {"ce_type": "order.created", "ce_source": "/orders", "ce_id": "e-9"}
    assert parse(record({**ORDER, "eventId": "other"}, headers)).identity == ("/orders", "e-9")


def test_identity_falls_back_on_the_body_and_then_on_the_place_and_time_in_kafka() -> None:
    headers = {"eventType": "order.created"}
    assert parse(record({**ORDER, "eventId": "e-1"}, headers)).identity == ("order.events", "e-1")
    assert parse(record(ORDER, headers)).identity == ("order.events", "order.events/3/7@1767225600000")
    again = parse(record(ORDER, headers, timestamp=1_767_225_600_001))
    assert again.event_id != parse(record(ORDER, headers)).event_id


def test_the_time_is_the_events_own_or_that_of_its_record() -> None:
    headers = {"eventType": "order.created"}
    own = parse(record({**ORDER, "timestamp": "2026-02-03T04:05:06Z"}, headers))
    assert own.occurred_at == datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert parse(record(ORDER, headers)).occurred_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert parse(record(ORDER, headers, timestamp=10**18)).occurred_at.tzinfo is UTC


def test_a_traceparent_is_taken_when_it_is_one() -> None:
    traceparent = f"00-{'a' * 32}-{'b' * 16}-01"
    assert parse(record(ORDER, {"ce_type": "order.created", "traceparent": traceparent})).traceparent == traceparent
    assert parse(record(ORDER, {"ce_type": "order.created", "traceparent": "x" * 60})).traceparent is None


def test_an_item_is_what_names_it_best() -> None:
    row, product = str(uuid4()), str(uuid4())
    body = {
        "orderId": "o-1",
        "holdSeconds": 60.0,
        "items": [
            {"inventoryId": row, "sku": "A", "productId": product, "quantity": 1},
            {"inventoryId": None, "sku": "A", "productId": product, "quantity": 2.0},
            {"productId": product, "variantId": None, "quantity": 3},
        ],
    }
    created = order_created(parse(record(body, {"ce_type": "order.created"})).body)
    first, second, third = created.items
    assert (str(first.inventory_id), first.sku, first.product_id) == (row, None, None)
    assert (second.sku, second.product_id, second.quantity) == ("A", None, 2)
    assert (str(third.product_id), third.sku, third.variant_id) == (product, None, None)
    assert created.hold_seconds == 60


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"latitude": 53, "longitude": 10.5}, Destination(point=Coordinates(53, 10.5))),
        ({"latitude": 0, "longitude": 0, "country": "DE", "city": "Null"}, Destination(point=Coordinates(0, 0))),
        ({"country": "DE", "zip": "20095"}, Destination(country="DE")),
        ({"country": "DE", "region": "eu-north"}, Destination(region="eu-north")),
        ({"latitude": 53, "longitude": None, "country": ""}, None),
        ({"street": "Jungfernstieg 1"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_a_destination_is_the_most_exact_thing_that_is_said_of_it(said: Any, meant: Destination | None) -> None:
    """The address that an order carries for other systems makes nobody's order undeliverable."""
    body = parse(record(order(destination=said), {"ce_type": "order.created"})).body
    assert order_created(body).destination == meant


def test_an_order_says_how_its_warehouses_are_chosen() -> None:
    warehouse = str(uuid4())
    body = item(preferredWarehouseId=warehouse)
    plain = order_created(parse(record(body, {"ce_type": "order.created"})).body)
    assert (plain.strategy, plain.allow_split, str(plain.items[0].preferred_warehouse_id)) == (
        Strategy.BALANCED,
        True,
        warehouse,
    )
    said = {**ORDER, "strategy": "fewest_shipments", "allowSplit": False}
    chosen = order_created(parse(record(said, {"ce_type": "order.created"})).body)
    assert (chosen.strategy, chosen.allow_split) == (Strategy.FEWEST_SHIPMENTS, False)
    nothing = {**ORDER, "strategy": None, "allowSplit": None}
    assert order_created(parse(record(nothing, {"ce_type": "order.created"})).body) == order_created(ORDER)


def order(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**ORDER, **changes}.items() if value is not ...}


def item(**changes: Any) -> dict[str, Any]:
    return order(items=[{"sku": "SKU-1", "quantity": 2, **changes}])


@pytest.mark.parametrize(
    "body",
    [
        order(orderId=...),
        order(orderId=""),
        order(orderId=17),
        order(orderId="x" * 101),
        order(items=...),
        order(items=[]),
        order(items={}),
        order(items=[{"sku": "SKU-1", "quantity": 1}] * 201),
        order(items=[{"quantity": 1}]),
        order(items=["SKU-1"]),
        item(quantity=0),
        item(quantity=-1),
        item(quantity=1.5),
        item(quantity="2"),
        item(quantity=True),
        item(quantity=1_000_001),
        item(sku=None),
        item(sku=""),
        item(sku="x" * 51),
        item(warehouseId="not a uuid"),
        item(inventoryId="not a uuid"),
        order(holdSeconds=0),
        order(holdSeconds=604_801),
        order(timestamp="yesterday"),
        order(eventId=17),
        order(region="x" * 51),
        order(strategy="cheapest"),
        order(allowSplit="yes"),
        order(destination="Hamburg"),
        order(destination={"latitude": 90.5, "longitude": 0}),
        order(destination={"latitude": "53", "longitude": 0}),
        order(destination={"country": "x" * 101}),
        item(preferredWarehouseId="HEL"),
    ],
)
def test_an_order_that_breaks_the_contract_is_malformed(body: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as refused:
        parse(record(body, {"ce_type": "order.created"}))
    assert refused.value.reason == "invalid_body"


def test_a_hold_longer_than_the_house_allows_is_malformed() -> None:
    with pytest.raises(Malformed, match="holdSeconds"):
        parse(record(order(holdSeconds=61), {"ce_type": "order.created"}), hold_seconds_max=60)


@pytest.mark.parametrize(
    ("value", "headers", "reason"),
    [
        (None, {"ce_type": "order.created"}, "not_json"),
        (b"", {"ce_type": "order.created"}, "not_json"),
        (b"\xff\xfe", {"ce_type": "order.created"}, "not_json"),
        (b"{'a': 1}", {"ce_type": "order.created"}, "not_json"),
        (b'{"a": NaN}', {"ce_type": "order.created"}, "not_json"),
        (b'{"a": 1e999}', {"ce_type": "order.created"}, "not_json"),
        (b'{"a": ' + b"9" * 5000 + b"}", {"ce_type": "order.created"}, "not_json"),
        (b"[" * 100_000, {"ce_type": "order.created"}, "not_json"),
        (b"[]", {"ce_type": "order.created"}, "not_an_object"),
        (b'"order.created"', {}, "not_an_object"),
        (b"null", {}, "not_an_object"),
        (b'{"specversion": "1.0", "type": "order.created", "data": "text"}', {}, "not_an_object"),
        (b'{"orderId": "a\\u0000b"}', {"ce_type": "payment.failed"}, "not_text"),
        (b'{"orderId": "a", "more": {"\\u0000": 1}}', {"ce_type": "payment.failed"}, "not_text"),
        (b'{"orderId": "\\ud800"}', {"ce_type": "payment.failed"}, "not_text"),
        (ORDER, {}, "no_type"),
        ({**ORDER, "type": 5}, {}, "no_type"),
        ({**ORDER, "type": " "}, {}, "no_type"),
        (ORDER, {"ce_type": "order.shipped"}, "unknown_type"),
        (ORDER, {"ce_type": "order.created", "ce_id": "x" * 201}, "invalid_identity"),
        (PRODUCT | {"productId": "7"}, {"ce_type": "product.created"}, "invalid_body"),
        (PRODUCT | {"warehouses": "W1"}, {"ce_type": "product.created"}, "invalid_body"),
        ({"sku": "SKU-1"}, {"ce_type": "product.deleted"}, "invalid_body"),
    ],
)
def test_what_can_never_be_an_event_is_malformed_for_a_reason(value: Any, headers: dict[str, str], reason: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse(record(value, headers))
    assert refused.value.reason == reason


@pytest.mark.parametrize("hold_seconds", [{}, [], "60", True, 10**9])
def test_a_field_that_an_event_does_not_have_is_whatever_it_is(hold_seconds: object) -> None:
    """It stopped every bridge: the field is known of `order.created` only, and was compared in all of them."""
    body = {"orderId": "o-1", "holdSeconds": hold_seconds}
    assert parse(record(body, {"ce_type": "payment.failed"})).order_id == "o-1"


def test_a_backslash_before_u0000_is_text() -> None:
    body = {**ORDER, "note": "\\u0000"}
    assert parse(record(body, {"ce_type": "order.created"})).body["note"] == "\\u0000"


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
_named = st.sampled_from([*Consumed, "order.shipped", "", "\x00"])


@given(
    value=st.binary(max_size=60)
    | _json.map(lambda content: json.dumps(content).encode())
    | st.fixed_dictionaries(
        {"type": _named | _json},
        optional=dict.fromkeys(("orderId", "items", "eventId", "productId", "holdSeconds", "timestamp"), _json)
        | {"orderId": st.text(max_size=5) | _json, "productId": st.uuids().map(str) | _json},
    ).map(lambda content: json.dumps(content).encode()),
    headers=st.lists(
        st.tuples(
            st.sampled_from(["ce_type", "ce_id", "ce_source", "ce_time", "eventType", "content-type", "traceparent"]),
            st.none() | st.binary(max_size=20) | _named.map(str.encode),
        ),
        max_size=4,
    ),
    key=st.none() | st.binary(max_size=10),
    timestamp=st.none() | st.integers(-(2**63), 2**63 - 1),
)
def test_any_record_whatever_is_an_event_or_malformed(
    value: bytes, headers: list[tuple[str, bytes | None]], key: bytes | None, timestamp: int | None
) -> None:
    sent = record(value, key=key, timestamp=timestamp, raw_headers=headers)
    with contextlib.suppress(Malformed):
        arrival = parse(sent)
        assert arrival.lane
        assert "\x00" not in json.dumps([arrival.body, arrival.headers, arrival.identity], ensure_ascii=False)
