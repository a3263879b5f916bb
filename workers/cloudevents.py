"""CloudEvents 1.0 over Kafka: our events as binary-mode records. Sends nothing.

The attributes travel as `ce_*` headers and the JSON body as the value, as the Kafka protocol binding says. `sequence`
and `partitionkey` are CloudEvents' own extensions; `traceparent` is W3C Trace Context's header.
"""

from __future__ import annotations

from dataclasses import dataclass

from cloudevents.core.bindings import kafka
from cloudevents.core.v1.event import CloudEvent

from domain.contracts.events import EVENT_SOURCE, produced_body
from domain.events import InventoryEvent, Produced

_STOCK_EVENTS = frozenset({Produced.STOCK_UPDATED, Produced.LOW_STOCK, Produced.OUT_OF_STOCK})
_COLLECTIONS = {
    "inventory.alert_": "alerts",
    "inventory.waitlist_": "waitlist",
    "inventory.adjustment_": "adjustments",
    "inventory.transfer_": "transfers",
    "inventory.purchase_order_": "purchase-orders",
}
"""Where the API keeps what events of a noun are about. All others but those of stock tell of a reservation."""


@dataclass(frozen=True, slots=True)
class Record:
    """What goes to Kafka."""

    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    timestamp_ms: int


def to_record(event: InventoryEvent, *, traceparent: str | None = None) -> Record:
    """An event of the outbox as a Kafka record, sent under `traceparent`."""
    attributes = {
        "specversion": "1.0",
        "id": str(event.event_id),
        "source": EVENT_SOURCE,
        "type": event.type,
        "time": event.created_at,
        "subject": _subject(event),
        "datacontenttype": "application/json",
        "sequence": str(event.sequence),
        "partitionkey": event.key,
    }
    message = kafka.to_binary_event(CloudEvent(attributes, produced_body(event)))
    trace = (("traceparent", traceparent.encode()),) if traceparent else ()
    return Record(
        key=event.key.encode(),
        value=message.value,
        headers=(*message.headers.items(), *trace),
        timestamp_ms=int(event.created_at.timestamp() * 1000),
    )


def _subject(event: InventoryEvent) -> str:
    """The resource that changed, as its path under the API."""
    return f"{_collection(event.type)}/{event.stream_id}"


def _collection(event_type: str) -> str:
    if event_type in _STOCK_EVENTS:
        return "inventory"
    found = (collection for prefix, collection in _COLLECTIONS.items() if event_type.startswith(prefix))
    return next(found, "reservations")
