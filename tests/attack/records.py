"""Kafka records of any kind: garbage that must change nothing, and events whose bodies are nearly right.

Good orders follow on every partition; that they are served shows that nothing before them stopped the bridge.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from domain.events import Consumed
from runtime.kafka import ensure_topics, make_producer, start
from runtime.settings import Settings
from tests.attack.findings import Findings
from tests.attack.state import State
from tests.attack.target import Known, Target
from workers.topics import PARTITIONS, all_topics

PATIENCE_SECONDS = 45.0
LOOK_EVERY_SECONDS = 0.1
LOOKS_ALIKE = 25
"""Nobody tells when the last reservation of the last event is written: half a second without any is enough."""

Headers = list[tuple[str, bytes]]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
HEADER_NAMES = ("ce_id", "ce_source", "ce_time", "content-type", "traceparent", "ce_type", "eventType", "x")
BYTES = st.binary(max_size=40) | st.sampled_from([b"\x00", b"", b"\xff\xfe", b"9" * 5_000, b"application/cloudevents"])
TEXTS = st.text(max_size=30) | st.sampled_from(
    ["", "\x00", "x" * 300, "' or 1=1 --", "${jndi:x}", "2026-13-01T00:00:00Z"]
)


@dataclass(frozen=True, slots=True)
class Sent:
    """One record on its way."""

    value: bytes
    headers: Headers
    key: bytes | None


def garbage() -> st.SearchStrategy[Sent]:
    """Records that name no event of ours, whatever else they say."""
    value = st.binary(max_size=80) | JSON.map(_as_bytes) | st.sampled_from([b"[" * 100_000, b'{"a":' * 50_000, b"\x00"])
    headers = st.lists(st.tuples(st.sampled_from(HEADER_NAMES[:5]), BYTES), max_size=6)
    return st.builds(Sent, value.filter(_names_no_type), headers, st.none() | st.binary(max_size=20))


def nearly_right(known: Known) -> st.SearchStrategy[Sent]:
    """Events of every type, each field right, of another type, or missing."""
    ids = st.sampled_from(sorted({value for values in known.values.values() for value in values} | {str(uuid.uuid4())}))
    quantity = st.integers(-1, 5) | st.sampled_from([10**30, 1.5, 2**63]) | JSON
    line = st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("sku", "inventoryId", "productId"), ids | JSON) | {"quantity": quantity}
    )
    fields = dict.fromkeys(("orderId", "eventId", "productId", "sku", "timestamp", "region"), ids | TEXTS | JSON)
    more = {
        "items": st.lists(line | JSON, max_size=4) | JSON,
        "holdSeconds": quantity,
        "destination": JSON,
        "warehouses": st.lists(JSON, max_size=3) | JSON,
        "variants": JSON,
    }
    body = st.fixed_dictionaries({}, optional=fields | more).map(_as_bytes)
    named = st.sampled_from([kind.value.encode() for kind in Consumed])
    extra = st.lists(st.tuples(st.sampled_from(HEADER_NAMES[:5]), BYTES), max_size=3)
    return st.builds(lambda value, kind, headers: Sent(value, [("ce_type", kind), *headers], None), body, named, extra)


class Records:
    """A producer's side of the bridge's topics, and the inbox behind it."""

    def __init__(self, target: Target, findings: Findings, state: State, known: Known) -> None:
        self._settings = target.settings
        self._findings = findings
        self._state = state
        self._known = known

    def everything(self, *, times: int, number: int) -> None:
        """Garbage, nearly right events, and good ones after them."""
        begin = self._inbox("status = 'DEAD'")
        thrown = collected(garbage(), times, number)
        asyncio.run(_publish(self._settings, thrown, self._settings.kafka_topic_order_events))
        if self._wait(lambda: self._inbox("status = 'DEAD'") >= begin + len(thrown)):
            self._state.judge("events: garbage", refused=True)
        else:
            buried = self._inbox("status = 'DEAD'") - begin
            self._findings.blame("events: garbage", f"{len(thrown)} sent, {buried} buried")
        self._findings.answers["events: garbage", "sent"] += len(thrown)
        for topic in (self._settings.kafka_topic_order_events, self._settings.kafka_topic_product_events):
            wild = collected(nearly_right(self._known), times, number)
            asyncio.run(_publish(self._settings, wild, topic))
            self._findings.answers["events: nearly right", "sent"] += len(wild)
        self._good_ones()

    def _good_ones(self) -> None:
        """One order for each partition, of an SKU that nobody has: its refusal is the answer that is waited for."""
        tag = uuid.uuid4().hex[:12]
        line = {"sku": f"NOBODY-{tag}", "quantity": 1}
        orders = [_as_bytes({"orderId": f"{tag}-{at}", "items": [line]}) for at in range(PARTITIONS)]
        sent = [
            Sent(order, [("ce_type", b"order.created"), ("ce_id", uuid.uuid4().hex.encode())], None) for order in orders
        ]
        asyncio.run(_publish(self._settings, sent, self._settings.kafka_topic_order_events, each_partition=True))
        done = f"order_id like '{tag}-%' and status in ('DELIVERED', 'DEAD')"
        if not self._wait(lambda: self._inbox(done) == PARTITIONS):
            self._findings.blame("events: good ones", f"{self._inbox(done)} of {PARTITIONS} settled behind bad ones")
        self._findings.answers["events: good ones", "settled"] += self._inbox(done)
        self._state.settle(LOOKS_ALIKE)

    def _inbox(self, condition: str) -> int:
        return self._state.count("inbox", condition)

    def _wait(self, is_done: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_done():
            if time.monotonic() > deadline:
                return False
            time.sleep(LOOK_EVERY_SECONDS)
        return True


def collected(strategy: st.SearchStrategy[Sent], times: int, number: int) -> list[Sent]:
    """So many examples of a strategy, always the same ones for a number."""
    found: list[Sent] = []

    @seed(number)
    @settings(
        max_examples=times,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(one: Sent) -> None:
        found.append(one)

    collect()
    return found


async def _publish(settings_: Settings, sent: list[Sent], topic: str, *, each_partition: bool = False) -> None:
    await ensure_topics(settings_, all_topics(settings_))
    producer = make_producer(settings_)
    await start(producer)
    try:
        for at, one in enumerate(sent):
            partition = at % PARTITIONS if each_partition or one.key is None else None
            await producer.send(topic, one.value, key=one.key, headers=one.headers, partition=partition)
        await producer.flush()
    finally:
        await producer.stop()


def _as_bytes(content: Any) -> bytes:
    return json.dumps(content).encode()


def _names_no_type(value: bytes) -> bool:
    return b"ype" not in value
