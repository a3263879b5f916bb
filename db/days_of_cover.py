"""For how long stock will last: what is available against what was sold lately, the shortest first.

Sales come from the ledger: OUTBOUND less RETURN. The window is read by a block-range index over time when all rows are
asked for, and row by row when some are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, FromClause, Select, Uuid, case, cast, column, func, select, true

from db.engine import ReadSession
from db.paging import Cursor, Listing, Page, PageRequest
from db.tables import inventory, stock_movements, warehouses
from domain.limits import REPORT_ROWS_MAX
from domain.reports import COVER_DAYS_DEFAULT, COVER_UNKNOWN, Cover

LISTING = Listing(
    name="days-of-cover",
    # No index knows how long stock will last: the whole selection is looked at for each page, see ARCHITECTURE.md.
    orders={"daysOfCover": (column("place", BigInteger), column("inventory_id", Uuid))},
    default="daysOfCover",
    rows_max=REPORT_ROWS_MAX,
)

_PARTS_OF_A_DAY = 1_000
"""How finely the order tells covers apart; those that are the same to a thousandth of a day are in the order of ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverFilter:
    """The window of sales in days up to now, and which rows to tell of; None does not narrow."""

    days: int = COVER_DAYS_DEFAULT
    sku: str | None = None
    warehouse_id: UUID | None = None
    region: str | None = None


async def listed(session: ReadSession, filters: CoverFilter, page: PageRequest) -> Page[Cover]:
    """A page of live rows by days of cover, those that sell nothing last. Raises InvalidPageToken, Unprocessable."""
    cursor = LISTING.cursor(page, filters)
    return cursor.page((await session.execute(page_statement(cursor, filters))).all(), _cover_of)


def page_statement(cursor: Cursor, filters: CoverFilter) -> Select[Any]:
    """The query behind a page."""
    rows = inventory.join(warehouses)
    if filters == CoverFilter(days=filters.days):
        sold = _sold(filters).add_columns(stock_movements.c.inventory_id)
        of_window = sold.group_by(stock_movements.c.inventory_id).subquery("sold")
        return _page(cursor, filters, rows.outerjoin(of_window, of_window.c.inventory_id == _ID), of_window.c.pieces)
    of_row = _sold(filters).where(stock_movements.c.inventory_id == _ID).lateral("sold")
    return _page(cursor, filters, rows.join(of_row, true()), of_row.c.pieces)


_ID = inventory.c.inventory_id


def _sold(filters: CoverFilter) -> Select[Any]:
    since = func.statement_timestamp() - timedelta(days=filters.days)
    return select((-func.sum(stock_movements.c.quantity)).label("pieces")).where(
        stock_movements.c.created_at >= since, stock_movements.c.type.in_(("OUTBOUND", "RETURN"))
    )


def _page(cursor: Cursor, filters: CoverFilter, rows: FromClause, pieces: ColumnElement[Any]) -> Select[Any]:
    sold, observed = func.coalesce(pieces, 0), _days_observed(filters.days)
    cover = cast(inventory.c.quantity_available, BigInteger) * observed * _PARTS_OF_A_DAY / func.nullif(sold, 0)
    known = (
        select(
            _ID,
            inventory.c.sku,
            inventory.c.warehouse_id,
            inventory.c.quantity_available,
            warehouses.c.code,
            warehouses.c.region,
            sold.label("quantity_sold"),
            observed.label("days_observed"),
            case((sold > 0, cast(func.floor(cover), BigInteger)), else_=COVER_UNKNOWN).label("place"),
        )
        .select_from(rows)
        .where(inventory.c.deleted_at.is_(None), *_conditions(filters))
        .subquery("known")
    )
    return cursor.narrow(select(known))


def _days_observed(days: int) -> ColumnElement[int]:
    """The window, or the days that a younger row is old, begun ones included: it cannot have sold before it was."""
    age = func.ceil(func.extract("epoch", func.statement_timestamp() - inventory.c.created_at) / 86_400)
    return func.least(days, func.greatest(1, cast(age, BigInteger)))


def _conditions(filters: CoverFilter) -> list[ColumnElement[bool]]:
    asked = (
        (inventory.c.sku, filters.sku),
        (inventory.c.warehouse_id, filters.warehouse_id),
        (warehouses.c.region, filters.region),
    )
    return [column == wanted for column, wanted in asked if wanted is not None]


def _cover_of(row: Any) -> Cover:
    return Cover(
        inventory_id=row.inventory_id,
        sku=row.sku,
        warehouse_id=row.warehouse_id,
        warehouse_code=row.code,
        region=row.region,
        quantity_available=row.quantity_available,
        quantity_sold=row.quantity_sold,
        days_observed=row.days_observed,
    )
