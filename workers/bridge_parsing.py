"""A Kafka record as an event of ours: its type, its identity, its body, each from wherever the sender put it.

Either an Arrival that its schema has passed, or Malformed saying why not. Anything whatever may stand in a record, so
nothing here may fail in another way. Knows no state.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from domain.contracts.events import TYPE_HEADER, Arrival
from domain.events import Consumed
from domain.limits import HOLD_SECONDS_MAX
from runtime.kafka import ConsumerRecord
from workers.event_schemas import problem_with

IDENTITY_CHARACTERS_MAX = 200

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_STRUCTURED = "application/cloudevents"
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]|(?<!\\)(?:\\\\)*\\u0000")
"""What JSON can say and Postgres cannot keep: NUL (itself or escaped), and halves of surrogate pairs."""


class Malformed(Exception):
    """The record is no event that we could ever act on. `reason` is a stable code, the message is for people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class _Envelope:
    """The attributes of an event, their names in lower case, and its body."""

    attributes: Mapping[str, str]
    body: Mapping[str, Any]


def parse(record: ConsumerRecord, *, hold_seconds_max: int = HOLD_SECONDS_MAX) -> Arrival:
    """The event in a record. Raises Malformed, and nothing else."""
    envelope = _opened(record)
    event_type = _type_of(envelope)
    problem = problem_with(event_type, envelope.body)
    if problem:
        raise Malformed("invalid_body", problem)
    if event_type is Consumed.ORDER_CREATED and (envelope.body.get("holdSeconds") or 0) > hold_seconds_max:
        raise Malformed("invalid_body", f"/holdSeconds: the longest hold is {hold_seconds_max} seconds")
    return Arrival(
        source=_bounded(envelope.attributes.get("source") or record.topic[:IDENTITY_CHARACTERS_MAX]),
        event_id=_bounded(envelope.attributes.get("id") or envelope.body.get("eventId") or record_identity(record)),
        type=event_type,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        body=envelope.body,
        occurred_at=_occurred_at(record, envelope),
        key=_latin(record.key) if record.key is not None else None,
        headers=tuple((_latin(name.encode()), _latin(value or b"")) for name, value in record.headers),
        traceparent=_traceparent(envelope.attributes.get("traceparent")),
    )


def record_identity(record: ConsumerRecord) -> str:
    """What stands for the `eventId` of an event without one: its place in Kafka.

    The time of the record is part of it, because a broker that forgot everything counts from 0 again.
    """
    return f"{record.topic[:120]}/{record.partition}/{record.offset}@{record.timestamp}"


def _opened(record: ConsumerRecord) -> _Envelope:
    """Tell CloudEvents' structured mode from its binary mode and from plain headers."""
    headers = {name.lower(): _text(value) for name, value in record.headers}
    content = _json(record.value)
    if not isinstance(content, dict):
        raise Malformed("not_an_object", "the body is not a JSON object")
    if headers.get("content-type", "").lower().startswith(_STRUCTURED):
        return _structured(content)
    attributes = {name[3:]: value for name, value in headers.items() if name.startswith("ce_")}
    if "type" not in attributes and TYPE_HEADER.lower() in headers:
        attributes["type"] = headers[TYPE_HEADER.lower()]
    if "traceparent" in headers:
        attributes["traceparent"] = headers["traceparent"]
    if "type" not in attributes and "specversion" in content:
        return _structured(content)
    return _Envelope(attributes, content)


def _structured(content: Mapping[str, Any]) -> _Envelope:
    body = content.get("data")
    if not isinstance(body, dict):
        raise Malformed("not_an_object", "the data of the CloudEvent is not a JSON object")
    attributes = {name.lower(): value for name, value in content.items() if isinstance(value, str)}
    return _Envelope(attributes, body)


def _type_of(envelope: _Envelope) -> Consumed:
    named = envelope.attributes.get("type") or envelope.body.get("eventType") or envelope.body.get("type")
    if not isinstance(named, str) or not named.strip():
        raise Malformed("no_type", "the event names no type")
    try:
        return Consumed(named.strip().lower())
    except ValueError:
        raise Malformed("unknown_type", f"{named[:100]!r} is not a type that is consumed here") from None


def _json(value: bytes | None) -> Any:
    try:
        text = (value or b"").decode("utf-8-sig")
        content = json.loads(text, parse_constant=_refuse_constant)
        plain = json.dumps(content, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise Malformed("not_json", f"the body is not JSON: {error}"[:300]) from None
    if _UNSTORABLE.search(plain):
        raise Malformed("not_text", "the body holds characters that no text has (NUL, half a surrogate pair)")
    return content


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _bounded(identity: str) -> str:
    if len(identity) > IDENTITY_CHARACTERS_MAX:
        raise Malformed("invalid_identity", f"source and event id have at most {IDENTITY_CHARACTERS_MAX} characters")
    return identity


def _occurred_at(record: ConsumerRecord, envelope: _Envelope) -> datetime:
    told = envelope.body.get("timestamp") or envelope.attributes.get("time")
    try:
        occurred_at = datetime.fromisoformat(str(told))
    except ValueError:
        occurred_at = _written_at(record)
    return occurred_at if occurred_at.tzinfo else occurred_at.replace(tzinfo=UTC)


def _written_at(record: ConsumerRecord) -> datetime:
    try:
        return datetime.fromtimestamp((record.timestamp or 0) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.now(UTC)


def _traceparent(value: str | None) -> str | None:
    return value if value and _TRACEPARENT.fullmatch(value) else None


def _text(value: bytes | None) -> str:
    return _UNSTORABLE.sub("", (value or b"").decode("utf-8", "replace"))


def _latin(value: bytes) -> str:
    """Any bytes as characters that a database keeps; NUL, which it does not, is dropped."""
    return value.decode("latin-1").replace("\x00", "")
