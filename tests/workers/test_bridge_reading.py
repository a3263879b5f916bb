"""Poison, other shapes of events, other orders in the same partition: through a bridge that runs."""

from __future__ import annotations

import asyncio
import itertools
from uuid import uuid4

import pytest

from db import inbox
from db.engine import WriteSession
from domain.contracts.events import Arrival
from domain.contracts.reservations import HoldRequest
from runtime.kafka import AIOKafkaConsumer, TopicPartition, start
from tests.workers.streams import reading
from tests.workers.waiting import rows, scalar, until
from tests.workers.world import World
from workers.event_schemas import problem_with

_tags = itertools.count(1)


async def test_a_poisoned_record_goes_to_the_dead_letters_and_the_partition_goes_on(world: World) -> None:
    topic = world.settings.kafka_topic_order_events
    async with reading(world.settings, f"{topic}.dlq") as dead_letters:
        await world.publish(topic, b"\xff{", key=world.tag, headers={"eventType": "order.created", "mine": "yes"})
        await world.created("o-1", "e-1")
        (record,) = await dead_letters.matching(1, lambda record: record.key == world.tag.encode())
        await world.delivered("e-1")
    headers = dict(record.headers)
    assert (record.value, headers["mine"]) == (b"\xff{", b"yes")
    assert (headers["dlq_reason"], headers["dlq_topic"]) == (b"not_json", topic.encode())

    async def kept_as() -> str | None:
        query = "select status from inbox where source = :topic and type = 'unknown'"
        return await scalar(world.database, query, topic=topic)  # type: ignore[no-any-return]

    assert await until(kept_as) == "DEAD"  # the letter is sent before the row is written


async def test_an_error_that_nobody_expected_makes_one_event_dead_and_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_ = world.workflows.start

    async def stumble(request: HoldRequest) -> None:
        if request.order_id == world.name("bad"):
            raise ZeroDivisionError
        await start_(request)

    monkeypatch.setattr(world.workflows, "start", stumble)
    await world.created("bad", "bad")
    await world.created("good", "good")
    await world.settled("DEAD", "bad")
    await world.delivered("good")


async def test_an_event_that_the_database_cannot_keep_is_a_dead_letter(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = inbox.receive

    async def refuse(session: WriteSession, arrival: Arrival, **more: float) -> inbox.Reception:
        if arrival.event_id == world.name("odd"):
            raise inbox.Unstorable("untranslatable character")
        return await receive(session, arrival, **more)

    monkeypatch.setattr(inbox, "receive", refuse)
    async with reading(world.settings, f"{world.settings.kafka_topic_order_events}.dlq") as dead_letters:
        await world.created("o-1", "odd")
        await world.created("o-1", "even")
        (record,) = await dead_letters.matching(1, lambda record: record.key == world.name("o-1").encode())
        await world.delivered("even")
    assert dict(record.headers)["dlq_reason"] == b"unstorable"


async def test_events_in_structured_mode_are_understood(world: World) -> None:
    event = {
        "specversion": "1.0",
        "id": world.name("ce-1"),
        "source": "/orders",
        "type": "order.created",
        "data": {"orderId": world.name("o-1"), "items": [{"sku": world.sku, "quantity": 1}]},
    }
    await world.publish(
        world.settings.kafka_topic_order_events, event, headers={"content-type": "application/cloudevents+json"}
    )
    await world.delivered("ce-1")
    assert (
        await scalar(world.database, "select source from inbox where event_id = :id", id=world.name("ce-1"))
        == "/orders"
    )
    assert await world.statuses("o-1") == ["PENDING"]


async def test_one_slow_order_does_not_hold_up_the_others_of_its_partition(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = asyncio.Event()
    start_ = world.workflows.start

    async def slowly(request: HoldRequest) -> None:
        if request.order_id == world.name("slow"):
            await released.wait()
        await start_(request)

    monkeypatch.setattr(world.workflows, "start", slowly)
    topic = world.settings.kafka_topic_order_events
    places = []
    for order in ("slow", "quick"):
        name = world.name(order)
        body = {"eventId": name, "orderId": name, "items": [{"sku": world.sku, "quantity": 1}]}
        places.append(await world.publish(topic, body, key=world.tag, headers={"eventType": "order.created"}))
    slow, quick = places
    assert slow.topic_partition == quick.topic_partition
    await world.delivered("quick")
    assert (await committed(world, slow.topic_partition)) <= slow.offset
    released.set()
    await world.delivered("slow")

    async def is_committed() -> bool:
        return await committed(world, quick.topic_partition) == quick.offset + 1

    await until(is_committed)


async def committed(world: World, partition: TopicPartition) -> int:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=list(world.settings.kafka_brokers),
        group_id=world.settings.kafka_group_id,
        enable_auto_commit=False,
    )
    await start(consumer)
    try:
        return await consumer.committed(partition) or 0
    finally:
        await consumer.stop()


async def test_every_event_the_bridge_brings_about_is_as_its_schema_says(world: World) -> None:
    await world.created("o-1", "e-1", quantity=10)
    await world.order("o-1", "payment.successful", "e-2")
    await world.order("o-1", "order.cancelled", "e-3")
    await world.created("o-2", "e-4", quantity=50)
    await world.order("o-2", "payment.successful", "e-5")
    await world.delivered("e-1", "e-2", "e-3", "e-4", "e-5")
    envelope = {"eventId": str(uuid4()), "timestamp": "2026-01-01T00:00:00Z"}
    found = await rows(
        world.database, "select type, sequence, data from outbox where key like :mine", mine=f"%{world.tag}%"
    )
    problems = {row.type: problem_with(row.type, {**envelope, "sequence": row.sequence, **row.data}) for row in found}
    assert problems == dict.fromkeys(
        [
            "inventory.stock_updated",
            "inventory.low_stock",
            "inventory.out_of_stock",
            "inventory.alert_resolved",
            "inventory.reserved",
            "inventory.committed",
            "inventory.released",
            "inventory.reservation_rejected",
            "inventory.commit_refused",
        ]
    )
