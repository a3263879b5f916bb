"""Which rows are to be restocked, with what decides how: what is coming to them, and who sells their SKU."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select

from db import incoming
from db.engine import ReadSession
from db.paging import Listing, Page, PageRequest
from db.stock import stock_item_of
from db.supplier_items import supplier_item_of
from db.tables import inventory, supplier_items, suppliers, warehouses
from domain.restock import LowRow, Offer
from domain.stock import StockItem

LISTING = Listing(name="restock", orders={"inventoryId": (inventory.c.inventory_id,)}, default="inventoryId")


@dataclass(frozen=True, slots=True, kw_only=True)
class RestockFilter:
    """Which low rows to list: of a warehouse, of a SKU, those that a supplier sells; None does not narrow."""

    warehouse_id: UUID | None = None
    supplier_id: UUID | None = None
    sku: str | None = None


async def low_rows(session: ReadSession, filters: RestockFilter, page: PageRequest) -> Page[LowRow]:
    """A page of the rows in active warehouses that are low by the rule of domain/restock.py.

    Raises InvalidPageToken, Unprocessable.
    """
    cursor = LISTING.cursor(page, filters)
    found = cursor.page((await session.execute(cursor.narrow(_low(filters)))).all(), stock_item_of)
    coming = await incoming.to_places(session, [(item.sku, item.warehouse_id) for item in found.items])
    offers = await _offers(session, {item.sku for item in found.items})

    def with_all(item: StockItem) -> LowRow:
        return LowRow(
            item=item,
            incoming=coming[item.sku, item.warehouse_id],
            offers=tuple(offers.get(item.sku, ())),
        )

    return Page(tuple(map(with_all, found.items)), found.next_token)


def _low(filters: RestockFilter) -> Any:
    available, point = inventory.c.quantity_available, inventory.c.reorder_point
    return (
        select(inventory)
        .join(warehouses, warehouses.c.warehouse_id == inventory.c.warehouse_id)
        .where(
            inventory.c.deleted_at.is_(None),
            warehouses.c.is_active,
            # What is there alone is looked at first: few rows are left to ask for what is coming to them.
            available <= point,
            available + incoming.pieces_coming() <= point,
            *_conditions(filters),
        )
    )


def _conditions(filters: RestockFilter) -> list[ColumnElement[bool]]:
    conditions = []
    if filters.warehouse_id is not None:
        conditions.append(inventory.c.warehouse_id == filters.warehouse_id)
    if filters.sku is not None:
        conditions.append(inventory.c.sku == filters.sku)
    if filters.supplier_id is not None:
        sold = select(supplier_items.c.sku).where(supplier_items.c.supplier_id == filters.supplier_id)
        conditions.append(inventory.c.sku.in_(sold))
    return conditions


async def _offers(session: ReadSession, skus: Collection[str]) -> dict[str, list[Offer]]:
    """Who sells these SKUs, in use or not."""
    statement = (
        select(
            supplier_items,
            suppliers.c.code,
            suppliers.c.currency,
            suppliers.c.is_active,
            suppliers.c.lead_time_days.label("usual_lead_time_days"),
        )
        .join(suppliers, suppliers.c.supplier_id == supplier_items.c.supplier_id)
        .where(supplier_items.c.sku.in_(list(skus)))
    )
    offers: dict[str, list[Offer]] = {}
    for row in await session.execute(statement):
        own = row.lead_time_days
        offer = Offer(
            item=supplier_item_of(row),
            supplier_code=row.code,
            currency=row.currency,
            lead_time_days=row.usual_lead_time_days if own is None else own,
            is_active=row.is_active,
        )
        offers.setdefault(row.sku, []).append(offer)
    return offers
