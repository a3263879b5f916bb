"""What suppliers sell, and on which terms."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from db.engine import ReadSession, WriteSession
from db.paging import Listing, Page, PageRequest
from db.tables import supplier_items
from domain.suppliers import SupplierItem, Terms

LISTING = Listing(name="supplier_items", orders={"sku": (supplier_items.c.sku,)}, default="sku")


async def listed(session: ReadSession, supplier_id: UUID, page: PageRequest) -> Page[SupplierItem]:
    """A page of what one supplier sells. Raises InvalidPageToken, Unprocessable."""
    cursor = LISTING.cursor(page, _Bound(supplier_id))
    statement = select(supplier_items).where(supplier_items.c.supplier_id == supplier_id)
    rows = (await session.execute(cursor.narrow(statement))).all()
    return cursor.page(rows, supplier_item_of)


async def of_supplier(session: ReadSession, supplier_id: UUID, skus: Collection[str]) -> dict[str, SupplierItem]:
    """What one supplier sells of these SKUs; what it does not sell is missing."""
    statement = select(supplier_items).where(
        supplier_items.c.supplier_id == supplier_id, supplier_items.c.sku.in_(list(skus))
    )
    return {row.sku: supplier_item_of(row) for row in await session.execute(statement)}


async def put(session: WriteSession, supplier_id: UUID, sku: str, terms: Terms) -> tuple[SupplierItem, bool]:
    """Write the terms of one SKU, whatever they were before; also whether they are new."""
    values = asdict(terms)
    statement = (
        insert(supplier_items)
        .values(supplier_id=supplier_id, sku=sku, **values)
        .on_conflict_do_update(
            index_elements=["supplier_id", "sku"], set_={**values, "updated_at": func.clock_timestamp()}
        )
        # A row that this statement has inserted, and not updated, has never been locked by anybody (xmax is 0).
        .returning(supplier_items, literal_column("xmax = 0").label("is_new"))
    )
    row = (await session.execute(statement)).one()
    return supplier_item_of(row), row.is_new


async def remove(session: WriteSession, supplier_id: UUID, sku: str) -> bool:
    """Forget that a supplier sells a SKU; False when it did not."""
    statement = (
        delete(supplier_items)
        .where(supplier_items.c.supplier_id == supplier_id, supplier_items.c.sku == sku)
        .returning(supplier_items.c.sku)
    )
    return (await session.execute(statement)).first() is not None


@dataclass(frozen=True, slots=True)
class _Bound:
    """What a token of this list is bound to."""

    supplier_id: UUID


def supplier_item_of(row: Any) -> SupplierItem:
    """An item from a row of `supplier_items`."""
    return SupplierItem(**{name: getattr(row, name) for name in SupplierItem.__dataclass_fields__})
