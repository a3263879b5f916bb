"""Orders, payments and products as events: what other services send, and what they hear."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.rpc.generated.inventory.v1 import inventory_pb2 as pb
from runtime.kafka import AIOKafkaConsumer, AIOKafkaProducer, make_consumer, make_producer, start
from tests.acceptance.customer import Customer, kafka_settings, made, new_order, until
from tests.acceptance.up import Up


class DeadLetters:
    """What lies on the dead-letter topics: value and headers."""

    def __init__(self) -> None:
        self.letters: list[tuple[bytes, dict[str, bytes]]] = []

    async def listen(self, consumer: AIOKafkaConsumer) -> None:
        async for record in consumer:
            self.letters.append((record.value, dict(record.headers)))

    async def about(self, words: bytes) -> dict[str, bytes]:
        """The headers of the letter with `words` in it, once it is there."""

        async def look() -> dict[str, bytes]:
            return next((headers for value, headers in self.letters if words in value), {})

        return await until(look)


@pytest.fixture
async def dead_letters(up: Up) -> AsyncIterator[DeadLetters]:
    settings = kafka_settings(up.facts())
    topics = [f"{settings.kafka_topic_order_events}.dlq", f"{settings.kafka_topic_product_events}.dlq"]
    consumer = make_consumer(settings, topics, group_id=f"tests-{uuid.uuid4().hex}")
    await start(consumer)
    found = DeadLetters()
    listening = asyncio.create_task(found.listen(consumer))
    yield found
    listening.cancel()
    await asyncio.wait({listening})
    await consumer.stop()


@pytest.fixture
async def producer(up: Up) -> AsyncIterator[AIOKafkaProducer]:
    connected = make_producer(kafka_settings(up.facts()))
    await start(connected)
    yield connected
    await connected.stop()


async def status_of(customer: Customer, order_id: str) -> list[str]:
    return sorted(it["status"] for it in (await customer.rest.get(f"/reservations/order/{order_id}")).body["items"])


async def test_an_order_is_held_paid_for_and_sold(customer: Customer) -> None:
    item, order_id = await customer.stock(10), new_order()
    await customer.order(item, order_id, 2)
    reserved = await customer.news.until(order_id, "inventory.reserved")
    assert [(it["sku"], it["quantity"]) for it in reserved.body["lines"]] == [(item.sku, 2)]
    assert await customer.level(item) == (10, 2, 8)
    await customer.news.send("payment.successful", order_id)
    await customer.news.until(order_id, "inventory.committed")
    assert await customer.level(item) == (8, 0, 8)


async def test_a_failed_payment_frees_the_stock(customer: Customer) -> None:
    item, order_id = await customer.stock(10), new_order()
    await customer.order(item, order_id, 2)
    await customer.news.until(order_id, "inventory.reserved")
    await customer.news.send("payment.failed", order_id, reason="card declined")
    released = await customer.news.until(order_id, "inventory.released")
    assert released.body["reason"] == "payment_failed"
    assert await customer.level(item) == (10, 0, 10)


@pytest.mark.parametrize("is_paid", [False, True])
async def test_a_cancelled_order_frees_or_brings_back_its_stock(customer: Customer, is_paid: bool) -> None:
    item, order_id = await customer.stock(10), new_order()
    await customer.order(item, order_id, 2)
    if is_paid:
        await customer.news.send("payment.successful", order_id)
        await customer.news.until(order_id, "inventory.committed")
    await customer.news.send("order.cancelled", order_id)
    released = await customer.news.until(order_id, "inventory.released")
    assert released.body["reason"] == "order_cancelled"
    assert await customer.level(item) == (10, 0, 10)
    ledger = (await customer.rest.get(f"/inventory/{item.inventory_id}/movements", reference=order_id)).body["items"]
    assert [it["type"] for it in ledger] == (["RETURN", "OUTBOUND"] if is_paid else [])


async def test_a_part_of_a_sale_comes_back_and_the_cancelled_order_brings_the_rest(customer: Customer) -> None:
    item, order_id = await customer.stock(10), new_order()
    held = await customer.hold(item, 4, order_id=order_id)
    path = f"/reservations/{held['reservationId']}"
    await customer.rest.post(f"{path}/commit", {})
    damaged = {"lines": [{"sku": item.sku, "quantity": 1, "condition": "damaged"}], "reason": "torn"}
    first = await made(customer.rest.post(f"{path}/return", damaged))
    one_more = pb.ReturnReservationRequest(reservation_id=held["reservationId"], return_id=str(uuid.uuid4()))
    one_more.lines.add(sku=item.sku, quantity=1)
    assert await customer.call("ReturnReservation", one_more) == await customer.call("ReturnReservation", one_more)
    returned = await customer.news.until(order_id, "inventory.returned")
    assert (returned.body["returnId"], returned.body["isComplete"]) == (first["returnId"], False)
    assert [(it["quantity"], it["condition"]) for it in returned.body["lines"]] == [(1, "damaged")]
    assert await customer.level(item) == (7, 0, 7)
    await customer.news.send("order.cancelled", order_id)
    released = await customer.news.until(order_id, "inventory.released")
    assert [it["quantity"] for it in released.body["lines"]] == [2]
    assert await customer.level(item) == (9, 0, 9)
    returns = (await customer.rest.get(f"{path}/returns")).body["items"]
    assert [it["isComplete"] for it in returns] == [False, False, True]


async def test_events_that_are_delivered_twice_take_effect_once(customer: Customer) -> None:
    item, order_id = await customer.stock(10), new_order()
    lines = [{"sku": item.sku, "quantity": 1}]
    for _ in range(3):
        await customer.news.send("order.created", order_id, event_id=f"created-{order_id}", items=lines)
    for _ in range(3):
        await customer.news.send("payment.successful", order_id, event_id=f"paid-{order_id}")
    await customer.news.send("order.created", f"{order_id}-last", items=lines)
    await customer.news.until(order_id, "inventory.committed")
    await customer.news.until(f"{order_id}-last", "inventory.reserved")
    assert await status_of(customer, order_id) == ["COMMITTED"]
    assert await customer.level(item) == (9, 1, 8)


async def test_a_payment_that_overtakes_its_order_waits_for_it(customer: Customer) -> None:
    item, order_id = await customer.stock(10), new_order()
    await customer.news.send("payment.successful", order_id)
    await customer.order(item, order_id)
    await customer.news.until(order_id, "inventory.committed")
    assert await customer.level(item) == (9, 0, 9)


async def test_an_order_that_the_checkout_holds_already_is_not_held_again(customer: Customer) -> None:
    item, order_id = await customer.stock(10), new_order()
    held = await customer.hold(item, 2, order_id=order_id)
    await customer.order(item, order_id, 2)
    await customer.news.send("payment.successful", order_id)
    committed = await customer.news.until(order_id, "inventory.committed")
    assert committed.body["reservationId"] == held["reservationId"]
    assert await customer.level(item) == (8, 0, 8)


async def test_an_order_beyond_the_stock_is_rejected_with_its_shortage(customer: Customer) -> None:
    item, order_id = await customer.stock(3), new_order()
    await customer.order(item, order_id, 4)
    rejected = await customer.news.until(order_id, "inventory.reservation_rejected")
    assert rejected.body["shortages"] == [{"sku": item.sku, "requested": 4, "available": 3}]
    assert await status_of(customer, order_id) == ["REJECTED"]


async def test_a_hold_expires_by_itself_and_its_payment_is_refused_as_news(customer: Customer) -> None:
    item, order_id = await customer.stock(5), new_order()
    await customer.order(item, order_id, 5, holdSeconds=1)
    released = await customer.news.until(order_id, "inventory.released")
    assert released.body["reason"] == "expired"
    assert await customer.level(item) == (5, 0, 5)
    await customer.news.send("payment.successful", order_id)
    refused = await customer.news.until(order_id, "inventory.commit_refused")
    assert refused.body["reason"] == "expired"
    assert await customer.level(item) == (5, 0, 5)


async def test_stock_that_falls_low_and_runs_out_is_news_once(customer: Customer) -> None:
    item = await customer.stock(5, reorderPoint=2)
    for _ in range(5):
        await customer.hold(item)

    def told(event_type: str) -> list[dict[str, Any]]:
        return [it.body for it in customer.news.distinct(event_type) if it.body["sku"] == item.sku]

    await customer.news.wait_for(lambda: bool(told("inventory.out_of_stock")))
    assert [(it["currentStock"], it["reorderPoint"]) for it in told("inventory.low_stock")] == [(2, 2)]
    changes = sorted(told("inventory.stock_updated"), key=lambda body: int(body["sequence"]))
    assert [(it["oldStock"], it["newStock"]) for it in changes] == [(0, 5), (5, 4), (4, 3), (3, 2), (2, 1), (1, 0)]


async def test_a_new_product_gets_empty_shelves_and_a_deleted_one_loses_them(
    up: Up, customer: Customer, producer: AIOKafkaProducer
) -> None:
    place = await customer.stock(0)
    product_id, sku = str(uuid.uuid4()), f"NEW-{uuid.uuid4().hex[:8]}"
    code = (await customer.rest.get(f"/warehouses/{place.warehouse_id}")).body["code"]
    topic = kafka_settings(up.facts()).kafka_topic_product_events

    async def tell(event_type: str, **body: Any) -> None:
        value = {"eventId": str(uuid.uuid4()), "eventType": event_type, "productId": product_id, **body}
        await producer.send_and_wait(topic, json.dumps(value).encode(), key=product_id.encode())

    async def rows() -> list[dict[str, Any]]:
        return list((await customer.rest.get(f"/inventory/product/{product_id}")).body["items"])

    await tell("product.created", sku=sku, warehouses=[code], reorderPoint=4)
    (row,) = await until(rows)
    assert (row["sku"], row["quantityTotal"], row["reorderPoint"]) == (sku, 0, 4)
    await tell("product.deleted")

    async def gone() -> bool:
        return not await rows()

    assert await until(gone)


async def test_what_can_never_work_becomes_a_dead_letter_and_the_rest_goes_on(
    up: Up, customer: Customer, producer: AIOKafkaProducer, dead_letters: DeadLetters
) -> None:
    item, order_id, mark = await customer.stock(5), new_order(), uuid.uuid4().hex
    topic = kafka_settings(up.facts()).kafka_topic_order_events
    for value, headers in (
        (f"not json {mark}-1".encode(), [("ce_type", b"order.created")]),
        (json.dumps({"orderId": order_id, "items": [], "mark": f"{mark}-2"}).encode(), [("ce_type", b"order.created")]),
        (json.dumps({"orderId": order_id, "mark": f"{mark}-3"}).encode(), [("ce_type", b"order.exploded")]),
    ):
        await producer.send_and_wait(topic, value, key=order_id.encode(), headers=headers)
    await customer.order(item, order_id)
    await customer.news.until(order_id, "inventory.reserved")
    for number in (1, 2, 3):
        why = await dead_letters.about(f"{mark}-{number}".encode())
        assert why["dlq_reason"]
        assert why["dlq_topic"] == topic.encode()
