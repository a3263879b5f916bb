"""Suppliers: reading, listing, making and changing them. What they sell is in db/supplier_items.py."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from db.engine import ReadSession, WriteSession
from db.paging import Listing, Page, PageRequest
from db.tables import supplier_items, suppliers
from domain.suppliers import NewSupplier, Supplier, SupplierChanges

LISTING = Listing(name="suppliers", orders={"code": (suppliers.c.code,)}, default="code")


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplierFilter:
    """Which suppliers to list: those in use or not, those that sell a SKU; None does not narrow."""

    is_active: bool | None = None
    sku: str | None = None


async def get(session: ReadSession, supplier_id: UUID) -> Supplier | None:
    """One supplier."""
    row = (await session.execute(select(suppliers).where(suppliers.c.supplier_id == supplier_id))).first()
    return supplier_of(row) if row else None


async def by_code(session: ReadSession, code: str) -> Supplier | None:
    """One supplier by its code."""
    row = (await session.execute(select(suppliers).where(suppliers.c.code == code))).first()
    return supplier_of(row) if row else None


async def listed(session: ReadSession, filters: SupplierFilter, page: PageRequest) -> Page[Supplier]:
    """A page of suppliers. Raises InvalidPageToken, Unprocessable."""
    cursor = LISTING.cursor(page, filters)
    statement = select(suppliers)
    if filters.is_active is not None:
        statement = statement.where(suppliers.c.is_active == filters.is_active)
    if filters.sku is not None:
        sells = select(supplier_items.c.supplier_id).where(supplier_items.c.sku == filters.sku)
        statement = statement.where(suppliers.c.supplier_id.in_(sells))
    rows = (await session.execute(cursor.narrow(statement))).all()
    return cursor.page(rows, supplier_of)


async def add(session: WriteSession, new: NewSupplier, supplier_id: UUID) -> bool:
    """Make a supplier; False when its id or its code is there already."""
    statement = (
        insert(suppliers)
        .values(supplier_id=supplier_id, **asdict(new))
        .on_conflict_do_nothing()
        .returning(suppliers.c.supplier_id)
    )
    return (await session.execute(statement)).first() is not None


async def change(
    session: WriteSession, supplier_id: UUID, changes: SupplierChanges, *, expected_version: int | None
) -> Supplier | None:
    """Apply what is given; None when there is no such supplier, or none of the `expected_version`."""
    given = {name: value for name, value in asdict(changes).items() if value is not None}
    statement = (
        update(suppliers)
        .where(suppliers.c.supplier_id == supplier_id)
        .values(**given, version=suppliers.c.version + 1, updated_at=func.clock_timestamp())
        .returning(suppliers)
    )
    if expected_version is not None:
        statement = statement.where(suppliers.c.version == expected_version)
    row = (await session.execute(statement)).first()
    return supplier_of(row) if row else None


def supplier_of(row: Any) -> Supplier:
    """A supplier from a row of `suppliers`."""
    return Supplier(**{name: getattr(row, name) for name in Supplier.__dataclass_fields__})
