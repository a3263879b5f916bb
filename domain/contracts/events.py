"""What travels over Kafka: how an event names itself, and the bodies we read.

Bodies only grow, and unknown fields are ignored. The JSON Schemas in `schemas/` are the contract in full: one file for
each type, named after it. This module checks nothing; workers/event_schemas.py does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.allocation_terms import Strategy
from domain.destinations import Destination
from domain.distance import Coordinates
from domain.events import Consumed, InventoryEvent
from domain.reservations import Item

EVENT_SOURCE = "/inventory-service"
"""The CloudEvents `source` of everything we produce."""

DEAD_LETTER_SUFFIX = ".dlq"

TYPE_HEADER = "eventType"
"""The header that names the type where CloudEvents are not spoken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One event as it was read, with its identity and its place in Kafka.

    `(source, event_id)` takes effect once. `key` and `headers` are the record's own, to be passed on if it has to be
    dead-lettered; their bytes stand as Latin-1 characters, which any bytes have. `occurred_at` is its own timestamp.
    """

    source: str
    event_id: str
    type: Consumed
    topic: str
    partition: int
    offset: int
    body: Mapping[str, Any]
    occurred_at: datetime
    key: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    traceparent: str | None = None

    @property
    def identity(self) -> tuple[str, str]:
        """What makes a repeat of this event a repeat."""
        return self.source, self.event_id

    @property
    def order_id(self) -> str | None:
        """The order it is about; None for product events."""
        return None if self.type in {Consumed.PRODUCT_CREATED, Consumed.PRODUCT_DELETED} else self.body["orderId"]

    @property
    def lane(self) -> str:
        """Events of one lane take effect one after the other."""
        return f"product {self.body['productId']}" if self.order_id is None else f"order {self.order_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCreated:
    """An order wants stock."""

    order_id: str
    items: tuple[Item, ...]
    hold_seconds: int | None = None
    region: str | None = None
    allow_split: bool = True
    strategy: Strategy = Strategy.BALANCED
    destination: Destination | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductCreated:
    """A product is sold from now on. `warehouses` are ids or codes; none means all."""

    product_id: UUID
    variant_id: UUID | None
    sku: str
    warehouses: tuple[str, ...] = field(default=())
    reorder_point: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductDeleted:
    """A product, one variant or one SKU of it is no longer sold."""

    product_id: UUID
    variant_id: UUID | None = None
    sku: str | None = None


def order_created(body: Mapping[str, Any]) -> OrderCreated:
    """The body of an `order.created` that its schema has passed."""
    return OrderCreated(
        order_id=body["orderId"],
        items=tuple(_item(item) for item in body["items"]),
        hold_seconds=_whole(body.get("holdSeconds")),
        region=body.get("region") or None,
        allow_split=body.get("allowSplit") is not False,
        strategy=Strategy(body.get("strategy") or Strategy.BALANCED),
        destination=_destination(body.get("destination") or {}),
    )


def product_created(body: Mapping[str, Any]) -> ProductCreated:
    """The body of a `product.created` that its schema has passed."""
    return ProductCreated(
        product_id=UUID(body["productId"]),
        variant_id=_uuid(body.get("variantId")),
        sku=body["sku"],
        warehouses=tuple(body.get("warehouses") or ()),
        reorder_point=_whole(body.get("reorderPoint")),
    )


def product_deleted(body: Mapping[str, Any]) -> ProductDeleted:
    """The body of a `product.deleted` that its schema has passed."""
    return ProductDeleted(
        product_id=UUID(body["productId"]), variant_id=_uuid(body.get("variantId")), sku=body.get("sku")
    )


def produced_body(event: InventoryEvent) -> dict[str, Any]:
    """The JSON value of an event of ours: its data, and what every event carries."""
    return {
        "eventId": str(event.event_id),
        "timestamp": event.created_at.isoformat().replace("+00:00", "Z"),
        "sequence": event.sequence,
        **event.data,
    }


def _item(item: Mapping[str, Any]) -> Item:
    """What identifies an item best counts: the inventory row, else the SKU, else product and variant."""
    row = _uuid(item.get("inventoryId"))
    sku = None if row else item.get("sku")
    product = None if row or sku else _uuid(item.get("productId"))
    return Item(
        quantity=int(item["quantity"]),
        inventory_id=row,
        sku=sku,
        product_id=product,
        variant_id=_uuid(item.get("variantId")) if product else None,
        warehouse_id=_uuid(item.get("warehouseId")),
        preferred_warehouse_id=_uuid(item.get("preferredWarehouseId")),
    )


def _destination(body: Mapping[str, Any]) -> Destination | None:
    """What is most exact counts: the point, else the region, else the country. An address alone says nothing here."""
    latitude, longitude = body.get("latitude"), body.get("longitude")
    if latitude is not None and longitude is not None:
        return Destination(point=Coordinates(float(latitude), float(longitude)))
    if body.get("region"):
        return Destination(region=body["region"])
    return Destination(country=body["country"]) if body.get("country") else None


def _uuid(value: str | None) -> UUID | None:
    return UUID(value) if value else None


def _whole(value: float | None) -> int | None:
    """JSON has one kind of number: 60.0 is a whole one too."""
    return None if value is None else int(value)
