"""The pieces that a transfer's steps move: off the source's shelf, onto the target's, or back.

Locks: the caller has the transfer's row; here the rows of both warehouses are taken in one go. Every movement is a
TRANSFER line of the ledger whose reference is the transfer's id.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import uuid4

from sqlalchemy import select, text

from db import incoming, movements, stock
from db.engine import WriteSession
from db.incoming import Place
from db.locks import lock_stock
from db.movements import Change
from db.tables import inventory
from domain.errors import InsufficientStock, Shortage, UnknownItem
from domain.ids import Actor
from domain.stock import MovementType, NewStockItem, StockItem, check_takeable
from domain.transfer_lines import LineChange
from domain.transfers import Transfer

_CHANGE_LINES = text("""
    update transfer_lines l
    set quantity_shipped = l.quantity_shipped + w.shipped,
        quantity_received = l.quantity_received + w.received,
        quantity_lost = l.quantity_lost + w.lost,
        quantity_returned = l.quantity_returned + w.returned,
        from_inventory_id = coalesce(w.left_from, l.from_inventory_id)
    from unnest(cast(:skus as text[]), cast(:shipped as integer[]), cast(:received as integer[]),
                cast(:lost as integer[]), cast(:returned as integer[]), cast(:left_from as uuid[]))
         as w (sku, shipped, received, lost, returned, left_from)
    where l.transfer_id = :transfer_id and l.sku = w.sku
""")


async def move(
    session: WriteSession,
    transfer: Transfer,
    changes: Sequence[LineChange],
    actor: Actor,
    *,
    reason: str,
    traceparent: str | None,
) -> None:
    """Move pieces as a step says, and write what became of each line. The transfer's row is locked by the caller.

    A row that the SKU has not got at the place where pieces arrive is made, with what the source's row says of it.
    Raises UnknownItem when the source has no such row any more, InsufficientStock that lists every short line, and
    Unprocessable when a shelf would hold more than can be counted.
    """
    deltas = _deltas(transfer, changes)
    rows = await _locked_rows(session, transfer, changes, deltas)
    _check_takeable(deltas, rows)
    await movements.apply(
        session,
        [
            Change(
                inventory_id=rows[place].inventory_id,
                delta=delta,
                type=MovementType.TRANSFER,
                reason=reason,
                reference=str(transfer.transfer_id),
            )
            for place, delta in deltas.items()
        ],
        actor,
        traceparent,
    )
    await incoming.note(session, [row.inventory_id for place, row in rows.items() if place not in deltas])
    await _change_lines(session, transfer, changes, rows)


def _deltas(transfer: Transfer, changes: Sequence[LineChange]) -> dict[Place, int]:
    """The signed change of each shelf."""
    source = {(one.line.sku, transfer.from_warehouse_id): one.returned - one.shipped for one in changes}
    target = {(one.line.sku, transfer.to_warehouse_id): one.received for one in changes}
    return {place: delta for place, delta in {**source, **target}.items() if delta}


async def _locked_rows(
    session: WriteSession, transfer: Transfer, changes: Sequence[LineChange], deltas: Mapping[Place, int]
) -> dict[Place, StockItem]:
    """The rows to be changed, and those that pieces are on their way to; all locked, in one go."""
    watching = {(one.line.sku, transfer.to_warehouse_id) for one in changes}
    while True:
        ids = await stock.ids_by_place(session, watching | deltas.keys())
        missing = deltas.keys() - ids.keys()
        if missing:
            await _make_rows(session, transfer, sorted(missing), deltas)
            continue
        await lock_stock(session, ids.values())
        live = await stock.by_ids(session, ids.values())
        if len(live) == len(ids):
            return {place: live[inventory_id] for place, inventory_id in ids.items()}


async def _make_rows(
    session: WriteSession, transfer: Transfer, places: Collection[Place], deltas: Mapping[Place, int]
) -> None:
    """Make the rows that pieces arrive at: in the order of their SKUs, so that two transfers wait and do not lock."""
    if gone := [sku for sku, _ in places if deltas[sku, _] < 0]:
        raise UnknownItem(f"no longer kept in the source warehouse: {', '.join(gone)}")
    origins = {line.sku: line.from_inventory_id for line in transfer.lines}
    statement = select(inventory).where(inventory.c.inventory_id.in_([origins[sku] for sku, _ in places]))
    rows = {row.sku: row for row in await session.execute(statement)}
    for sku, warehouse_id in places:
        origin = rows[sku]
        new = NewStockItem(
            sku=sku,
            product_id=origin.product_id,
            variant_id=origin.variant_id,
            warehouse_id=warehouse_id,
            unit_cost=origin.unit_cost,
            currency=origin.currency,
        )
        await stock.add(session, new, uuid4())


def _check_takeable(deltas: Mapping[Place, int], rows: Mapping[Place, StockItem]) -> None:
    short = [
        Shortage(sku=rows[place].sku, requested=-delta, available=rows[place].quantity_available)
        for place, delta in deltas.items()
        if rows[place].quantity_available + delta < 0
    ]
    if short:
        raise InsufficientStock(short)
    for place, delta in deltas.items():
        check_takeable(rows[place], delta)


async def _change_lines(
    session: WriteSession, transfer: Transfer, changes: Sequence[LineChange], rows: Mapping[Place, StockItem]
) -> None:
    source = transfer.from_warehouse_id
    left_from = [rows[one.line.sku, source].inventory_id if one.shipped else None for one in changes]
    values = {
        "transfer_id": transfer.transfer_id,
        "skus": [one.line.sku for one in changes],
        "left_from": left_from,
        **{name: [getattr(one, name) for one in changes] for name in ("shipped", "received", "lost", "returned")},
    }
    await session.execute(_CHANGE_LINES, values)
