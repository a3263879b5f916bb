"""Dead letters that are larger than Kafka takes, because they came compressed, or nearly so."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from runtime.kafka import AIOKafkaProducer, ConsumerRecord, start
from tests.workers.streams import reading
from tests.workers.test_bridge_parsing import record
from tests.workers.waiting import WAIT_SECONDS_MAX, scalar, until
from tests.workers.world import World
from workers.bridge_dead_letters import DeadLetters

TOO_MANY = 1_500_000
"""More bytes than one request of our producers may have."""


@pytest.fixture
async def compressing(world: World) -> AsyncIterator[AIOKafkaProducer]:
    """Another service's producer: what it writes is small on the wire, whatever it is in memory."""
    producer = AIOKafkaProducer(
        bootstrap_servers=list(world.settings.kafka_brokers), compression_type="gzip", max_request_size=8_388_608
    )
    await start(producer)
    yield producer
    await producer.stop()


async def test_a_record_too_large_for_a_dead_letter_leaves_its_place_and_size_and_the_partition_goes_on(
    world: World, compressing: AIOKafkaProducer
) -> None:
    topic, key = world.settings.kafka_topic_order_events, world.tag.encode()
    sent = await compressing.send_and_wait(topic, b"x" * TOO_MANY, key=key, headers=[("mine", b"yes")])
    async with reading(world.settings, f"{topic}.dlq") as dead_letters:
        (letter,) = await dead_letters.matching(1, lambda letter: letter.key == key)
    headers = dict(letter.headers)
    assert (letter.value, headers["mine"], headers["dlq_reason"]) == (b"", b"yes", b"not_json")
    assert (headers["dlq_cut"], headers["dlq_value_bytes"]) == (b"value", str(TOO_MANY).encode())
    place = headers["dlq_topic"], headers["dlq_partition"], headers["dlq_offset"]
    assert place == (topic.encode(), str(sent.partition).encode(), str(sent.offset).encode())

    async def is_dead() -> bool:
        query = """select exists (select from inbox where topic = :topic and partition = :partition
                                                     and "offset" = :offset and status = 'DEAD')"""
        place = {"topic": topic, "partition": sent.partition, "offset": sent.offset}
        return bool(await scalar(world.database, query, **place))

    await until(is_dead)  # what the lane does next, once the letter is sent


async def test_the_body_of_an_event_too_large_for_a_dead_letter_stays_in_the_inbox(
    world: World, compressing: AIOKafkaProducer
) -> None:
    topic, body = world.settings.kafka_topic_product_events, doomed(world, note="x" * TOO_MANY)
    value = json.dumps(body).encode()
    headers = [("ce_type", b"product.created"), ("ce_id", body["eventId"].encode())]
    await compressing.send_and_wait(topic, value, key=b"k", headers=headers)
    letter = await letter_about(world, body)
    told = dict(letter.headers)
    assert (letter.key, letter.value, told["dlq_reason"]) == (b"k", b"", b"unknown_warehouse")
    assert (told["dlq_cut"], told["dlq_value_bytes"]) == (b"value", str(len(value)).encode())
    await world.settled("DEAD", "p-1")
    kept = "select length(body ->> 'note') from inbox where event_id = :id"
    assert await scalar(world.database, kept, id=body["eventId"]) == TOO_MANY


async def test_letters_beyond_ascii_are_no_larger_in_a_dead_letter_than_they_came(world: World) -> None:
    topic, body = world.settings.kafka_topic_product_events, doomed(world, note="щ" * 400_000)
    value = json.dumps(body, ensure_ascii=False).encode()
    await world.publish(topic, value, key="k", headers={"ce_type": "product.created", "ce_id": body["eventId"]})
    letter = await letter_about(world, body)
    assert letter.value == value
    assert "dlq_cut" not in dict(letter.headers)


async def test_of_a_record_whose_key_and_headers_are_too_large_only_the_reason_is_sent(world: World) -> None:
    huge = record(b"{", raw_headers=[("mine", b"x" * TOO_MANY)], key=b"k" * TOO_MANY)
    huge.topic = world.settings.kafka_topic_order_events
    dead_letters = DeadLetters(world.settings)
    await dead_letters.send_record(huge, world.tag, "no detail")
    await dead_letters.close()
    async with reading(world.settings, f"{huge.topic}.dlq") as letters:
        (letter,) = await letters.matching(1, lambda it: dict(it.headers)["dlq_reason"] == world.tag.encode())
    headers = dict(letter.headers)
    assert (letter.key, letter.value, headers["dlq_cut"]) == (None, b"", b"value, key, headers")
    assert (headers["dlq_partition"], headers["dlq_offset"], headers["dlq_value_bytes"]) == (b"3", b"7", b"1")


def doomed(world: World, **more: Any) -> dict[str, Any]:
    """A product for warehouses that nobody knows."""
    named = {"eventId": world.name("p-1"), "productId": str(uuid4()), "sku": "NEW-9", "warehouses": ["NOWHERE"]}
    return {**named, **more}


async def letter_about(world: World, body: dict[str, Any]) -> ConsumerRecord[bytes, bytes]:
    """The dead letter of the event, once it is there."""
    about, topic = body["eventId"].encode(), f"{world.settings.kafka_topic_product_events}.dlq"
    async with reading(world.settings, topic) as letters:
        (letter,) = await letters.matching(1, lambda letter: dict(letter.headers).get("ce_id") == about)
    return letter


async def test_dead_letters_are_not_numbered_so_that_a_refused_one_leaves_no_gap(world: World) -> None:
    """Apache Kafka would refuse all that follows; the embedded broker knows no numbers, so none may be asked for."""
    settings = world.settings.model_copy(update={"kafka_enable_idempotence": True})
    dead_letters, letter = DeadLetters(settings), record(b"{", key=world.tag.encode())
    letter.topic = settings.kafka_topic_order_events
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        await dead_letters.send_record(letter, "not_json", "no detail")
    await dead_letters.close()
    async with reading(settings, f"{letter.topic}.dlq") as letters:
        await letters.matching(1, lambda it: it.key == letter.key)
