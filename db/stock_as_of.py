"""Stock as it was at an instant, from the ledger: the last line at or before it tells a row's total.

One index probe for each inventory row, however long its ledger is; measured in ARCHITECTURE.md, which is why there are
no snapshots. A change is dated when it is made, under the row's lock, and seen when it is committed: an instant of the
last seconds may miss one that is still on its way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, Select, func, or_, select, true
from sqlalchemy.sql.selectable import LateralFromClause

from db.engine import ReadSession
from db.paging import Listing, Page, PageRequest
from db.stock import in_places
from db.tables import inventory, stock_movements, warehouses
from domain.limits import REPORT_ROWS_MAX
from domain.reports import Grouping, StockAt, StockTotal, check_instant

ROWS = Listing(
    name="stock-as-of",
    orders={"inventoryId": (inventory.c.inventory_id,)},
    default="inventoryId",
    rows_max=REPORT_ROWS_MAX,
)
GROUPS = {
    grouping: Listing(name=f"stock-as-of-{order}", orders={order: (column,)}, default=order, rows_max=REPORT_ROWS_MAX)
    for grouping, order, column in (
        (Grouping.REGION, "region", warehouses.c.region),
        (Grouping.WAREHOUSE, "code", warehouses.c.code),
        (Grouping.SKU, "sku", inventory.c.sku),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOfFilter:
    """The instant, with its offset, and which rows to tell of; None does not narrow."""

    at: datetime
    sku: str | None = None
    warehouse_id: UUID | None = None
    region: str | None = None


async def listed(session: ReadSession, filters: AsOfFilter, page: PageRequest) -> Page[StockAt]:
    """A page of rows that were in use at the instant. Raises InvalidPageToken, Unprocessable."""
    await _check_instant(session, filters)
    cursor = ROWS.cursor(page, filters)
    chosen = in_places(
        cursor,
        select(inventory).where(*_in_use(filters.at), *_of_sku(filters)),
        warehouse_id=filters.warehouse_id,
        region=filters.region,
    ).subquery("chosen")
    last = _last_movement(chosen.c.inventory_id, filters.at)
    statement = select(
        chosen, warehouses.c.code, warehouses.c.region, last.c.total_after, last.c.created_at.label("moved_at")
    ).select_from(chosen.join(warehouses, warehouses.c.warehouse_id == chosen.c.warehouse_id).outerjoin(last, true()))
    rows = (await session.execute(cursor.ordered(statement, chosen))).all()
    return cursor.page(rows, _stock_of)


async def totalled(
    session: ReadSession, filters: AsOfFilter, grouping: Grouping | None, page: PageRequest
) -> Page[StockTotal]:
    """Totals of the rows that `listed` tells of, by region, warehouse or SKU; one of all without a grouping.

    Raises InvalidPageToken, Unprocessable.
    """
    await _check_instant(session, filters)
    if grouping is None:
        return Page((_total_of((await session.execute(_total(filters, true()))).one()),))
    cursor = GROUPS[grouping].cursor(page, filters)
    chosen = cursor.narrow(_groups(filters, grouping)).subquery("chosen")
    total = _total(filters, _belongs_to(chosen, grouping)).lateral("total")
    statement = select(chosen, total).select_from(chosen.join(total, true()))
    rows = (await session.execute(cursor.ordered(statement, chosen))).all()
    return cursor.page(rows, _total_of)


async def _check_instant(session: ReadSession, filters: AsOfFilter) -> None:
    check_instant(filters.at, (await session.execute(select(func.clock_timestamp()))).scalar_one())


def _in_use(at: datetime) -> list[ColumnElement[bool]]:
    return [inventory.c.created_at <= at, or_(inventory.c.deleted_at.is_(None), inventory.c.deleted_at > at)]


def _of_sku(filters: AsOfFilter) -> list[ColumnElement[bool]]:
    return [] if filters.sku is None else [inventory.c.sku == filters.sku]


def _places(filters: AsOfFilter) -> list[ColumnElement[bool]]:
    conditions = [warehouses.c.created_at <= filters.at]
    if filters.warehouse_id is not None:
        conditions.append(warehouses.c.warehouse_id == filters.warehouse_id)
    if filters.region is not None:
        conditions.append(warehouses.c.region == filters.region)
    return conditions


def _last_movement(inventory_id: ColumnElement[UUID], at: datetime) -> LateralFromClause:
    ledger = stock_movements.c
    return (
        select(ledger.total_after, ledger.created_at)
        .where(ledger.inventory_id == inventory_id, ledger.created_at <= at)
        .order_by(ledger.created_at.desc(), ledger.sequence.desc())
        .limit(1)
        .lateral("last")
    )


def _groups(filters: AsOfFilter, grouping: Grouping) -> Select[Any]:
    """The groups there were, whether or not anything stood there."""
    if grouping is Grouping.SKU:
        there = select(warehouses.c.warehouse_id).where(*_places(filters))
        rows = select(inventory.c.sku).where(*_in_use(filters.at), *_of_sku(filters))
        return rows.where(inventory.c.warehouse_id.in_(there)).group_by(inventory.c.sku)
    if grouping is Grouping.REGION:
        return select(warehouses.c.region).where(*_places(filters)).group_by(warehouses.c.region)
    return select(warehouses.c.region, warehouses.c.code, warehouses.c.warehouse_id).where(*_places(filters))


def _belongs_to(chosen: FromClause, grouping: Grouping) -> ColumnElement[bool]:
    """Whether a row of inventory, in its warehouse, is of the chosen group."""
    if grouping is Grouping.SKU:
        return inventory.c.sku == chosen.c.sku
    if grouping is Grouping.REGION:
        return warehouses.c.region == chosen.c.region
    return warehouses.c.warehouse_id == chosen.c.warehouse_id


def _total(filters: AsOfFilter, belongs: ColumnElement[bool]) -> Select[Any]:
    last = _last_movement(inventory.c.inventory_id, filters.at)
    return (
        select(
            func.count().label("inventory_rows"),
            func.coalesce(func.sum(last.c.total_after), 0).label("quantity_total"),
        )
        .select_from(inventory.join(warehouses).outerjoin(last, true()))
        .where(*_in_use(filters.at), *_of_sku(filters), *_places(filters), belongs)
    )


def _stock_of(row: Any) -> StockAt:
    return StockAt(
        inventory_id=row.inventory_id,
        product_id=row.product_id,
        variant_id=row.variant_id,
        sku=row.sku,
        warehouse_id=row.warehouse_id,
        warehouse_code=row.code,
        region=row.region,
        quantity_total=row.total_after or 0,
        last_movement_at=row.moved_at,
    )


def _total_of(row: Any) -> StockTotal:
    keys = row._mapping
    return StockTotal(
        region=keys.get("region"),
        warehouse_id=keys.get("warehouse_id"),
        warehouse_code=keys.get("code"),
        sku=keys.get("sku"),
        inventory_rows=row.inventory_rows,
        quantity_total=int(row.quantity_total),
    )
