"""kill −9 of a bridge with an event in its hands: the next one deals with it, and it takes effect once."""

from __future__ import annotations

import uuid

import pytest

from db.engine import Database
from domain.ids import reservation_id_for_event
from runtime.settings import Settings
from tests.chaos.conftest import Processes, killed, workflow_has
from tests.stocking import add_stock, assert_invariants, ledger_of, news_of, stock_now
from tests.workers.streams import publishing
from tests.workers.waiting import rows, until

STATUSES = "select event_id, status from inbox where event_id = any (:ids)"


@pytest.mark.parametrize(("point", "is_started"), [("after_inbox_row", False), ("after_delivery", True)])
async def test_an_event_in_the_hands_of_a_bridge_that_died_takes_effect_once(
    processes: Processes, db: Database, settings: Settings, point: str, is_started: bool
) -> None:
    item, order_id = await add_stock(db, 10), f"order-{uuid.uuid4()}"
    topic, created, paid = settings.kafka_topic_order_events, f"created-{order_id}", f"paid-{order_id}"
    reservation_id = reservation_id_for_event(topic, created)

    async def statuses() -> dict[str, str]:
        return {row.event_id: row.status for row in await rows(db, STATUSES, ids=[created, paid])}

    async def both_delivered() -> bool:
        return await statuses() == {created: "DELIVERED", paid: "DELIVERED"}

    victim = await processes.bridge(f"{point}=kill")
    async with publishing(settings) as publish:
        event = {"eventId": created, "orderId": order_id, "items": [{"sku": item.sku, "quantity": 3}]}
        await publish(topic, event, key=order_id, headers={"eventType": "order.created"})
        await killed(victim)
        assert await statuses() == {created: "RECEIVED"}
        assert await workflow_has(settings, reservation_id, "workflow_execution_started_event_attributes") is is_started
        # In a group of its own: the embedded broker makes one wait 11 seconds when its only member is replaced.
        await processes.bridge(KAFKA_GROUP_ID=f"{settings.kafka_group_id}-{point}")
        event = {"eventId": paid, "orderId": order_id}
        await publish(topic, event, key=order_id, headers={"eventType": "payment.successful"})
        await until(both_delivered)

    async def sold() -> bool:
        return (await stock_now(db, item)).quantity_total == 7

    await until(sold)
    assert (await stock_now(db, item)).quantity_reserved == 0
    assert [line.type for line in await ledger_of(db, item)] == ["INBOUND", "OUTBOUND"]
    assert [news.type for news in await news_of(db, reservation_id)] == ["inventory.reserved", "inventory.committed"]
    await assert_invariants(db)
