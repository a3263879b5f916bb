from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib import resources
from typing import Any
from uuid import uuid4

import pytest
from jsonschema import Draft202012Validator
from sqlalchemy import text

from db import alerts, holding, reservations, returns, waitlist
from db.engine import Database, ReadSession
from db.waitlist_offers import offer_next
from domain.contracts.events import produced_body
from domain.contracts.reservations import Decision, HoldRequest, SettleRequest
from domain.events import Consumed, InventoryEvent, Produced
from domain.ids import BRIDGE
from domain.reservations import Item, ReservationStatus
from domain.returns import Condition, ReturnPart, ReturnRequest
from tests.lines import age, join
from tests.stocking import id_field
from tests.workers.world import put_stock
from workers.event_schemas import problem_with, schema

TYPES = [*Consumed, *Produced]


def test_every_event_has_a_schema_and_every_schema_an_event() -> None:
    files = resources.files("domain.contracts").joinpath("schemas").iterdir()
    assert sorted(file.name for file in files) == sorted(f"{name}.json" for name in TYPES)


@pytest.mark.parametrize("name", TYPES)
def test_a_schema_is_one_and_says_what_each_field_means(name: str) -> None:
    document = schema(name)
    Draft202012Validator.check_schema(document)
    assert document["$id"].endswith(f"/{name}.json")
    assert set(document["required"]) <= set(document["properties"])
    for field in document["properties"].values():
        assert field.get("description") or field.get("items")


def test_a_problem_names_the_place() -> None:
    body = {"orderId": "o-1", "items": [{"sku": "A", "quantity": 1}, {"sku": "B", "quantity": 0}]}
    assert problem_with("order.created", body) == "/items/1/quantity: 0 is less than the minimum of 1"
    assert problem_with("order.created", {**body, "items": body["items"][:1], "surprise": 1}) is None


async def test_what_the_database_writes_is_what_the_schemas_say(db: Database) -> None:
    """Each kind of change made once by its SQL function; every field it writes is documented."""
    await put_stock(db, "SKU-1", quantity=10)
    sold, freed, late = [await held(db, order, 3) for order in ("sold", "freed", "late")]
    await settle(db, sold, ReservationStatus.COMMITTED)
    await settle(db, freed, ReservationStatus.CANCELLED)
    async with db.write() as session:
        await returns.add(
            session,
            sold,
            ReturnRequest(return_id=uuid4()),
            await damaged(session, sold),
            actor=BRIDGE,
            traceparent=None,
        )
        await reservations.return_sold(session, request(sold, Decision.CANCEL))
        await reservations.extend(session, request(late, Decision.EXTEND), lifetime_seconds_max=604_800, extends_max=10)
        await session.execute(
            text(
                "update reservations set reserved_at = '2020-01-01', expires_at = '2020-01-02' where order_id = 'late'"
            )
        )
    await settle(db, late, ReservationStatus.EXPIRED)
    await held(db, "all of it", 9)
    await held(db, "too much", 11)
    async with db.write() as session:
        for alert_id in (
            await session.execute(text("select alert_id from alerts where resolved_at is null"))
        ).scalars():
            await alerts.acknowledge(session, alert_id, BRIDGE, None)
            await alerts.resolve_by_hand(session, alert_id, BRIDGE, "sells out", None)
    await stand_in_line(db)
    async with db.read() as session:
        found = (await session.execute(text("select * from outbox"))).mappings().all()
    problems = {row["type"]: problem_of(row) for row in found}
    told_elsewhere = {
        name
        for name in Produced
        if name.startswith(("inventory.adjustment_", "inventory.purchase_order_", "inventory.transfer_"))
    } | {Produced.COMMIT_REFUSED}
    assert problems == dict.fromkeys(set(Produced) - told_elsewhere)


async def stand_in_line(db: Database) -> None:
    """Each way in which waiting ends."""
    await put_stock(db, "SKU-2", quantity=1)
    _, left, late = [await join(db, "SKU-2", region=region) for region in (None, "nowhere", "nowhere")]
    assert await offer_next(db, "SKU-2")
    async with db.write() as session:
        await waitlist.withdraw(session, [left], None)
    await age(db, late)
    async with db.write() as session:
        await waitlist.expire(session, batch_rows=1)


def problem_of(row: Any) -> str | None:
    event = InventoryEvent(**{name: row[name] for name in InventoryEvent.__dataclass_fields__})
    body = json.loads(json.dumps(produced_body(event)))
    assert body[id_field(row["type"])] == str(event.stream_id)
    undocumented = body.keys() - schema(row["type"])["properties"].keys()
    return problem_with(row["type"], body) or (f"undocumented: {undocumented}" if undocumented else None)


def test_the_envelope_does_not_hide_the_data() -> None:
    event = InventoryEvent(
        outbox_id=1,
        event_id=uuid4(),
        type="inventory.reserved",
        key="o-1",
        stream_id=uuid4(),
        sequence=4,
        data={"orderId": "o-1"},
        traceparent=None,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert produced_body(event) == {
        "eventId": str(event.event_id),
        "timestamp": "2026-01-01T00:00:00Z",
        "sequence": 4,
        "orderId": "o-1",
    }


async def held(db: Database, order_id: str, quantity: int) -> Any:
    row = await holding.hold(
        db,
        HoldRequest(
            reservation_id=uuid4(),
            order_id=order_id,
            items=[Item(sku="SKU-1", quantity=quantity)],
            fingerprint="",
            actor_id=BRIDGE.actor_id,
            actor_name=BRIDGE.name,
            hold_seconds=60,
        ),
    )
    return row.reservation_id


async def damaged(session: ReadSession, reservation_id: Any) -> list[ReturnPart]:
    row = await reservations.get(session, reservation_id)
    assert row is not None
    return [ReturnPart(row.lines[0].inventory_id, Condition.DAMAGED, 1)]


def request(reservation_id: Any, decision: Decision) -> SettleRequest:
    return SettleRequest(
        reservation_id=reservation_id,
        decision=decision,
        actor_id=BRIDGE.actor_id,
        actor_name=BRIDGE.name,
        hold_seconds=120,
        number=1,
    )


async def settle(db: Database, reservation_id: Any, target: ReservationStatus) -> None:
    async with db.write() as session:
        await reservations.settle(session, request(reservation_id, Decision.COMMIT), target=target)
