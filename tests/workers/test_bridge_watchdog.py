from __future__ import annotations

import pytest

from runtime.kafka import KafkaConnectionError, TopicPartition
from workers import bridge_watchdog
from workers.bridge_watchdog import Stuck, Watchdog

ONE = TopicPartition("order.events", 0)


class Consumer:
    """A consumer as the watchdog sees it."""

    def __init__(self) -> None:
        self.position_now, self.end, self.answers = 3, 3, True
        self.assigned, self.paused_now = {ONE}, set[TopicPartition]()

    def assignment(self) -> set[TopicPartition]:
        return self.assigned

    def paused(self) -> set[TopicPartition]:
        return self.paused_now

    async def position(self, partition: TopicPartition) -> int:
        return self.position_now

    async def end_offsets(self, partitions: set[TopicPartition]) -> dict[TopicPartition, int]:
        if not self.answers:
            raise KafkaConnectionError
        return dict.fromkeys(partitions, self.end)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(bridge_watchdog, "time", clock)
    return clock


def watch(consumer: Consumer, *, silence_seconds: float = 0.0) -> Watchdog:
    return Watchdog(consumer, silence_seconds=lambda: silence_seconds)


async def test_a_consumer_with_nothing_to_read_is_quiet_not_stuck(clock: Clock) -> None:
    watchdog = watch(Consumer())
    for _ in range(100):
        await watchdog.look()
        clock.now += 2


async def test_a_consumer_that_moves_is_not_stuck_however_far_behind(clock: Clock) -> None:
    consumer = Consumer()
    watchdog = watch(consumer)
    for _ in range(100):
        consumer.position_now += 1
        consumer.end += 100
        await watchdog.look()
        clock.now += 2


async def test_a_consumer_that_stands_still_before_records_is_stuck(clock: Clock) -> None:
    consumer = Consumer()
    watchdog = watch(consumer)
    await watchdog.look()
    consumer.end = 4
    clock.now += 9
    await watchdog.look()
    clock.now += 2
    with pytest.raises(Stuck, match="stands at 3 and ends at 4"):
        await watchdog.look()


async def test_a_paused_consumer_may_stand_still(clock: Clock) -> None:
    consumer = Consumer()
    consumer.end, consumer.paused_now = 4, {ONE}
    watchdog = watch(consumer)
    for _ in range(100):
        await watchdog.look()
        clock.now += 2


async def test_an_end_before_the_position_is_believed_when_it_stays_so(clock: Clock) -> None:
    consumer = Consumer()
    watchdog = watch(consumer)
    consumer.end = 2
    await watchdog.look()
    clock.now += 9
    consumer.end = 3
    await watchdog.look()
    consumer.end = 2
    clock.now += 9
    await watchdog.look()
    clock.now += 2
    with pytest.raises(Stuck, match="stands at 3 and ends at 2"):
        await watchdog.look()


async def test_a_broker_that_was_away_is_met_by_a_new_consumer(clock: Clock) -> None:
    consumer = Consumer()
    watchdog = watch(consumer)
    consumer.answers = False
    await watchdog.look()
    consumer.answers = True
    with pytest.raises(Stuck, match="away"):
        await watchdog.look()


async def test_a_broker_that_never_answers_is_asked_by_a_new_consumer(clock: Clock) -> None:
    consumer = Consumer()
    consumer.answers = False
    watchdog = watch(consumer)
    await watchdog.look()
    clock.now += 29
    await watchdog.look()
    clock.now += 2
    with pytest.raises(Stuck, match="does not answer"):
        await watchdog.look()


async def test_polls_that_do_not_come_back_are_noticed(clock: Clock) -> None:
    await watch(Consumer(), silence_seconds=29).look()
    with pytest.raises(Stuck, match="polls"):
        await watch(Consumer(), silence_seconds=31).look()


async def test_a_consumer_without_partitions_is_given_up_after_a_while(clock: Clock) -> None:
    consumer = Consumer()
    consumer.assigned = set()
    watchdog = watch(consumer)
    clock.now += 29
    await watchdog.look()
    clock.now += 2
    with pytest.raises(Stuck, match="assigned"):
        await watchdog.look()
