"""The bridge's world as a test sees it: a shop that publishes, a shelf, and what has become of both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from db import reservations
from db.engine import Database
from domain.contracts.reservations import HoldRequest, Source
from domain.ids import BRIDGE, reservation_id_for_event
from domain.reservations import Item
from runtime.settings import Settings
from tests.workers.fakes import FakeWorkflows
from tests.workers.waiting import rows, until
from workers.bridge import Bridge

Publish = Callable[..., Awaitable[Any]]


@dataclass
class World:
    """A shelf with 10 pieces of one SKU, a bridge in front of it, and a shop that publishes.

    Order and event ids of one world are its own: `tag` stands before each.
    """

    settings: Settings
    database: Database
    workflows: FakeWorkflows
    publish: Publish
    tag: str

    @property
    def sku(self) -> str:
        return f"SKU-{self.tag}"

    def name(self, short: str) -> str:
        return f"{self.tag}.{short}"

    async def order(self, order_id: str, event: str, event_id: str, **body: Any) -> None:
        named = {"eventId": self.name(event_id), "orderId": self.name(order_id), "timestamp": "2026-01-01T00:00:00Z"}
        await self.publish(
            self.settings.kafka_topic_order_events,
            {**named, **body},
            key=self.name(order_id),
            headers={"eventType": event},
        )

    async def created(self, order_id: str, event_id: str, quantity: int = 1, **body: Any) -> UUID:
        items = [{"sku": self.sku, "quantity": quantity}]
        await self.order(order_id, "order.created", event_id, items=items, **body)
        return reservation_id_for_event(self.settings.kafka_topic_order_events, self.name(event_id))

    async def delivered(self, *event_ids: str) -> None:
        await self.settled("DELIVERED", *event_ids)

    async def settled(self, status: str, *event_ids: str) -> None:
        async def all_are() -> bool:
            found = await rows(
                self.database,
                "select event_id from inbox where status = :status and event_id = any (:ids)",
                status=status,
                ids=[self.name(event_id) for event_id in event_ids],
            )
            return len(found) == len(event_ids)

        await until(all_are)

    async def inbox_status(self, event_id: str) -> str:
        (row,) = await rows(self.database, "select status from inbox where event_id = :id", id=self.name(event_id))
        return str(row.status)

    async def statuses(self, order_id: str) -> list[str]:
        found = await rows(
            self.database,
            "select status from reservations where order_id = :id order by reserved_at",
            id=self.name(order_id),
        )
        return [row.status for row in found]

    async def stock(self) -> tuple[int, int]:
        (row,) = await rows(
            self.database, "select quantity_total, quantity_reserved from inventory where sku = :sku", sku=self.sku
        )
        return row.quantity_total, row.quantity_reserved

    async def events(self, type_: str) -> list[dict[str, Any]]:
        found = await rows(
            self.database,
            "select data from outbox where type = :type and key like :mine order by outbox_id",
            type=type_,
            mine=f"%{self.tag}%",
        )
        return [row.data for row in found]

    async def held_by_checkout(self, order_id: str, quantity: int = 1) -> UUID:
        request = HoldRequest(
            reservation_id=uuid4(),
            order_id=self.name(order_id),
            items=[Item(sku=self.sku, quantity=quantity)],
            fingerprint="checkout",
            actor_id=BRIDGE.actor_id,
            actor_name="checkout",
            source=Source.REST,
        )
        await self.workflows.start(request)
        self.workflows.calls.clear()
        return request.reservation_id

    async def pass_deadline(self, order_id: str) -> None:
        async with self.database.write() as session:
            await session.execute(
                text("""
                    update reservations set reserved_at = reserved_at - interval '1 day',
                           expires_at = clock_timestamp() - interval '1 minute' where order_id = :order_id
                """),
                {"order_id": self.name(order_id)},
            )

    async def expire(self, order_id: str) -> None:
        await self.pass_deadline(order_id)
        await self.database.calling(
            lambda session: reservations.expire_overdue(session, grace_seconds=0, batch_rows=100)
        )

    def bridge(self) -> Bridge:
        return Bridge(self.settings, self.database, self.workflows)


async def put_stock(database: Database, sku: str, quantity: int = 10) -> None:
    async with database.write() as session:
        await session.execute(text("insert into warehouses (code, name) values ('W1', 'One') on conflict do nothing"))
        await session.execute(
            text("""
                insert into inventory (product_id, warehouse_id, sku, quantity_total, reorder_point)
                select uuidv7(), warehouse_id, :sku, :quantity, 5 from warehouses where code = 'W1'
            """),
            {"sku": sku, "quantity": quantity},
        )
