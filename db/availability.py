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
from domain.destinations import Destination
from domain.distance import Coordinates

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
        warehouses.c.priority,
        warehouses.c.country,
        warehouses.c.latitude,
        warehouses.c.longitude,
    )
    .join(warehouses, warehouses.c.warehouse_id == inventory.c.warehouse_id)
    .where(inventory.c.deleted_at.is_(None))
    .order_by(inventory.c.sku, inventory.c.inventory_id)
)


async def shelves_of(session: ReadSession, skus: Collection[str]) -> dict[str, list[Shelf]]:
    """All shelves of these SKUs; an unknown SKU is missing."""
    found: dict[str, list[Shelf]] = {}
    for row in await session.execute(_SHELVES.where(inventory.c.sku == any_(cast(list(skus), ARRAY(String))))):
        found.setdefault(row.sku, []).append(_shelf(row))
    return found


async def sites_of(session: ReadSession, areas: Collection[Destination]) -> dict[Destination, list[Coordinates]]:
    """Where the active warehouses of each country or region stand that goods go to; an empty list where none does."""
    countries = [area.country for area in areas if area.country is not None]
    regions = [area.region for area in areas if area.region is not None]
    there = (
        select(warehouses.c.country, warehouses.c.region, warehouses.c.latitude, warehouses.c.longitude)
        .where(warehouses.c.is_active, warehouses.c.latitude.is_not(None))
        .where(or_(warehouses.c.country.in_(countries), warehouses.c.region.in_(regions)))
    )
    rows = (await session.execute(there)).all()
    return {area: [Coordinates(it.latitude, it.longitude) for it in rows if area in _areas_of(it)] for area in areas}


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
        row.priority,
        row.country,
        Coordinates(row.latitude, row.longitude) if row.latitude is not None else None,
    )


def _areas_of(row: Any) -> tuple[Destination, Destination]:
    return Destination(country=row.country), Destination(region=row.region)


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
