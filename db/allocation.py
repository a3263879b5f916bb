"""What a demand could be served from: items resolved to SKUs, and the levels of every shelf that may serve them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, func, literal, select, text

from db.engine import ReadSession
from db.tables import reservation_lines, reservations
from domain.allocation import Demand, Level, Plan, plan
from domain.contracts.reservations import HoldRequest
from domain.destinations import Destination, Place, locate
from domain.distance import Coordinates
from domain.errors import FieldProblem
from domain.reservations import Item


@dataclass(frozen=True, slots=True)
class Candidates:
    """Demands by SKU, the shelves that keep them, the destination on the map, and what was wrong with the items."""

    demands: tuple[Demand, ...]
    levels: tuple[Level, ...]
    unknown: tuple[FieldProblem, ...] = ()
    place: Place | None = None


# Written out, not built: this is read for every hold, and composing the statement cost as much as running it.
_SHELVES = """
    select i.inventory_id, i.warehouse_id, i.product_id, i.variant_id, i.sku, i.quantity_available,
           w.priority, w.region, w.country, w.latitude, w.longitude, w.is_active
    from inventory i join warehouses w using (warehouse_id)
    where i.deleted_at is null
      and (i.sku = any (cast(:skus as text[])) or i.inventory_id = any (cast(:inventory_ids as uuid[]))
           or i.product_id = any (cast(:product_ids as uuid[])))
"""
_SITES = """
    select null, w.warehouse_id, null, null, null, null,
           w.priority, w.region, w.country, w.latitude, w.longitude, w.is_active
    from warehouses w
    where w.is_active and w.latitude is not null and (w.country = :country or w.region = :region)
"""
_READ_SHELVES = text(_SHELVES)
_READ_SHELVES_AND_SITES = text(f"{_SHELVES} union all {_SITES}")


async def candidates(session: ReadSession, items: Sequence[Item], destination: Destination | None = None) -> Candidates:
    """Resolve `items`, read the shelves that keep them and find the destination: one round trip, no lock.

    An item that cannot be resolved becomes a demand without a shelf, and a problem at its JSON pointer.
    """
    rows, sites = await _read(session, items, destination)
    demands, unknown = [], []
    for position, item in enumerate(items):
        sku, warehouse_id, problem = _resolve(item, rows)
        demands.append(
            Demand(
                sku=sku,
                quantity=item.quantity,
                warehouse_id=warehouse_id,
                preferred_warehouse_id=item.preferred_warehouse_id,
            )
        )
        if problem:
            unknown.append(FieldProblem(f"/items/{position}", problem))
    return Candidates(
        demands=tuple(demands),
        levels=tuple(_level(row, is_placed=destination is not None) for row in rows),
        unknown=tuple(unknown),
        place=locate(destination, sites) if destination else None,
    )


def planned(request: HoldRequest, found: Candidates, levels: Sequence[Level] | None = None) -> Plan:
    """A plan for a request from what was found; from other `levels` of the same shelves when they are given."""
    return plan(found.demands, found.levels if levels is None else levels, request.rules(found.place))


async def planned_with_overdue(session: ReadSession, request: HoldRequest, found: Candidates) -> Plan:
    """A plan as if every hold past its deadline were free already: one round trip more."""
    overdue = await overdue_quantities(session, [level.inventory_id for level in found.levels])
    levels = [
        replace(level, quantity_available=level.quantity_available + overdue.get(level.inventory_id, 0))
        for level in found.levels
    ]
    return planned(request, found, levels)


async def overdue_quantities(session: ReadSession, inventory_ids: Collection[UUID]) -> dict[UUID, int]:
    """Pieces on these shelves that are held past their deadline: as good as free. Keyed by inventory id."""
    statement = (
        select(reservation_lines.c.inventory_id, func.sum(reservation_lines.c.quantity).label("pieces"))
        .join(reservations, reservations.c.reservation_id == reservation_lines.c.reservation_id)
        .where(
            reservations.c.status == "PENDING",
            reservations.c.expires_at <= func.statement_timestamp(),
            reservation_lines.c.inventory_id == any_(literal(list(inventory_ids), ARRAY(Uuid))),
        )
        .group_by(reservation_lines.c.inventory_id)
    )
    return {row.inventory_id: int(row.pieces) for row in await session.execute(statement)}


async def _read(
    session: ReadSession, items: Sequence[Item], destination: Destination | None
) -> tuple[Sequence[Any], list[Coordinates]]:
    """The rows of shelves, and where the active warehouses of an area stand that goods go to."""
    values: dict[str, Any] = _asked_for(items)
    if destination is None or not destination.is_area:
        return (await session.execute(_READ_SHELVES, values)).all(), []
    values |= {"country": destination.country, "region": destination.region}
    rows = (await session.execute(_READ_SHELVES_AND_SITES, values)).all()
    sites = [Coordinates(row.latitude, row.longitude) for row in rows if row.inventory_id is None]
    return [row for row in rows if row.inventory_id is not None], sites


def _level(row: Any, *, is_placed: bool) -> Level:
    """A shelf from its row; where its warehouse stands is of interest only when goods go somewhere."""
    return Level(
        inventory_id=row.inventory_id,
        warehouse_id=row.warehouse_id,
        sku=row.sku,
        quantity_available=row.quantity_available,
        priority=row.priority,
        region=row.region,
        country=row.country,
        location=Coordinates(row.latitude, row.longitude) if is_placed and row.latitude is not None else None,
        is_active=row.is_active,
    )


def _asked_for(items: Sequence[Item]) -> dict[str, list[str] | list[UUID]]:
    return {
        "skus": list({item.sku for item in items if item.sku is not None}),
        "inventory_ids": list({item.inventory_id for item in items if item.inventory_id is not None}),
        "product_ids": list({item.product_id for item in items if item.product_id is not None}),
    }


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
