"""Warehouses, stock and holds for tests, made through db/ so that the ledger and the events are true."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from db import audit, holding, movements, reservations, returns, stock, warehouses
from db.audit import AuditEntry, Subject
from db.engine import Database, WriteSession
from db.invariants import violations_of
from db.paging import PageRequest
from db.tables import outbox
from domain.contracts.events import produced_body
from domain.contracts.reservations import Decision, HoldRequest, SettleOutcome, SettleRequest
from domain.events import InventoryEvent
from domain.ids import system_actor
from domain.operations import OperationKind
from domain.reservations import Item, Reservation, ReservationStatus, fingerprint
from domain.returns import Condition, ReturnPart, ReturnRequest
from domain.stock import MovementType, NewStockItem, StockItem
from domain.warehouses import NewWarehouse, Warehouse
from workers.event_schemas import problem_with, schema

TESTER = system_actor("tester")

NO_SCHEDULED_RESTOCK = {"RESTOCK_EVERY_SECONDS": str(10**9)}
"""For a process of a test: orders are drafted when the test says so, and not because an hour strikes meanwhile."""


def unique(prefix: str) -> str:
    """A name that no other test has."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}".upper()


async def add_warehouse(database: Database, **fields: Any) -> Warehouse:
    """A warehouse with a code of its own; `fields` of NewWarehouse."""
    code = unique("W")
    new = NewWarehouse(**{"code": code, "name": code, **fields})
    warehouse_id = uuid.uuid4()

    async def work(session: Any) -> Warehouse | None:
        await warehouses.add(session, new, warehouse_id)
        return await warehouses.get(session, warehouse_id)

    made = await database.writing(work)
    assert made is not None
    return made


async def add_stock(
    database: Database,
    quantity: int = 0,
    *,
    warehouse: Warehouse | None = None,
    sku: str | None = None,
    product_id: UUID | None = None,
    inventory_id: UUID | None = None,
    **fields: Any,
) -> StockItem:
    """An inventory row with `quantity` pieces, by default of a new SKU in a new warehouse."""
    place = warehouse or await add_warehouse(database)
    new = NewStockItem(
        sku=sku or unique("SKU"), product_id=product_id or uuid.uuid4(), warehouse_id=place.warehouse_id, **fields
    )
    row_id = inventory_id or uuid.uuid4()

    async def work(session: Any) -> StockItem | None:
        assert await stock.add(session, new, row_id)
        if quantity:
            opening = movements.Change(
                inventory_id=row_id, delta=quantity, type=MovementType.INBOUND, reason="opening stock"
            )
            await movements.apply(session, [opening], TESTER, None)
        return await stock.get(session, row_id)

    made = await database.writing(work)
    assert made is not None
    return made


async def retire(database: Database, item: StockItem) -> None:
    """Take a row out of use."""
    await database.writing(lambda session: stock.retire(session, item.inventory_id))


async def stock_now(database: Database, item: StockItem) -> StockItem:
    """The row as it is now."""
    found = await database.reading(lambda session: stock.get(session, item.inventory_id))
    assert found is not None
    return found


def want(item: StockItem, quantity: int, **fields: Any) -> Item:
    """An item of an order, by SKU."""
    return Item(sku=item.sku, quantity=quantity, **fields)


def hold_request(items: Sequence[Item], *, hold_seconds: int = 900, order_id: str | None = None, **fields: Any) -> Any:
    """A request for a hold. With `hold_seconds` of 0 or less the hold is overdue as soon as it is made."""
    order = order_id or unique("ORDER")
    return HoldRequest(
        **{
            "reservation_id": uuid.uuid4(),
            "order_id": order,
            "items": list(items),
            "fingerprint": fingerprint(order, items, hold_seconds),
            "actor_id": TESTER.actor_id,
            "actor_name": TESTER.name,
            "hold_seconds": hold_seconds,
            **fields,
        }
    )


async def hold(database: Database, *items: Item, **fields: Any) -> Reservation:
    """Hold items; `fields` of `hold_request`."""
    return await holding.hold(database, hold_request(items, **fields))


def settle_request(reservation_id: UUID, decision: Decision = Decision.COMMIT, **fields: Any) -> SettleRequest:
    """One transition of a reservation."""
    return SettleRequest(
        reservation_id=reservation_id,
        decision=decision,
        actor_id=TESTER.actor_id,
        actor_name=TESTER.name,
        **fields,
    )


