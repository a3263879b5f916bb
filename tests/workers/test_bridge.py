"""One bridge that runs all the time, and what each kind of event does through it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from sqlalchemy import text

from db import reservations
from db.engine import Database
from domain.contracts.reservations import HoldRequest
from holdfast.stack.embedded import Stack
from runtime.kafka import AIOKafkaConsumer, TopicPartition, start
from runtime.settings import Settings
from tests.workers.conftest import publishing, reading, rows, running, scalar, until
from tests.workers.fakes import FakeWorkflows
from tests.workers.world import World, put_stock
from workers.event_schemas import problem_with

_tags = itertools.count(1)


@pytest.fixture(scope="module")
async def busy(database: Settings, kafka_server: Stack) -> AsyncIterator[World]:
    names = {f"kafka_topic_{kind}_events": f"{kind}.bridge" for kind in ("inventory", "order", "product")}
    settings = database.model_copy(update={**kafka_server.addresses, **names, "kafka_group_id": "bridge"})
    opened = Database.connect(settings, process="test")
    async with publishing(settings) as publish:
        world = World(settings, opened, FakeWorkflows(opened), publish, "none")
        async with running(world.bridge()):
            yield world
    await opened.close()


@pytest.fixture
async def world(busy: World) -> World:
    """A shelf and ids of its own beside a bridge that all tests share."""
    tag = f"t{next(_tags)}"
    busy.workflows.calls.clear()
    busy.workflows.decisions.clear()
    busy.workflows.asleep = False
    own = World(busy.settings, busy.database, busy.workflows, busy.publish, tag)
    await put_stock(own.database, own.sku)
    return own


async def test_an_order_holds_its_stock(world: World) -> None:
    reservation_id = await world.created("o-1", "e-1", quantity=3)
    await world.delivered("e-1")
    row = await world.database.reading(lambda session: reservations.get(session, reservation_id))
    assert row is not None
    assert (row.order_id, row.status, row.lines[0].quantity) == (world.name("o-1"), "PENDING", 3)
    assert await world.stock() == (10, 3)


async def test_a_payment_sells_a_failed_one_frees_and_a_cancelled_order_returns(world: World) -> None:
    for order in ("sold", "unpaid", "returned"):
        await world.created(order, f"{order}-created")
    await world.order("sold", "payment.successful", "sold-paid")
    await world.order("unpaid", "payment.failed", "unpaid-failed")
    await world.order("returned", "payment.successful", "returned-paid")
    await world.order("returned", "order.cancelled", "returned-cancelled")
    await world.delivered("sold-paid", "unpaid-failed", "returned-cancelled")
    assert await world.statuses("sold") == ["COMMITTED"]
    assert await world.statuses("unpaid") == ["CANCELLED"]
    assert await world.statuses("returned") == ["COMMITTED"]
    assert await world.stock() == (9, 0)
    assert sorted(event["reason"] for event in await world.events("inventory.released")) == [
        "order_cancelled",
        "payment_failed",
    ]


async def test_a_repeated_event_takes_effect_once(world: World) -> None:
    for _ in range(3):
        await world.created("o-1", "e-1", quantity=2)
    for _ in range(3):
        await world.order("o-1", "payment.successful", "e-2")
    await world.created("o-2", "e-3")
    await world.delivered("e-1", "e-2", "e-3")
    assert await world.statuses("o-1") == ["COMMITTED"]
    assert await world.stock() == (8, 1)


async def test_an_order_whose_checkout_holds_stock_keeps_that_reservation(world: World) -> None:
    held = await world.held_by_checkout("o-1", quantity=2)
    own = await world.created("o-1", "e-1", quantity=2)
    await world.order("o-1", "payment.successful", "e-2")
    await world.delivered("e-1", "e-2")
    assert world.workflows.calls == [("commit", held)]
    assert await world.database.reading(lambda session: reservations.get(session, own)) is None
    assert await world.stock() == (8, 0)


async def test_a_decision_reaches_all_live_reservations_of_the_order_by_id(world: World) -> None:
    held = sorted([await world.held_by_checkout("o-1") for _ in range(3)])
    await world.order("o-1", "payment.successful", "e-1")
    await world.delivered("e-1")
    assert world.workflows.calls == [("commit", reservation_id) for reservation_id in held]


async def test_a_clear_shortage_is_refused_without_a_workflow_and_a_redelivery_repeats_it(world: World) -> None:
    reservation_id = await world.created("o-1", "e-1", quantity=11)
    await world.created("o-1", "e-1", quantity=11)
    await world.created("o-2", "e-2")
    await world.delivered("e-1", "e-2")
    assert await world.statuses("o-1") == ["REJECTED"]
    (event,) = await world.events("inventory.reservation_rejected")
    assert event["reservationId"] == str(reservation_id)
    assert event["shortages"] == [{"sku": world.sku, "requested": 11, "available": 10}]
    assert ("start", reservation_id) not in world.workflows.calls


async def test_an_item_nobody_knows_is_a_shortage(world: World) -> None:
    await world.order("o-1", "order.created", "e-1", items=[{"sku": "NONE", "quantity": 2}])
    await world.delivered("e-1")
    (event,) = await world.events("inventory.reservation_rejected")
    assert event["shortages"] == [{"sku": "NONE", "requested": 2, "available": 0}]


async def test_stock_of_overdue_holds_counts_as_free(world: World) -> None:
    await world.held_by_checkout("late", quantity=10)
    await world.pass_deadline("late")
    await world.created("o-1", "e-1", quantity=10)
    await world.delivered("e-1")
    assert await world.statuses("late") == ["EXPIRED"]
    assert await world.statuses("o-1") == ["PENDING"]


async def test_an_order_whose_hold_is_past_its_deadline_gets_a_new_one(world: World) -> None:
    await world.held_by_checkout("o-1", quantity=2)
    await world.pass_deadline("o-1")
    await world.created("o-1", "e-1", quantity=9)
    await world.delivered("e-1")
    assert await world.statuses("o-1") == ["EXPIRED", "PENDING"]


@pytest.mark.parametrize("first", ["payment.successful", "payment.failed", "order.cancelled"])
async def test_a_decision_that_comes_before_its_order_waits_for_it(world: World, first: str) -> None:
    await world.order("o-1", first, "decision")
    await world.settled("WAITING", "decision")
    await world.created("o-2", "other")
    await world.delivered("other")
    await world.created("o-1", "creation")
    await world.delivered("creation", "decision")
    assert await world.statuses("o-1") == ["COMMITTED" if first == "payment.successful" else "CANCELLED"]


async def test_decisions_that_wait_keep_their_order(world: World) -> None:
    await world.order("o-1", "payment.successful", "paid")
    await world.settled("WAITING", "paid")
    await world.order("o-1", "order.cancelled", "cancelled")
    await world.settled("WAITING", "paid", "cancelled")
    await world.created("o-1", "creation")
    await world.delivered("creation", "paid", "cancelled")
    assert [decision.value for decision, _ in world.workflows.decisions] == ["commit"]
    assert await world.stock() == (10, 0)
    assert len(await world.events("inventory.committed")) == 1


async def test_a_decision_reaches_a_workflow_that_has_not_held_anything_yet(world: World) -> None:
    world.workflows.asleep = True
    await world.created("o-1", "created")
    await world.order("o-1", "payment.successful", "paid")
    await world.delivered("created", "paid")
    assert await world.statuses("o-1") == []
    await world.workflows.wake()
    assert await world.statuses("o-1") == ["COMMITTED"]


@pytest.mark.parametrize("ended", ["EXPIRED", "CANCELLED", "REJECTED"])
async def test_a_payment_for_what_is_no_longer_held_is_refused_once(world: World, ended: str) -> None:
    await world.created("o-1", "created", quantity=11 if ended == "REJECTED" else 2)
    await world.delivered("created")
    if ended == "EXPIRED":
        await world.expire("o-1")
    if ended == "CANCELLED":
        await world.order("o-1", "payment.failed", "failed")
    for _ in range(2):
        await world.order("o-1", "payment.successful", "paid")
    await world.created("o-2", "after")
    await world.delivered("paid", "after")
    (refused,) = await world.events("inventory.commit_refused")
    assert refused["status"] == ended
    assert refused["reason"] == ended.lower()
    assert refused["orderId"] == world.name("o-1")


async def test_a_payment_after_the_goods_came_back_is_refused(world: World) -> None:
    await world.created("o-1", "created")
    await world.order("o-1", "payment.successful", "paid")
    await world.order("o-1", "order.cancelled", "cancelled")
    await world.order("o-1", "payment.successful", "paid-again")
    await world.delivered("created", "paid", "cancelled", "paid-again")
    (refused,) = await world.events("inventory.commit_refused")
    assert (refused["status"], refused["reason"]) == ("COMMITTED", "returned")
    assert await world.stock() == (10, 0)


async def test_a_commit_past_the_deadline_is_refused_by_the_workflow(world: World) -> None:
    await world.created("o-1", "created")
    await world.delivered("created")
    await world.pass_deadline("o-1")
    await world.order("o-1", "payment.successful", "paid")
    await world.delivered("paid")
    assert await world.statuses("o-1") == ["EXPIRED"]
    assert len(await world.events("inventory.commit_refused")) == 1


async def test_a_reservation_that_lost_its_workflow_gets_another(world: World) -> None:
    reservation_id = await world.created("o-1", "created")
    await world.delivered("created")
    world.workflows.lose(reservation_id)
    await world.order("o-1", "payment.successful", "paid")
    await world.delivered("paid")
    assert ("adopt", reservation_id) in world.workflows.calls
    assert await world.statuses("o-1") == ["COMMITTED"]


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
    assert (
        await scalar(world.database, "select status from inbox where source = :topic and type = 'unknown'", topic=topic)
        == "DEAD"
    )


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


async def test_a_decision_finds_a_reservation_that_the_checkout_makes_later(world: World) -> None:
    await world.order("o-1", "payment.successful", "paid")
    await world.settled("WAITING", "paid")
    await world.held_by_checkout("o-1")
    await world.delivered("paid")
    assert await world.statuses("o-1") == ["COMMITTED"]


async def test_a_product_gets_rows_without_stock_where_it_is_sold(world: World) -> None:
    async with world.database.write() as session:
        await session.execute(
            text("""
                insert into warehouses (code, name, is_active)
                values ('W2', 'Two', true), ('W3', 'Three', true), ('OFF', 'Closed', false) on conflict do nothing
            """)
        )
    topic, product = world.settings.kafka_topic_product_events, str(uuid4())
    named = {
        "eventId": world.name("p-1"),
        "type": "product.created",
        "productId": product,
        "sku": "NEW-1",
        "warehouses": ["W2", "OFF"],
    }
    everywhere = {
        "eventId": world.name("p-2"),
        "type": "product.created",
        "productId": product,
        "sku": "NEW-2",
        "reorderPoint": 3,
    }
    for body in (named, everywhere, {**named, "eventId": world.name("p-3")}):
        await world.publish(topic, body, key=product)
    await world.delivered("p-1", "p-2", "p-3")
    found = await rows(
        world.database,
        """select sku, code, quantity_total, reorder_point from inventory join warehouses using (warehouse_id)
           where product_id = cast(:product as uuid) order by sku, code""",
        product=product,
    )
    assert [tuple(row) for row in found] == [
        ("NEW-1", "W2", 0, 10),
        ("NEW-2", "W1", 0, 3),
        ("NEW-2", "W2", 0, 3),
        ("NEW-2", "W3", 0, 3),
    ]


async def test_a_product_for_warehouses_that_nobody_knows_is_dead(world: World) -> None:
    body = {"eventId": world.name("p-1"), "productId": str(uuid4()), "sku": "NEW-9", "warehouses": ["NOWHERE"]}
    await world.publish(world.settings.kafka_topic_product_events, body, headers={"ce_type": "product.created"})
    await world.settled("DEAD", "p-1")


async def test_a_deleted_product_leaves_once_nothing_of_it_is_reserved(world: World) -> None:
    product = await scalar(world.database, "select product_id from inventory where sku = :sku", sku=world.sku)
    await world.held_by_checkout("o-1")
    body = {"eventId": world.name("p-1"), "productId": str(product)}
    await world.publish(world.settings.kafka_topic_product_events, body, headers={"ce_type": "product.deleted"})
    await world.settled("WAITING", "p-1")
    await world.order("o-1", "payment.failed", "failed")
    await world.delivered("failed", "p-1")
    assert await scalar(world.database, "select deleted_at is not null from inventory where sku = :sku", sku=world.sku)


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
            "inventory.reserved",
            "inventory.committed",
            "inventory.released",
            "inventory.reservation_rejected",
            "inventory.commit_refused",
        ]
    )
