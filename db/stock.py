"""Inventory rows: reading, listing, making, retiring them. Quantities change in db/movements.py only.

Row locks are the caller's business (db/locks.py): everything here that writes expects the row to be locked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, any_, cast, func, select, text, true, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on, insert

from db.alerts import resolve_alerts
from db.engine import ReadSession, WriteSession
from db.paging import Cursor, Listing, Page, PageRequest
from db.tables import inventory, warehouses
from domain.alerts import STOCK_ALERTS, Resolution
from domain.stock import NewStockItem, StockItem

LISTING = Listing(
    name="inventory",
    orders={"inventoryId": (inventory.c.inventory_id,), "sku": (inventory.c.sku, inventory.c.warehouse_id)},
    default="inventoryId",
)

_REORDER_POINT_MOVED = text("select reorder_point_moved(:id, :old_point, :traceparent)")


@dataclass(frozen=True, slots=True, kw_only=True)
class StockFilter:
    """Which inventory rows to list; None does not narrow. Retired rows are never listed."""

    sku: str | None = None
    product_id: UUID | None = None
    variant_id: UUID | None = None
    warehouse_id: UUID | None = None
    region: str | None = None


_LIVE: Select[Any] = select(inventory).where(inventory.c.deleted_at.is_(None))


async def get(session: ReadSession, inventory_id: UUID) -> StockItem | None:
    """One row; None when there is none or it was retired."""
    return (await by_ids(session, [inventory_id])).get(inventory_id)


async def by_ids(session: ReadSession, inventory_ids: Collection[UUID]) -> dict[UUID, StockItem]:
    """Rows by id; what does not exist or was retired is missing."""
    statement = _LIVE.where(inventory.c.inventory_id == any_(cast(list(inventory_ids), ARRAY(Uuid))))
    return {row.inventory_id: stock_item_of(row) for row in await session.execute(statement)}


async def ids_by_place(session: ReadSession, places: Collection[tuple[str, UUID]]) -> dict[tuple[str, UUID], UUID]:
    """The ids of rows by (SKU, warehouse id)."""
    if not places:
        return {}
    statement = select(inventory.c.inventory_id, inventory.c.sku, inventory.c.warehouse_id).where(
        inventory.c.deleted_at.is_(None), tuple_(inventory.c.sku, inventory.c.warehouse_id).in_(list(places))
    )
    return {(row.sku, row.warehouse_id): row.inventory_id for row in await session.execute(statement)}


async def of_product(session: ReadSession, product_id: UUID, variant_id: UUID | None) -> list[StockItem]:
    """A product's rows in all warehouses, of one variant when it is given."""
    statement = _LIVE.where(inventory.c.product_id == product_id).order_by(inventory.c.inventory_id)
    if variant_id is not None:
        statement = statement.where(inventory.c.variant_id == variant_id)
    return [stock_item_of(row) for row in await session.execute(statement)]


async def products_of(session: ReadSession, skus: Collection[str]) -> dict[str, tuple[UUID, UUID | None]]:
    """The product and variant of SKUs, as their newest rows anywhere say; a SKU that has no row is missing."""
    statement = (
        select(inventory.c.sku, inventory.c.product_id, inventory.c.variant_id)
        .where(inventory.c.sku.in_(list(skus)), inventory.c.deleted_at.is_(None))
        .ext(distinct_on(inventory.c.sku))
        .order_by(inventory.c.sku, inventory.c.created_at.desc())
    )
    return {row.sku: (row.product_id, row.variant_id) for row in await session.execute(statement)}


async def add(session: WriteSession, new: NewStockItem, inventory_id: UUID) -> bool:
    """Make a row without stock; False when its id, or its SKU in its warehouse, is there already."""
    return bool(await add_all(session, {inventory_id: new}))


