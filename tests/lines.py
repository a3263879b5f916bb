"""Lines of orders that wait, for tests, made through db/ so that the news of them is true."""

from __future__ import annotations

import uuid
from typing import Any
from uuid import UUID

from sqlalchemy import text

from db import waitlist
from db.engine import Database, WriteSession
from db.locks import lock_stock
from db.movements import Change, apply
from domain.reservations import Item
from domain.stock import MovementType, StockItem
from domain.waitlist import InLine, WaitlistStatus, Wish
from tests.stocking import TESTER, unique


async def join(db: Database, sku: str, quantity: int = 1, *, entry_id: UUID | None = None, **fields: Any) -> UUID:
    """Join the line for a SKU; `fields` of Wish, and `warehouse_id`."""
    chosen, warehouse_id = entry_id or uuid.uuid4(), fields.pop("warehouse_id", None)
    wish = Wish(**{"order_id": unique("ORDER"), "item": Item(sku=sku, quantity=quantity), **fields})

    async def work(session: WriteSession) -> None:
        await waitlist.join(
            session,
            chosen,
            wish,
            sku=sku,
            warehouse_id=warehouse_id,
            hold_seconds=wish.hold_seconds or 60,
            actor=TESTER,
            traceparent=None,
        )

    await db.writing(work)
    return chosen


async def look(db: Database, entry_id: UUID) -> InLine:
    found = await db.reading(lambda session: waitlist.get(session, entry_id))
    assert found is not None
    return found


async def statuses(db: Database, *entry_ids: UUID) -> list[WaitlistStatus]:
    return [(await look(db, entry_id)).entry.status for entry_id in entry_ids]


async def receive(db: Database, item: StockItem, quantity: int) -> None:
    async def work(session: WriteSession) -> None:
        await lock_stock(session, [item.inventory_id])
        change = Change(inventory_id=item.inventory_id, delta=quantity, type=MovementType.INBOUND, reason="x")
        await apply(session, [change], TESTER, None)

    await db.writing(work)


async def age(db: Database, *entry_ids: UUID) -> None:
    """Let them have waited long enough."""
    async with db.write() as session:
        await session.execute(
            text("update waitlist_entries set expires_at = now() - interval '1 second' where entry_id = any (:ids)"),
            {"ids": list(entry_ids)},
        )
