"""Records and events that can never work, onto `<topic>.dlq` with the reason in their headers; durable, then answered.

A dead letter keeps its key, its headers and its content, so that it can be sent again as it is once the cause is gone.
One that is too large for Kafka (a record can come compressed) goes without its value, and says so: whole, the record
stays at the place that the letter names, and an event's body in the inbox.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from domain.contracts.events import DEAD_LETTER_SUFFIX, Arrival
from runtime.kafka import (
    AIOKafkaProducer,
    ConsumerRecord,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    ensure_topics,
    make_producer,
    start,
    stop,
)
from runtime.logs import get_logger
from runtime.settings import Settings
from workers.topics import all_topics

RETRY_SECONDS = 0.5
CONNECT_PATIENCE_SECONDS = 10.0
DETAIL_CHARACTERS_MAX = 500

Headers = Sequence[tuple[str, bytes]]

_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
"""What our own producer says, and a broker: neither changes its mind."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Letter:
    """One dead letter: what was received, and `why` it is dead. `topic` is where it came from."""

    topic: str
    key: bytes | None
    value: bytes
    headers: Headers
    why: Headers

    def forms(self) -> Iterator[tuple[bytes | None, bytes, Headers]]:
        """Key, value and headers to send: whole, else without the value, else the reason alone."""
        yield self.key, self.value, [*self.headers, *self.why]
        size = ("dlq_value_bytes", str(len(self.value)).encode())
        yield self.key, b"", [*self.headers, *self.why, ("dlq_cut", b"value"), size]
        yield None, b"", [*self.why, ("dlq_cut", b"value, key, headers"), size]


class DeadLetters:
    """A producer of its own, connected when it is first needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()

    async def send_record(self, record: ConsumerRecord, reason: str, detail: str) -> None:
        """A record that could not be read. Returns once it is durable, however long that takes."""
        why = _why(record.topic, record.partition, record.offset, reason, detail)
        headers = [(name, value or b"") for name, value in record.headers]
        await self._insist(_Letter(record.topic, record.key, record.value or b"", headers, why))

    async def send_event(self, arrival: Arrival, reason: str, detail: str) -> None:
        """An event that was read. Returns once it is durable, however long that takes."""
        why = _why(arrival.topic, arrival.partition, arrival.offset, reason, detail)
        key = arrival.key.encode("latin-1") if arrival.key is not None else None
        value = json.dumps(arrival.body, ensure_ascii=False).encode()
        await self._insist(_Letter(arrival.topic, key, value, _binary_mode(arrival), why))

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await stop(producer)

    async def _insist(self, letter: _Letter) -> None:
        while True:
            try:
                await _send(await self._connected(), letter)
            except (KafkaError, OSError) as error:
                _log.warning("dead_letter_waits", topic=letter.topic, error=repr(error))
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    async def _connected(self) -> AIOKafkaProducer:
        """The embedded broker forgets topics when it restarts, and acknowledges what is then written to them: they are
        ensured before each try. Dead letters are rare.

        No idempotence: a record that the broker refuses would leave a gap in the numbers, and what follows be refused.
        """
        async with self._connecting:
            await ensure_topics(self._settings, all_topics(self._settings), patience_seconds=CONNECT_PATIENCE_SECONDS)
            if self._producer is None:
                producer = make_producer(self._settings.model_copy(update={"kafka_enable_idempotence": False}))
                await start(producer, patience_seconds=CONNECT_PATIENCE_SECONDS)
                self._producer = producer
            return self._producer


async def _send(producer: AIOKafkaProducer, letter: _Letter) -> None:
    """Send as much of a letter as Kafka takes. Raises KafkaError, OSError."""
    refusal: KafkaError | None = None
    for key, value, headers in letter.forms():
        try:
            await producer.send_and_wait(f"{letter.topic}{DEAD_LETTER_SUFFIX}", value, key=key, headers=list(headers))
        except _TOO_LARGE as error:
            refusal = error
            _log.warning("dead_letter_too_large", topic=letter.topic, value_bytes=len(letter.value), error=str(error))
        else:
            return
    assert refusal is not None
    raise refusal


def _why(topic: str, partition: int, offset: int, reason: str, detail: str) -> Headers:
    told = {
        "dlq_reason": reason,
        "dlq_detail": detail[:DETAIL_CHARACTERS_MAX],
        "dlq_topic": topic,
        "dlq_partition": str(partition),
        "dlq_offset": str(offset),
    }
    return [(name, value.encode("utf-8", "replace")) for name, value in told.items()]


def _binary_mode(arrival: Arrival) -> Headers:
    """The record's own headers; an event that came in structured mode is named in them now."""
    headers = [(name.encode("latin-1").decode(), value.encode("latin-1")) for name, value in arrival.headers]
    content_type = dict(arrival.headers).get("content-type", "")
    names_itself = {name.lower() for name, _ in headers} & {"ce_type", "eventtype"}
    if not content_type.startswith("application/cloudevents") and (
        names_itself or {"eventType", "type"} & arrival.body.keys()
    ):
        return headers
    attributes = {"specversion": "1.0", "id": arrival.event_id, "source": arrival.source, "type": arrival.type.value}
    kept = [(name, value) for name, value in headers if name.lower() != "content-type"]
    named = [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
    return [*kept, *named, ("content-type", b"application/json")]