async def add_all(session: WriteSession, rows: Mapping[UUID, NewStockItem]) -> set[UUID]:
    """Make rows without stock; answers the ids of those that were not there already, as `add` does."""
    values = [
        {
            "inventory_id": inventory_id,
            "product_id": new.product_id,
            "variant_id": new.variant_id,
            "warehouse_id": new.warehouse_id,
            "sku": new.sku,
            "reorder_point": new.reorder_point,
            "reorder_quantity": new.reorder_quantity,
            "unit_cost": new.unit_cost,
            "currency": new.currency,
        }
        for inventory_id, new in rows.items()
    ]
    statement = insert(inventory).values(values).on_conflict_do_nothing().returning(inventory.c.inventory_id)
    return set((await session.execute(statement)).scalars()) if values else set()


async def set_details(
    session: WriteSession, item: StockItem, details: Mapping[str, Any], traceparent: str | None
) -> None:
    """Change a locked row's reorder rule or cost: new values by column, as `StockItemChanges.details` gives them.

    `item` is the row as it was: a new reorder point may be crossed by it as much as by stock.
    """
    await session.execute(_changed(item.inventory_id).values(**details))
    if "reorder_point" in details:
        moved = {"id": item.inventory_id, "old_point": item.reorder_point, "traceparent": traceparent}
        await session.execute(_REORDER_POINT_MOVED, moved)


async def retire(session: WriteSession, inventory_id: UUID, traceparent: str | None = None) -> None:
    """Take a locked row out of use, for good; its ledger stays, its alerts are resolved. What is left of it is written
    off before (db/retirement.py)."""
    await session.execute(_changed(inventory_id).values(deleted_at=func.clock_timestamp()))
    await resolve_alerts(session, inventory_id, STOCK_ALERTS, Resolution.RETIRED, traceparent=traceparent)


async def listed(session: ReadSession, filters: StockFilter, page: PageRequest) -> Page[StockItem]:
    """A page of rows. Raises InvalidPageToken, Unprocessable."""
    cursor = LISTING.cursor(page, filters)
    rows = (await session.execute(page_statement(cursor, filters))).all()
    return cursor.page(rows, stock_item_of)


def page_statement(cursor: Cursor, filters: StockFilter) -> Select[Any]:
    """The query behind a page."""
    rows = _LIVE.where(*_conditions(filters))
    return in_places(cursor, rows, warehouse_id=filters.warehouse_id, region=filters.region)


def in_places(cursor: Cursor, rows: Select[Any], *, warehouse_id: UUID | None, region: str | None) -> Select[Any]:
    """A page of inventory rows; with a warehouse or region it walks each warehouse's own index and merges."""
    places = [
        column == wanted
        for column, wanted in ((warehouses.c.warehouse_id, warehouse_id), (warehouses.c.region, region))
        if wanted is not None
    ]
    if not places:
        return cursor.narrow(rows)
    chosen = select(warehouses.c.warehouse_id).where(*places).subquery("chosen")
    there = cursor.narrow(rows.where(inventory.c.warehouse_id == chosen.c.warehouse_id)).lateral("there")
    return cursor.ordered(select(there).select_from(chosen.join(there, true())), there)


def _conditions(filters: StockFilter) -> list[ColumnElement[bool]]:
    asked = (
        (inventory.c.sku, filters.sku),
        (inventory.c.product_id, filters.product_id),
        (inventory.c.variant_id, filters.variant_id),
    )
    return [column == wanted for column, wanted in asked if wanted is not None]


def _changed(inventory_id: UUID) -> Any:
    return (
        update(inventory)
        .where(inventory.c.inventory_id == inventory_id)
        .values(version=inventory.c.version + 1, updated_at=func.clock_timestamp())
    )


def stock_item_of(row: Any) -> StockItem:
    """A row of `inventory` as the domain sees it."""
    return StockItem(
        inventory_id=row.inventory_id,
        product_id=row.product_id,
        variant_id=row.variant_id,
        warehouse_id=row.warehouse_id,
        sku=row.sku,
        quantity_total=row.quantity_total,
        quantity_reserved=row.quantity_reserved,
        reorder_point=row.reorder_point,
        reorder_quantity=row.reorder_quantity,
        unit_cost=row.unit_cost,
        currency=row.currency,
        sequence=row.sequence,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
