"""Pieces that are on their way to inventory rows and belong to nobody's availability yet: in transit, or on order.

Read in a query of its own, beside the rows that are shown: no read of stock on a hot path joins it. What a row shows
of this counts as a change of the row, so that its version, and so its ETag, tells that it looks different.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, TextClause, func, select, text

from db.engine import ReadSession, WriteSession
from db.tables import inventory, purchase_order_lines, purchase_orders, transfer_lines, transfers
from domain.stock import Incoming

Place = tuple[str, UUID]
"""A SKU in a warehouse; it need not have a row yet."""

_IN_TRANSIT = text("""
    select l.sku, t.to_warehouse_id, sum(l.quantity_in_transit) as pieces
    from unnest(cast(:skus as text[]), cast(:warehouse_ids as uuid[])) as w (sku, warehouse_id)
    join transfer_lines l on l.sku = w.sku and l.quantity_in_transit > 0
    join transfers t on t.transfer_id = l.transfer_id and t.to_warehouse_id = w.warehouse_id
    group by l.sku, t.to_warehouse_id
""")
_ON_ORDER = text("""
    select l.sku, o.warehouse_id, sum(l.quantity_outstanding) as pieces
    from unnest(cast(:skus as text[]), cast(:warehouse_ids as uuid[])) as w (sku, warehouse_id)
    join purchase_order_lines l on l.sku = w.sku and l.quantity_outstanding > 0
    join purchase_orders o on o.purchase_order_id = l.purchase_order_id and o.warehouse_id = w.warehouse_id
    group by l.sku, o.warehouse_id
""")
_NOTE = text("""
    update inventory set version = version + 1, updated_at = clock_timestamp()
    where inventory_id = any (cast(:inventory_ids as uuid[]))
""")


async def to_places(session: ReadSession, places: Collection[Place]) -> Mapping[Place, Incoming]:
    """What is on its way to each of these places."""
    moving, ordered = await in_transit(session, places), await on_order(session, places)
    return {place: Incoming(in_transit=moving.get(place, 0), on_order=ordered.get(place, 0)) for place in places}


async def in_transit(session: ReadSession, places: Collection[Place]) -> Mapping[Place, int]:
    """Pieces on the road to these places; a place that nothing is on its way to is missing."""
    rows = await _pieces(session, _IN_TRANSIT, places)
    return {(row.sku, row.to_warehouse_id): row.pieces for row in rows}


async def on_order(session: ReadSession, places: Collection[Place]) -> Mapping[Place, int]:
    """Pieces that suppliers are to deliver to these places, drafts included; a place without any is missing."""
    rows = await _pieces(session, _ON_ORDER, places)
    return {(row.sku, row.warehouse_id): row.pieces for row in rows}


def pieces_coming() -> ColumnElement[int]:
    """All that is on its way to one row of `inventory`, to be compared inside a query."""
    moving = (
        select(func.sum(transfer_lines.c.quantity_in_transit))
        .join(transfers, transfers.c.transfer_id == transfer_lines.c.transfer_id)
        .where(
            transfer_lines.c.quantity_in_transit > 0,
            transfer_lines.c.sku == inventory.c.sku,
            transfers.c.to_warehouse_id == inventory.c.warehouse_id,
        )
    )
    ordered = (
        select(func.sum(purchase_order_lines.c.quantity_outstanding))
        .join(purchase_orders, purchase_orders.c.purchase_order_id == purchase_order_lines.c.purchase_order_id)
        .where(
            purchase_order_lines.c.quantity_outstanding > 0,
            purchase_order_lines.c.sku == inventory.c.sku,
            purchase_orders.c.warehouse_id == inventory.c.warehouse_id,
        )
    )
    return _or_none(moving) + _or_none(ordered)


def _or_none(pieces: Select[tuple[int]]) -> ColumnElement[int]:
    return func.coalesce(pieces.scalar_subquery(), 0)


async def note(session: WriteSession, inventory_ids: Collection[UUID]) -> None:
    """Count a change of what is on its way to rows that the caller has locked."""
    if inventory_ids:
        await session.execute(_NOTE, {"inventory_ids": list(inventory_ids)})


async def _pieces(session: ReadSession, query: TextClause, places: Collection[Place]) -> Sequence[Any]:
    if not places:
        return []
    asked = sorted(set(places))
    values = {"skus": [sku for sku, _ in asked], "warehouse_ids": [warehouse_id for _, warehouse_id in asked]}
    return (await session.execute(query, values)).all()
