from __future__ import annotations

import asyncio

import pytest

from runtime.kafka import KafkaError, TopicPartition, ensure_topics, make_consumer, make_producer, start
from runtime.settings import Settings, load_settings


def settings_for(broker: str, group: str = "test") -> Settings:
    return load_settings(app_env="test", kafka_brokers=broker, kafka_group_id=group)


async def test_topics_are_made_once_with_the_partitions_asked_for(kafka_broker: str) -> None:
    settings = settings_for(kafka_broker)
    await asyncio.gather(*(ensure_topics(settings, {"made.once": 3, "made.too": 1}) for _ in range(3)))
    await ensure_topics(settings, {"made.once": 5})
    producer = make_producer(settings)
    await start(producer)
    try:
        assert await producer.partitions_for("made.once") == {0, 1, 2}
    finally:
        await producer.stop()


async def test_offsets_move_only_when_we_commit_them(kafka_broker: str) -> None:
    settings = settings_for(kafka_broker, group="redelivery")
    await ensure_topics(settings, {"redelivered": 1})
    await send(settings, "redelivered", [b"first", b"second"])
    partition = TopicPartition("redelivered", 0)
    consumer = make_consumer(settings, ["redelivered"])
    await start(consumer)
    try:
        first, second = [await asyncio.wait_for(consumer.getone(), 10) for _ in range(2)]
        assert await consumer.committed(partition) is None
        await consumer.commit({partition: first.offset + 1})
        await consumer.seek_to_committed(partition)
        again = await asyncio.wait_for(consumer.getone(), 10)
        assert (first.value, again.value, again.offset) == (b"first", b"second", second.offset)
    finally:
        await consumer.stop()


async def test_headers_and_keys_arrive_as_they_were_sent(kafka_broker: str) -> None:
    settings = settings_for(kafka_broker, group="headers")
    await ensure_topics(settings, {"with.headers": 1})
    producer = make_producer(settings)
    await start(producer)
    await producer.send_and_wait("with.headers", b"{}", key=b"SKU-1", headers=[("ce_id", b"e-1")])
    await producer.stop()
    consumer = make_consumer(settings, ["with.headers"], group_id="other")
    await start(consumer)
    record = await asyncio.wait_for(consumer.getone(), 10)
    await consumer.stop()
    assert (record.key, record.value, list(record.headers)) == (b"SKU-1", b"{}", [("ce_id", b"e-1")])


async def test_a_broker_that_does_not_answer_is_given_up_after_a_while(free_port: int) -> None:
    producer = make_producer(settings_for(f"127.0.0.1:{free_port}"))
    with pytest.raises(KafkaError, match="bootstrap"):
        await start(producer, patience_seconds=0.3)


async def test_topics_cannot_be_made_without_a_broker(free_port: int) -> None:
    with pytest.raises(KafkaError):
        await ensure_topics(settings_for(f"127.0.0.1:{free_port}"), {"a": 1}, patience_seconds=0.3)


async def send(settings: Settings, topic: str, values: list[bytes]) -> None:
    producer = make_producer(settings)
    await start(producer)
    for value in values:
        await producer.send_and_wait(topic, value)
    await producer.stop()
