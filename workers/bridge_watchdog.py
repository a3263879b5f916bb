"""Tells a quiet consumer from a stuck one. Decides only that; the bridge starts another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from runtime.kafka import AIOKafkaConsumer, KafkaError, TopicPartition
from runtime.logs import get_logger

LOOK_SECONDS = 2.0
ANSWER_SECONDS_MAX = 5.0
STANDSTILL_SECONDS_MAX = 10.0
"""The position is not the end, before or behind it, and has not moved for this long."""

SILENCE_SECONDS_MAX = 30.0
"""Polls or answers have not come back, or no partition was assigned, for this long."""

_log = get_logger(__name__)


class Stuck(Exception):
    """This consumer will not go on by itself."""


class Watchdog:
    """Looks at one consumer from beside. `silence_seconds` answers how long ago its last poll came back."""

    def __init__(self, consumer: AIOKafkaConsumer, *, silence_seconds: Callable[[], float]) -> None:
        self._consumer = consumer
        self._silence_seconds = silence_seconds
        self._unreachable_since: float | None = None
        self._assigned_at = time.monotonic()
        self._moved: dict[TopicPartition, tuple[int, float]] = {}

    async def watch(self) -> None:
        """Look every two seconds. Raises Stuck."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look()

    async def look(self) -> None:
        """One look. Raises Stuck."""
        now = time.monotonic()
        if self._silence_seconds() > SILENCE_SECONDS_MAX:
            raise Stuck("polls do not come back")
        partitions = self._consumer.assignment() - self._consumer.paused()
        if partitions or self._consumer.paused():
            self._assigned_at = now
        elif now - self._assigned_at > SILENCE_SECONDS_MAX:
            raise Stuck("no partition was assigned")
        await self._compare(partitions, now)

    async def _compare(self, partitions: set[TopicPartition], now: float) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                positions = {partition: await self._consumer.position(partition) for partition in partitions}
                ends = await self._consumer.end_offsets(partitions) if partitions else {}
        except (KafkaError, OSError, TimeoutError) as error:
            self._bear(error, now)
            return
        if self._unreachable_since is not None:
            raise Stuck("the broker was away: it may have forgotten topics and offsets")
        for partition, position in positions.items():
            self._judge(partition, position, ends[partition], now)

    def _bear(self, error: Exception, now: float) -> None:
        """No answer may come from a broker that is away, or because this consumer believes in other partitions."""
        _log.warning("broker_unreachable", error=repr(error))
        if self._unreachable_since is None:
            self._unreachable_since = now
        elif now - self._unreachable_since > SILENCE_SECONDS_MAX:
            raise Stuck("the broker does not answer about its partitions") from error

    def _judge(self, partition: TopicPartition, position: int, end: int, now: float) -> None:
        """At the end, or moving, is well. An end before the position is for a while only the broker's slow answer."""
        last, since = self._moved.get(partition, (-1, now))
        if position != last or position == end:
            self._moved[partition] = (position, now)
        elif now - since > STANDSTILL_SECONDS_MAX:
            raise Stuck(f"{partition} stands at {position} and ends at {end}")