async def settle(database: Database, reservation: Reservation | UUID, target: ReservationStatus) -> SettleOutcome:
    """Try to bring a reservation to `target`."""
    reservation_id = reservation if isinstance(reservation, UUID) else reservation.reservation_id
    request = settle_request(reservation_id)
    outcome = await database.calling(lambda session: reservations.settle(session, request, target=target))
    assert outcome is not None
    return outcome


async def sell(database: Database, *items: Item, **fields: Any) -> Reservation:
    """A reservation that was sold; `fields` of `hold_request`."""
    held = await hold(database, *items, **fields)
    await settle(database, held, ReservationStatus.COMMITTED)
    return await reservation_now(database, held)


async def return_sold(database: Database, reservation: Reservation) -> SettleOutcome:
    """Bring sold stock back."""
    request = settle_request(reservation.reservation_id)
    outcome = await database.calling(lambda session: reservations.return_sold(session, request))
    assert outcome is not None
    return outcome


async def take_back(
    database: Database, sold: Reservation, pieces: Mapping[UUID, int], condition: Condition = Condition.SELLABLE
) -> None:
    """Bring some pieces back, by inventory row."""
    parts = [ReturnPart(inventory_id, condition, quantity) for inventory_id, quantity in pieces.items()]
    request = ReturnRequest(return_id=uuid.uuid4())
    await database.writing(
        lambda session: returns.add(session, sold.reservation_id, request, parts, actor=TESTER, traceparent=None)
    )


async def reservation_now(database: Database, reservation: Reservation) -> Reservation:
    """The reservation as it is now."""
    found = await database.reading(lambda session: reservations.get(session, reservation.reservation_id))
    assert found is not None
    return found


async def forget_reservations(session: WriteSession, *tables: str) -> None:
    """Empty the reservations with all that belongs to them, the news, and more `tables`, append-only or not."""
    guarded = ("reservation_returns", "reservation_return_lines")
    for table in guarded:
        await session.execute(text(f"alter table {table} disable trigger user"))
    await session.execute(text(f"truncate {', '.join(('reservations', 'outbox', *tables))} cascade"))
    for table in guarded:
        await session.execute(text(f"alter table {table} enable trigger user"))


async def news_of(database: Database, stream_id: UUID) -> list[Any]:
    """The events of an inventory row or a reservation, in order: rows with type, sequence and data."""
    statement = select(outbox).where(outbox.c.stream_id == stream_id).order_by(outbox.c.outbox_id)
    async with database.read() as session:
        return list((await session.execute(statement)).all())


async def audit_of(database: Database, kind: OperationKind, operation_id: UUID) -> Sequence[AuditEntry]:
    """The audit trail of an operation of no more than a page of steps, oldest first."""
    subject = Subject(kind, operation_id)
    page = await database.reading(lambda session: audit.of_subject(session, subject, PageRequest()))
    assert page.next_token is None
    return page.items


async def assert_documented(database: Database, stream_id: UUID) -> None:
    """Every event of a stream is what its JSON Schema says, and says nothing that the schema does not."""
    for row in await news_of(database, stream_id):
        event = InventoryEvent(**{name: getattr(row, name) for name in InventoryEvent.__dataclass_fields__})
        body = json.loads(json.dumps(produced_body(event)))
        assert problem_with(event.type, body) is None
        assert body.keys() <= schema(event.type)["properties"].keys()
        assert body[id_field(event.type)] == str(stream_id)


def id_field(event_type: str) -> str:
    """The field of an event's body that names its stream: the first after what every event carries."""
    fields = schema(event_type)["properties"]
    return str(next(name for name in fields if name not in {"eventId", "timestamp", "sequence"}))


async def ledger_of(database: Database, item: StockItem) -> list[Any]:
    """The ledger of a row, oldest first."""
    statement = text("select * from stock_movements where inventory_id = :id order by sequence")
    async with database.read() as session:
        return list((await session.execute(statement, {"id": item.inventory_id})).all())


async def assert_invariants(database: Database, *, overdue_lag: timedelta = timedelta(days=1)) -> None:
    """Nothing that must always be true is false; overdue holds are none of this test's business by default."""
    assert await violations_of(database, overdue_lag_seconds=overdue_lag.total_seconds()) == []


async def wait_until_blocked(database: Database, sessions: int = 1) -> None:
    """Wait until so many sessions of this database wait for a lock."""
    statement = text(
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    )
    async with database.read() as session:
        while (await session.execute(statement)).scalar_one() < sessions:  # noqa: ASYNC110 - Postgres tells nobody
            await asyncio.sleep(0.005)
