"""Warehouses: reading, listing, making and changing them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from db.engine import ReadSession, WriteSession
from db.paging import Listing, Page, PageRequest
from db.tables import warehouses
from domain.warehouses import NewWarehouse, Warehouse, WarehouseChanges

LISTING = Listing(
    name="warehouses",
    orders={"code": (warehouses.c.code,), "priority": (warehouses.c.priority, warehouses.c.code)},
    default="code",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WarehouseFilter:
    """Which warehouses to list; None does not narrow."""

    region: str | None = None
    is_active: bool | None = None


async def get(session: ReadSession, warehouse_id: UUID) -> Warehouse | None:
    """One warehouse."""
    row = (await session.execute(select(warehouses).where(warehouses.c.warehouse_id == warehouse_id))).first()
    return warehouse_of(row) if row else None


async def by_ids(session: ReadSession, warehouse_ids: Collection[UUID]) -> dict[UUID, Warehouse]:
    """Warehouses by id; one that does not exist is missing."""
    rows = await session.execute(select(warehouses).where(warehouses.c.warehouse_id.in_(warehouse_ids)))
    return {row.warehouse_id: warehouse_of(row) for row in rows}


async def by_code(session: ReadSession, code: str) -> Warehouse | None:
    """One warehouse by its code."""
    row = (await session.execute(select(warehouses).where(warehouses.c.code == code))).first()
    return warehouse_of(row) if row else None


async def by_codes(session: ReadSession, codes: Collection[str]) -> dict[str, Warehouse]:
    """Warehouses by their codes; one that does not exist is missing."""
    rows = await session.execute(select(warehouses).where(warehouses.c.code.in_(codes)))
    return {row.code: warehouse_of(row) for row in rows}


async def active(session: ReadSession) -> list[Warehouse]:
    """All warehouses that are in use, by priority and code."""
    statement = select(warehouses).where(warehouses.c.is_active).order_by(warehouses.c.priority, warehouses.c.code)
    return [warehouse_of(row) for row in await session.execute(statement)]


async def listed(session: ReadSession, filters: WarehouseFilter, page: PageRequest) -> Page[Warehouse]:
    """A page of warehouses. Raises InvalidPageToken, Unprocessable."""
    cursor = LISTING.cursor(page, filters)
    statement = select(warehouses)
    if filters.region is not None:
        statement = statement.where(warehouses.c.region == filters.region)
    if filters.is_active is not None:
        statement = statement.where(warehouses.c.is_active == filters.is_active)
    rows = (await session.execute(cursor.narrow(statement))).all()
    return cursor.page(rows, warehouse_of)


async def add(session: WriteSession, new: NewWarehouse, warehouse_id: UUID) -> bool:
    """Make a warehouse; False when its id or its code is there already."""
    statement = (
        insert(warehouses)
        .values(warehouse_id=warehouse_id, **asdict(new))
        .on_conflict_do_nothing()
        .returning(warehouses.c.warehouse_id)
    )
    return (await session.execute(statement)).first() is not None


async def change(
    session: WriteSession, warehouse_id: UUID, changes: WarehouseChanges, *, expected_version: int | None
) -> Warehouse | None:
    """Apply what is given; None when there is no such warehouse, or none of the `expected_version`."""
    given = {name: value for name, value in asdict(changes).items() if value is not None}
    given |= dict.fromkeys(given.pop("cleared"))
    statement = (
        update(warehouses)
        .where(warehouses.c.warehouse_id == warehouse_id)
        .values(**given, version=warehouses.c.version + 1, updated_at=func.clock_timestamp())
        .returning(warehouses)
    )
    if expected_version is not None:
        statement = statement.where(warehouses.c.version == expected_version)
    row = (await session.execute(statement)).first()
    return warehouse_of(row) if row else None


def warehouse_of(row: Any) -> Warehouse:
    """A warehouse from a row of `warehouses`."""
    return Warehouse(
        warehouse_id=row.warehouse_id,
        code=row.code,
        name=row.name,
        address=row.address,
        city=row.city,
        state=row.state,
        country=row.country,
        postal_code=row.postal_code,
        region=row.region,
        is_active=row.is_active,
        priority=row.priority,
        latitude=row.latitude,
        longitude=row.longitude,
        adjustment_threshold_quantity=row.adjustment_threshold_quantity,
        adjustment_threshold_value=row.adjustment_threshold_value,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
