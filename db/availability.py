"""Stock levels for availability, from Postgres: where the Redis view is filled from, and the answer without it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import String, Uuid, any_, cast, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from db.engine import ReadSession
from db.tables import inventory, warehouses
from domain.availability import AvailabilityQuery, Shelf

_SHELVES = (
    select(
        inventory.c.sku,
        inventory.c.inventory_id,
        inventory.c.warehouse_id,
        warehouses.c.code,
        warehouses.c.region,
        warehouses.c.is_active,
        inventory.c.sequence,
        inventory.c.quantity_available,
    )
    .join(warehouses, warehouses.c.warehouse_id == inventory.c.warehouse_id)
    .where(inventory.c.deleted_at.is_(None))
    .order_by(inventory.c.sku, warehouses.c.priority, warehouses.c.code)
)


async def shelves_of(session: ReadSession, skus: Collection[str]) -> dict[str, list[Shelf]]:
    """All shelves of these SKUs by warehouse priority and code; an unknown SKU is missing."""
    found: dict[str, list[Shelf]] = {}
    for row in await session.execute(_SHELVES.where(inventory.c.sku == any_(cast(list(skus), ARRAY(String))))):
        found.setdefault(row.sku, []).append(_shelf(row))
    return found


async def skus_of(session: ReadSession, queries: Sequence[AvailabilityQuery]) -> list[list[str]]:
    """The SKUs that each query names: usually one; none for an unknown row or product, several for an unclear one."""
    rows: Sequence[Any] = ()
    ids = [query.inventory_id for query in queries if query.inventory_id is not None]
    products = [query.product_id for query in queries if query.product_id is not None]
    if ids or products:
        rows = (await session.execute(_named(ids, products))).all()
    return [_skus(query, rows) for query in queries]


def _shelf(row: Any) -> Shelf:
    return Shelf(
        row.inventory_id,
        row.warehouse_id,
        row.code,
        row.region,
        row.is_active,
        row.sequence,
        row.quantity_available,
    )


def _named(inventory_ids: list[UUID], product_ids: list[UUID]) -> Any:
    return select(inventory.c.inventory_id, inventory.c.product_id, inventory.c.variant_id, inventory.c.sku).where(
        inventory.c.deleted_at.is_(None),
        or_(
            inventory.c.inventory_id == any_(cast(inventory_ids, ARRAY(Uuid))),
            inventory.c.product_id == any_(cast(product_ids, ARRAY(Uuid))),
        ),
    )


def _skus(query: AvailabilityQuery, rows: Sequence[Any]) -> list[str]:
    if query.sku is not None:
        return [query.sku]
    if query.inventory_id is not None:
        return [row.sku for row in rows if row.inventory_id == query.inventory_id]
    return sorted({row.sku for row in rows if (row.product_id, row.variant_id) == (query.product_id, query.variant_id)})
