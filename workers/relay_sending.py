"""Events into Kafka, keys in parallel, each key in order: one batch per partition in flight, written whole or not.

The order holds without an idempotent producer: the next batch of a partition is handed over only when the last one is
acknowledged, aiokafka keeps one request per partition on the wire, and a batch that it gave up has left its buffer,
so that nothing of a failed try can be appended after what follows. A batch whose acknowledgement was lost is written
twice, in order, with the same event ids.

The embedded broker forgets its topics when it restarts and even acknowledges what is then written to one that is not
there. So topics are ensured before the first write to a partition, and an offset that does not grow tells of a broker
that forgot: what it acknowledged counts as not sent. Reads no outbox and marks nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence

from opentelemetry.trace import SpanKind

from domain.events import InventoryEvent
from runtime.kafka import (
    AIOKafkaProducer,
    DefaultPartitioner,
    KafkaError,
    ensure_topics,
    make_producer,
    start,
    stop,
)
from runtime.logs import get_logger
from runtime.metrics import OUTBOX_EVENTS
from runtime.settings import Settings
from runtime.tracing import continue_trace, current_traceparent
from workers.cloudevents import Record, to_record
from workers.topics import all_topics

CONNECT_PATIENCE_SECONDS = 10.0
BATCH_EVENTS_MAX = 200
"""Together with the producer's max_batch_size the most that one write holds."""

_partition_of = DefaultPartitioner()
_log = get_logger(__name__)


class Sender:
    """A producer that keeps the order of keys. After a failure it has to be connected again."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = settings.kafka_topic_inventory_events
        self._producer: AIOKafkaProducer | None = None
        self._offsets: dict[int, int] = {}

    async def connect(self) -> None:
        """Open a new connection, the old one closed, all topics made if they are gone. Raises KafkaError, OSError."""
        await self.close()
        self._offsets.clear()
        await self._ensure_topics()
        producer = make_producer(self._settings)
        await start(producer, patience_seconds=CONNECT_PATIENCE_SECONDS)
        self._producer = producer

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await stop(producer)

    async def send(self, events: Sequence[InventoryEvent], may_send: Callable[[], bool]) -> tuple[list[int], bool]:
        """Send events in the given order per key; answers the outbox ids that are in Kafka, and whether all are.

        A partition that fails stops there. `may_send` is asked before each batch.
        """
        try:
            by_partition = await self._by_partition(events)
            if by_partition.keys() - self._offsets.keys():
                await self._ensure_topics()
        except (KafkaError, OSError) as error:
            _log.warning("send_failed", error=repr(error))
            return [], False
        sent = await asyncio.gather(*(self._in_order(*part, may_send) for part in by_partition.items()))
        outbox_ids = [outbox_id for part in sent for outbox_id in part]
        return outbox_ids, len(outbox_ids) == len(events)

    async def _ensure_topics(self) -> None:
        await ensure_topics(self._settings, all_topics(self._settings), patience_seconds=CONNECT_PATIENCE_SECONDS)

    async def _by_partition(self, events: Sequence[InventoryEvent]) -> dict[int, list[InventoryEvent]]:
        assert self._producer is not None, "the sender is connected before it sends"
        partitions = sorted(await self._producer.partitions_for(self._topic))
        parts: dict[int, list[InventoryEvent]] = {}
        for event in events:
            parts.setdefault(_partition_of(event.key.encode(), partitions, partitions), []).append(event)
        return parts

    async def _in_order(
        self, partition: int, events: Sequence[InventoryEvent], may_send: Callable[[], bool]
    ) -> list[int]:
        sent: list[int] = []
        try:
            for batch, members in self._batches(events):
                if not may_send():
                    break
                await self._write(batch, partition)
                sent += [event.outbox_id for event in members]
                _count(members)
        except (KafkaError, OSError) as error:
            _log.warning("send_failed", partition=partition, error=repr(error))
        return sent

    async def _write(self, batch: object, partition: int) -> None:
        assert self._producer is not None, "the sender is connected before it sends"
        written = await (await self._producer.send_batch(batch, self._topic, partition=partition))
        if written.offset <= self._offsets.get(partition, -1):
            raise KafkaError(f"the broker has forgotten partition {partition}")
        self._offsets[partition] = written.offset

    def _batches(self, events: Sequence[InventoryEvent]) -> Iterator[tuple[object, list[InventoryEvent]]]:
        """Filled batches with the events in them; each is built when it is asked for."""
        waiting = list(events)
        while waiting:
            batch = self._producer.create_batch()  # type: ignore[union-attr]
            members: list[InventoryEvent] = []
            while waiting and len(members) < BATCH_EVENTS_MAX and _append(batch, waiting[0]):
                members.append(waiting.pop(0))
            batch.close()
            yield batch, members


def _append(batch: object, event: InventoryEvent) -> bool:
    """Put an event into a batch; False when it is full."""
    with continue_trace(event.traceparent, f"send {event.type}", kind=SpanKind.PRODUCER):
        record: Record = to_record(event, traceparent=current_traceparent() or event.traceparent)
    appended = batch.append(  # type: ignore[attr-defined]
        timestamp=record.timestamp_ms, key=record.key, value=record.value, headers=list(record.headers)
    )
    return appended is not None


def _count(events: Sequence[InventoryEvent]) -> None:
    for event in events:
        OUTBOX_EVENTS.labels(type=event.type).inc()
