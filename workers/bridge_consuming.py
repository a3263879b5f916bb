"""One consumer, from its subscription until it stops or proves stuck: records into lanes, offsets back to the broker.

An offset is committed only when the effect of every record before it is durable, and only until its partition is taken
away: a broker that forgot its groups takes the same member in again, and would take an offset of the log that is no
more for one of its own. A consumer that makes no progress is given up, for the bridge to start another (aiokafka#1037,
#847). What is read again is recognised by the inbox.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Collection
from functools import partial

from runtime.kafka import (
    AIOKafkaConsumer,
    CommitFailedError,
    ConsumerRebalanceListener,
    ConsumerRecord,
    KafkaError,
    TopicPartition,
    ensure_topics,
    make_consumer,
    start,
    stop,
)
from runtime.logs import get_logger
from runtime.settings import Settings
from workers.bridge_handling import Handler
from workers.bridge_parsing import Malformed, parse
from workers.bridge_watchdog import Watchdog
from workers.lanes import Lanes
from workers.offsets import OffsetTracker
from workers.topics import all_topics, consumed_topics

CONNECT_PATIENCE_SECONDS = 30.0
ENSURE_PATIENCE_SECONDS = 3.0
POLL_MS = 200
POLL_RECORDS_MAX = 100
JOBS_MAX = 500
"""More records than this are not taken in; the consumer goes on polling, so that the group keeps it."""

COMMIT_SECONDS = 0.2
FINISH_SECONDS_MAX = 5.0
"""How long a stop waits for what has been begun."""

STOP_SECONDS_MAX = 5.0

_log = get_logger(__name__)


class Consumption(ConsumerRebalanceListener):  # type: ignore[misc]
    """Consume until `stop` is set. Used once."""

    def __init__(self, settings: Settings, lanes: Lanes, handler: Handler) -> None:
        self._settings = settings
        self._lanes = lanes
        self._handler = handler
        self._trackers: dict[TopicPartition, OffsetTracker] = {}
        self._consumer: AIOKafkaConsumer = make_consumer(settings, consumed_topics(settings), self)
        self._is_member = False
        self._committing: asyncio.Task[None] | None = None
        self._polled_at: float | None = None

    @property
    def silence_seconds(self) -> float:
        """How long ago the last poll came back; infinite before the first."""
        return float("inf") if self._polled_at is None else time.monotonic() - self._polled_at

    async def run(self, stop: asyncio.Event) -> None:
        """Raises Stuck, KafkaError or OSError when another consumer is needed."""
        await ensure_topics(self._settings, all_topics(self._settings), patience_seconds=CONNECT_PATIENCE_SECONDS)
        await start(self._consumer, patience_seconds=CONNECT_PATIENCE_SECONDS)
        self._polled_at = time.monotonic()
        watchdog = Watchdog(self._consumer, silence_seconds=lambda: self.silence_seconds)
        works = [self._poll(), self._commit_regularly(), watchdog.watch(), self._lanes.failed(), stop.wait()]
        tasks = [asyncio.create_task(work) for work in works]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._close(finish_seconds=FINISH_SECONDS_MAX if stop.is_set() else 0.0)
        for task in done:
            task.result()

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Begin nothing more of these partitions, and commit nothing: not even what aiokafka would still send again."""
        self._is_member = False
        for partition in revoked:
            if tracker := self._trackers.pop(partition, None):
                tracker.is_ours = False
        if self._committing is not None:
            self._committing.cancel()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Read these partitions from where they were committed.

        A broker that forgot its groups has forgotten its topics too: they are made again before it makes its own.
        """
        _log.info("partitions_assigned", partitions=sorted(f"{it.topic}-{it.partition}" for it in assigned))
        for partition in assigned:
            self._trackers[partition] = OffsetTracker()
        self._is_member = True
        try:
            await ensure_topics(self._settings, all_topics(self._settings), patience_seconds=ENSURE_PATIENCE_SECONDS)
        except (KafkaError, OSError) as error:
            _log.warning("topics_not_ensured", error=repr(error))

    async def _poll(self) -> None:
        while True:
            self._take_breath()
            batches = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=POLL_RECORDS_MAX)
            self._polled_at = time.monotonic()
            for partition, records in batches.items():
                for record in records:
                    self._take(partition, record)

    def _take_breath(self) -> None:
        """Pause while enough is in hand, resume when half of it is done."""
        paused = self._consumer.paused()
        if len(self._lanes) >= JOBS_MAX:
            self._consumer.pause(*(self._consumer.assignment() - paused))
        elif paused and len(self._lanes) <= JOBS_MAX // 2:
            self._consumer.resume(*(paused & self._consumer.assignment()))

    def _take(self, partition: TopicPartition, record: ConsumerRecord) -> None:
        tracker = self._trackers.setdefault(partition, OffsetTracker())
        tracker.take(record.offset)
        try:
            arrival = parse(record, hold_seconds_max=self._settings.reservation_hold_seconds_max)
        except Malformed as malformed:
            work, lane = partial(self._handler.bury, record, malformed), f"malformed {partition}"
        else:
            work, lane = partial(self._handler.handle, arrival), arrival.lane

        async def job() -> None:
            if tracker.is_ours:
                await work()
                tracker.finish(record.offset)

        self._lanes.submit(lane, job)

    async def _commit_regularly(self) -> None:
        while True:
            await asyncio.sleep(COMMIT_SECONDS)
            await self._commit()

    async def _commit(self) -> None:
        """Commit what is done, as long as nobody else may have begun to read."""
        offsets = {
            partition: offset
            for partition, tracker in self._trackers.items()
            if (offset := tracker.to_commit()) is not None
        }
        if not offsets or not self._is_member:
            return
        self._committing = asyncio.create_task(self._consumer.commit(offsets))
        try:
            await asyncio.wait({self._committing})
        finally:
            self._committing.cancel()
        if self._committing.cancelled():
            return
        if error := self._committing.exception():
            self._refused(error)
            return
        for partition, offset in offsets.items():
            if tracker := self._trackers.get(partition):
                tracker.committed(offset)

    def _refused(self, error: BaseException) -> None:
        """Left to the next time, or to whoever has the partitions once the group has been joined again."""
        if not isinstance(error, (KafkaError, OSError)):
            raise error
        _log.warning("commit_refused", error=repr(error))
        if isinstance(error, CommitFailedError):
            self._is_member = False

    async def _close(self, *, finish_seconds: float) -> None:
        """Leave the group; what is in hand goes on in its lanes, and is read again if it is not committed now."""
        try:
            async with asyncio.timeout(finish_seconds + STOP_SECONDS_MAX):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(finish_seconds):
                        await asyncio.gather(*(tracker.finished() for tracker in self._trackers.values()))
                for tracker in self._trackers.values():
                    tracker.is_ours = False
                await self._commit()
                await stop(self._consumer)
        except (KafkaError, OSError, TimeoutError) as error:
            _log.warning("consumer_not_stopped", error=repr(error))
