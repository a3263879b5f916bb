"""What a demand could be served from: items resolved to SKUs, and the levels of every shelf that may serve them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Select, String, Uuid, any_, func, literal, or_, select

from db.engine import ReadSession
from db.tables import inventory, reservation_lines, reservations, warehouses
from domain.allocation import Demand, Level
from domain.errors import FieldProblem
from domain.reservations import Item


@dataclass(frozen=True, slots=True)
class Candidates:
    """Demands by SKU, the shelves of active warehouses, and what was wrong with the items (JSON pointers)."""

    demands: tuple[Demand, ...]
    levels: tuple[Level, ...]
    unknown: tuple[FieldProblem, ...] = ()


_SHELVES: Select[Any] = (
    select(
        inventory.c.inventory_id,
        inventory.c.warehouse_id,
        inventory.c.product_id,
        inventory.c.variant_id,
        inventory.c.sku,
        inventory.c.quantity_available,
        warehouses.c.priority,
        warehouses.c.region,
        warehouses.c.is_active,
    )
    .join(warehouses, warehouses.c.warehouse_id == inventory.c.warehouse_id)
    .where(inventory.c.deleted_at.is_(None))
)


async def candidates(session: ReadSession, items: Sequence[Item]) -> Candidates:
    """Resolve `items` and read the shelves that may serve them: one round trip, no lock.

    An item that cannot be resolved becomes a demand without a shelf, and a problem at its JSON pointer.
    """
    rows = (await session.execute(_SHELVES.where(or_(*_asked_for(items))))).all()
    demands, unknown = [], []
    for position, item in enumerate(items):
        sku, warehouse_id, problem = _resolve(item, rows)
        demands.append(Demand(sku=sku, quantity=item.quantity, warehouse_id=warehouse_id))
        if problem:
            unknown.append(FieldProblem(f"/items/{position}", problem))
    levels = tuple(
        Level(
            inventory_id=row.inventory_id,
            warehouse_id=row.warehouse_id,
            sku=row.sku,
            quantity_available=row.quantity_available,
            priority=row.priority,
            region=row.region,
        )
        for row in rows
        if row.is_active
    )
    return Candidates(tuple(demands), levels, tuple(unknown))


async def overdue_quantities(session: ReadSession, inventory_ids: Collection[UUID]) -> dict[UUID, int]:
    """Pieces on these shelves that are held past their deadline: as good as free. Keyed by inventory id."""
    statement = (
        select(reservation_lines.c.inventory_id, func.sum(reservation_lines.c.quantity).label("pieces"))
        .join(reservations, reservations.c.reservation_id == reservation_lines.c.reservation_id)
        .where(
            reservations.c.status == "PENDING",
            reservations.c.expires_at <= func.clock_timestamp(),
            reservation_lines.c.inventory_id == any_(literal(list(inventory_ids), ARRAY(Uuid))),
        )
        .group_by(reservation_lines.c.inventory_id)
    )
    return {row.inventory_id: int(row.pieces) for row in await session.execute(statement)}


def _asked_for(items: Iterable[Item]) -> list[ColumnElement[bool]]:
    skus = sorted({item.sku for item in items if item.sku is not None})
    ids = {item.inventory_id for item in items if item.inventory_id is not None}
    products = {item.product_id for item in items if item.product_id is not None}
    conditions: list[ColumnElement[bool]] = []
    if skus:
        conditions.append(inventory.c.sku == any_(literal(skus, ARRAY(String))))
    if ids:
        conditions.append(inventory.c.inventory_id == any_(literal(list(ids), ARRAY(Uuid))))
    if products:
        conditions.append(inventory.c.product_id == any_(literal(list(products), ARRAY(Uuid))))
    return conditions


def _resolve(item: Item, rows: Sequence[Any]) -> tuple[str, UUID | None, str | None]:
    """The SKU and warehouse an item means, and what is wrong with it."""
    if item.inventory_id is not None:
        row = next((row for row in rows if row.inventory_id == item.inventory_id), None)
        if row is None:
            return str(item.inventory_id), None, "no inventory row has this inventoryId"
        return row.sku, row.warehouse_id, None
    if item.sku is not None:
        known = any(row.sku == item.sku for row in rows)
        return item.sku, item.warehouse_id, None if known else "no inventory row has this sku"
    skus = {row.sku for row in rows if row.product_id == item.product_id and row.variant_id == item.variant_id}
    if len(skus) == 1:
        return skus.pop(), item.warehouse_id, None
    problem = "this product and variant have several SKUs: name one" if skus else "no inventory row has this product"
    return f"{item.product_id}/{item.variant_id or ''}", item.warehouse_id, problem
