"""What suppliers sell, and on which terms."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Executable, delete, false, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from db.engine import ReadSession, WriteSession
from db.paging import Listing, Page, PageRequest
from db.tables import supplier_items
from domain.suppliers import SupplierItem, Terms

LISTING = Listing(name="supplier_items", orders={"sku": (supplier_items.c.sku,)}, default="sku")


async def get(session: ReadSession, supplier_id: UUID, sku: str) -> SupplierItem | None:
    """One SKU of one supplier."""
    row = (await session.execute(select(supplier_items).where(*_is(supplier_id, sku)))).first()
    return supplier_item_of(row) if row else None


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


async def put(
    session: WriteSession,
    supplier_id: UUID,
    sku: str,
    terms: Terms,
    *,
    expected_version: int | None,
    must_exist: bool = False,
) -> tuple[SupplierItem, bool] | None:
    """Write the terms of one SKU, whatever they were before; also whether they are new.

    None when there are none of the `expected_version`, or none at all and they `must_exist`: else terms are made.
    """
    if must_exist or expected_version is not None:
        statement = _changed(supplier_id, sku, terms, expected_version)
    else:
        statement = _made_or_changed(supplier_id, sku, terms)
    row = (await session.execute(statement)).first()
    return (supplier_item_of(row), row.is_new) if row else None


async def remove(session: WriteSession, supplier_id: UUID, sku: str, *, expected_version: int | None) -> bool:
    """Forget that a supplier sells a SKU; False when it did not, or not in the `expected_version`."""
    statement = delete(supplier_items).where(*_is(supplier_id, sku, expected_version)).returning(supplier_items.c.sku)
    return (await session.execute(statement)).first() is not None


def _made_or_changed(supplier_id: UUID, sku: str, terms: Terms) -> Executable:
    return (
        insert(supplier_items)
        .values(supplier_id=supplier_id, sku=sku, **asdict(terms))
        .on_conflict_do_update(index_elements=["supplier_id", "sku"], set_=_next(terms))
        # A row that this statement has inserted, and not updated, has never been locked by anybody (xmax is 0).
        .returning(supplier_items, literal_column("xmax = 0").label("is_new"))
    )


def _changed(supplier_id: UUID, sku: str, terms: Terms, expected_version: int | None) -> Executable:
    return (
        update(supplier_items)
        .where(*_is(supplier_id, sku, expected_version))
        .values(_next(terms))
        .returning(supplier_items, false().label("is_new"))
    )


def _next(terms: Terms) -> dict[str, Any]:
    return {**asdict(terms), "version": supplier_items.c.version + 1, "updated_at": func.clock_timestamp()}


def _is(supplier_id: UUID, sku: str, expected_version: int | None = None) -> list[ColumnElement[bool]]:
    conditions = [supplier_items.c.supplier_id == supplier_id, supplier_items.c.sku == sku]
    if expected_version is not None:
        conditions.append(supplier_items.c.version == expected_version)
    return conditions


@dataclass(frozen=True, slots=True)
class _Bound:
    """What a token of this list is bound to."""

    supplier_id: UUID


def supplier_item_of(row: Any) -> SupplierItem:
    """An item from a row of `supplier_items`."""
    return SupplierItem(**{name: getattr(row, name) for name in SupplierItem.__dataclass_fields__})
