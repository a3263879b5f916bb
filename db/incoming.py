"""Pieces that are on their way to inventory rows and belong to nobody's availability yet.

Read in a query of its own, beside the rows that are shown: no read of stock on a hot path joins it. What a row shows
of this counts as a change of the row, so that its version, and so its ETag, tells that it looks different.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import text

from db.engine import ReadSession, WriteSession
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
_NOTE = text("""
    update inventory set version = version + 1, updated_at = clock_timestamp()
    where inventory_id = any (cast(:inventory_ids as uuid[]))
""")


async def to_places(session: ReadSession, places: Collection[Place]) -> Mapping[Place, Incoming]:
    """What is on its way to each of these places."""
    asked = sorted(set(places))
    if not asked:
        return {}
    values = {"skus": [sku for sku, _ in asked], "warehouse_ids": [warehouse_id for _, warehouse_id in asked]}
    rows = await session.execute(_IN_TRANSIT, values)
    in_transit = {(row.sku, row.to_warehouse_id): row.pieces for row in rows}
    return {place: Incoming(in_transit=in_transit.get(place, 0)) for place in asked}


async def note(session: WriteSession, inventory_ids: Collection[UUID]) -> None:
    """Count a change of what is on its way to rows that the caller has locked."""
    if inventory_ids:
        await session.execute(_NOTE, {"inventory_ids": list(inventory_ids)})
