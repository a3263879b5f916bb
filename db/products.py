"""What product events do to the shelves: rows at zero for a new product, rows out of use for a deleted one.

Rows are made, locked and retired by their own modules; this one knows which rows a product event means.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select

from db import retirement, stock, warehouses
from db.engine import ReadSession, WriteSession
from db.locks import lock_stock
from db.tables import inventory
from domain.contracts.events import ProductCreated, ProductDeleted
from domain.ids import Actor
from domain.stock import PRODUCT_DELETED_REASON, REORDER_POINT_DEFAULT, NewStockItem
from domain.warehouses import Warehouse


class Retirement(Enum):
    """What became of the rows of a deleted product."""

    DONE = auto()
    STILL_RESERVED = auto()
    NEVER_SEEN = auto()


async def add_rows(session: WriteSession, product: ProductCreated) -> int | None:
    """Make the product's row, without stock, wherever it is missing; answers how many warehouses have it now.

    None when it names warehouses and none of them is known here; known ones that are not in use are passed over.
    """
    places = await _places(session, product)
    if places is None:
        return None
    for warehouse in places:
        await stock.add(session, _row(product, warehouse), uuid4())
    return len(places)


async def retire_rows(
    session: WriteSession, product: ProductDeleted, actor: Actor, traceparent: str | None
) -> Retirement:
    """Take the product's rows out of use and write off what is left of them; those with reservations stay for later.

    Nobody need approve of it: whoever manages the products has decided.
    """
    concerned = _rows_of(product)
    ids = list((await session.execute(select(inventory.c.inventory_id).where(*concerned))).scalars())
    if not ids:
        return Retirement.NEVER_SEEN
    await lock_stock(session, ids)
    found = (await session.execute(select(inventory).where(*concerned, inventory.c.deleted_at.is_(None)))).all()
    free = [stock.stock_item_of(row) for row in found if row.quantity_reserved == 0]
    reference = f"product {product.product_id}"
    await retirement.retire(session, free, actor, traceparent, reason=PRODUCT_DELETED_REASON, reference=reference)
    reserved = any(row.quantity_reserved > 0 for row in found)
    return Retirement.STILL_RESERVED if reserved else Retirement.DONE


async def _places(session: ReadSession, product: ProductCreated) -> list[Warehouse] | None:
    in_use = await warehouses.active(session)
    if not product.warehouses:
        return in_use
    named = set(product.warehouses)
    places = [warehouse for warehouse in in_use if {warehouse.code, str(warehouse.warehouse_id)} & named]
    if places or any([await _is_known(session, name) for name in named]):
        return places
    return None


async def _is_known(session: ReadSession, name: str) -> bool:
    if await warehouses.by_code(session, name):
        return True
    try:
        return await warehouses.get(session, UUID(name)) is not None
    except ValueError:
        return False


def _row(product: ProductCreated, warehouse: Warehouse) -> NewStockItem:
    point = REORDER_POINT_DEFAULT if product.reorder_point is None else product.reorder_point
    return NewStockItem(
        sku=product.sku,
        product_id=product.product_id,
        variant_id=product.variant_id,
        warehouse_id=warehouse.warehouse_id,
        reorder_point=point,
    )


def _rows_of(product: ProductDeleted) -> list[Any]:
    concerned: list[Any] = [inventory.c.product_id == product.product_id]
    if product.variant_id is not None:
        concerned.append(inventory.c.variant_id == product.variant_id)
    if product.sku is not None:
        concerned.append(inventory.c.sku == product.sku)
    return concerned
