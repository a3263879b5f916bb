"""Drafting a purchase order, and what later steps write of its lines; the steps are in activities/."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy import insert, text, update

from db import audit, incoming, operations, stock, supplier_items, suppliers, tables, warehouses
from db.audit import NewEntry
from db.engine import WriteSession
from db.locks import lock_stock, lock_warehouse
from db.operations import Advance, News
from db.purchase_order_rows import facts_of, get
from domain.contracts.reservations import Source
from domain.errors import AlreadyExists, FieldProblem, UnknownItem
from domain.events import Produced
from domain.ids import Actor
from domain.operations import OperationKind, Step, Wake
from domain.purchase_orders import (
    NewPurchaseOrder,
    PurchaseOrder,
    PurchaseOrderLine,
    PurchaseOrderStatus,
    check_expected_at,
    priced_lines,
)
from domain.suppliers import Supplier

DRAFT = "draft"
"""The first step in an order's audit trail; the id of its decision is the order's own."""

_TAKE_IN = text("""
    update purchase_order_lines l
    set quantity_received = l.quantity_received + t.quantity,
        quantity_outstanding = greatest(l.quantity - l.quantity_received - t.quantity, 0)
    from unnest(cast(:skus as text[]), cast(:quantities as integer[])) as t (sku, quantity)
    where l.purchase_order_id = :id and l.sku = t.sku
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An order that somebody asks for, or a run of the Restock workflow. The id makes it idempotent."""

    purchase_order_id: UUID
    new: NewPurchaseOrder
    actor: Actor
    source: Source
    restock_run: str | None = None
    traceparent: str | None = None


async def draft(session: WriteSession, asked: Draft) -> PurchaseOrder:
    """Write an order with its lines, once; a repeat answers it as it is now. Drafts for one warehouse take turns.

    Raises UnknownItem, Unprocessable, and AlreadyExists when the id belongs to another order.
    """
    new = asked.new
    await lock_warehouse(session, new.warehouse_id)
    made = await get(session, asked.purchase_order_id)
    if made is None:
        supplier = await _supplier_in_use(session, new)
        sold = await supplier_items.of_supplier(session, new.supplier_id, {line.sku for line in new.lines})
        await _write(session, asked, supplier, priced_lines(new.lines, sold))
        made = await get(session, asked.purchase_order_id)
        assert made is not None, "it was written a moment ago"
        await audit.record(session, [_entry(asked, made)])
        await operations.tell(session, [_news(asked, made)])
        await _note_coming(session, made)
    if (made.supplier_id, made.warehouse_id) != (new.supplier_id, new.warehouse_id):
        raise AlreadyExists("this id belongs to another purchase order")
    return made


async def take_in(session: WriteSession, purchase_order_id: UUID, taken: Mapping[str, int]) -> None:
    """Count what arrived on the lines of a locked order: pieces by SKU."""
    values = {"id": purchase_order_id, "skus": list(taken), "quantities": list(taken.values())}
    await session.execute(_TAKE_IN, values)


async def expect_no_more(session: WriteSession, order: PurchaseOrder) -> None:
    """Whatever a locked order has not brought is not on order any more."""
    lines = tables.purchase_order_lines
    ended = update(lines).where(lines.c.purchase_order_id == order.purchase_order_id).values(quantity_outstanding=0)
    await session.execute(ended)
    await _note_coming(session, order)


async def _note_coming(session: WriteSession, order: PurchaseOrder) -> None:
    """Rows show what is on order for them."""
    ids = await stock.ids_by_place(session, [(line.sku, order.warehouse_id) for line in order.lines])
    await lock_stock(session, ids.values())
    await incoming.note(session, ids.values())


async def _supplier_in_use(session: WriteSession, new: NewPurchaseOrder) -> Supplier:
    """Whom an order goes to; both ends of it must be in use. Raises UnknownItem naming what is not."""
    supplier = await suppliers.get(session, new.supplier_id)
    warehouse = await warehouses.get(session, new.warehouse_id)
    problems = [
        FieldProblem(f"/{noun}Id", f"no {noun} has this id" if found is None else f"this {noun} is not in use")
        for noun, found in (("supplier", supplier), ("warehouse", warehouse))
        if found is None or not found.is_active
    ]
    if supplier is None or problems:
        raise UnknownItem(fields=problems)
    return supplier


async def _write(session: WriteSession, asked: Draft, supplier: Supplier, lines: Sequence[PurchaseOrderLine]) -> None:
    new, now = asked.new, await operations.now(session)
    check_expected_at(new.expected_at, now)
    columns = {
        "supplier_id": new.supplier_id,
        "warehouse_id": new.warehouse_id,
        "currency": supplier.currency,
        "reference": new.reference,
        "restock_run": asked.restock_run,
        "expected_at": new.expected_at,
    }
    to = Advance(
        status=PurchaseOrderStatus.DRAFT,
        event=Produced.PURCHASE_ORDER_DRAFTED,
        columns=columns,
        wake=Wake(new.expected_at, Step.LATE) if new.expected_at else None,
    )
    await operations.open_rows(session, tables.purchase_orders, [(asked.purchase_order_id, asked.actor, to)], at=now)
    values = [
        {"purchase_order_id": asked.purchase_order_id, "position": at, **asdict(line)} for at, line in enumerate(lines)
    ]
    await session.execute(insert(tables.purchase_order_lines), values)


def _entry(asked: Draft, made: PurchaseOrder) -> NewEntry:
    return NewEntry(
        subject_kind=OperationKind.PURCHASE_ORDER,
        subject_id=made.purchase_order_id,
        decision_id=str(made.purchase_order_id),
        step=DRAFT,
        source=asked.source,
        actor=asked.actor,
        reason="",
        status_before=None,
        status_after=made.status.value,
        details={"lines": [{"sku": line.sku, "quantity": line.quantity} for line in made.lines]},
    )


def _news(asked: Draft, made: PurchaseOrder) -> News:
    return News(
        type=Produced.PURCHASE_ORDER_DRAFTED,
        operation_id=made.purchase_order_id,
        sequence=made.version,
        data=facts_of(made),
        traceparent=asked.traceparent,
    )
