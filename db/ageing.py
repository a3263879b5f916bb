"""What is on its way to a warehouse, and how old it is: transfers on the road, purchase orders that are not closed.

Both are few at a time and found by an index of what is open, however many there have ever been.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Integer,
    Select,
    Uuid,
    cast,
    column,
    false,
    func,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY

from db.engine import ReadSession
from db.paging import Listing, Page, PageRequest
from db.tables import purchase_order_lines, purchase_orders, suppliers, transfer_lines, transfers, warehouses
from domain.ageing import AGE_DAYS_BOUNDS, AgeCounts, AgeGroup, Ageing, OnTheWay, age_groups
from domain.limits import REPORT_ROWS_MAX

LISTING = Listing(
    name="ageing",
    orders={"since": (column("since", DateTime(timezone=True)), column("operation_id", Uuid))},
    default="since",
    rows_max=REPORT_ROWS_MAX,
)

SECONDS_A_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeingFilter:
    """Which to tell of, by where they go; None does not narrow. Only a transfer crosses regions."""

    kind: Ageing | None = None
    warehouse_id: UUID | None = None
    region: str | None = None
    is_cross_region: bool | None = None


async def listed(session: ReadSession, filters: AgeingFilter, page: PageRequest) -> Page[OnTheWay]:
    """A page of them, the oldest first. Raises InvalidPageToken, Unprocessable."""
    cursor = LISTING.cursor(page, filters)
    return cursor.page((await session.execute(cursor.narrow(_on_the_way(filters)))).all(), _on_the_way_of)


async def totalled(session: ReadSession, filters: AgeingFilter) -> list[AgeGroup]:
    """All of them by kind and age."""
    found = _on_the_way(filters).subquery("found")
    bounds = cast(list(AGE_DAYS_BOUNDS), ARRAY(Integer))
    number = func.width_bucket(found.c.age_days, bounds).label("number")
    statement = select(
        found.c.kind,
        number,
        func.count().label("operations"),
        func.count().filter(found.c.days_late >= 0).label("operations_late"),
        func.sum(found.c.quantity_outstanding).label("quantity_outstanding"),
    ).group_by(found.c.kind, number)
    return age_groups(
        {
            (Ageing(row.kind), row.number): AgeCounts(
                operations=row.operations,
                operations_late=row.operations_late,
                quantity_outstanding=int(row.quantity_outstanding),
            )
            for row in await session.execute(statement)
        }
    )


_MOVING = (
    select(
        literal(Ageing.TRANSFER.value).label("kind"),
        transfers.c.transfer_id.label("operation_id"),
        transfers.c.status,
        transfers.c.from_warehouse_id,
        cast(null(), Uuid).label("supplier_id"),
        transfers.c.to_warehouse_id.label("warehouse_id"),
        transfers.c.shipped_at.label("since"),
        transfers.c.expected_at,
        func.sum(transfer_lines.c.quantity_in_transit).label("quantity_outstanding"),
    )
    .join(transfer_lines)
    .where(transfers.c.closed_at.is_(None), transfers.c.shipped_at.is_not(None))
    .group_by(transfers.c.transfer_id)
)
_ORDERED = (
    select(
        literal(Ageing.PURCHASE_ORDER.value).label("kind"),
        purchase_orders.c.purchase_order_id.label("operation_id"),
        purchase_orders.c.status,
        cast(null(), Uuid).label("from_warehouse_id"),
        purchase_orders.c.supplier_id,
        purchase_orders.c.warehouse_id,
        func.coalesce(purchase_orders.c.sent_at, purchase_orders.c.requested_at).label("since"),
        purchase_orders.c.expected_at,
        func.sum(purchase_order_lines.c.quantity_outstanding).label("quantity_outstanding"),
    )
    .join(purchase_order_lines)
    .where(purchase_orders.c.closed_at.is_(None))
    .group_by(purchase_orders.c.purchase_order_id)
)


_BOTH = union_all(_MOVING, _ORDERED).subquery("both")
_LEFT = warehouses.alias("left_from")
_TARGET = warehouses.alias("target")
_CROSSES = func.coalesce(_LEFT.c.region != _TARGET.c.region, false())


def _on_the_way(filters: AgeingFilter) -> Select[Any]:
    """Everything that is on its way, with its age by the database's clock."""
    aged = (
        select(
            *_BOTH.c,
            _LEFT.c.code.label("from_warehouse_code"),
            _LEFT.c.region.label("from_region"),
            suppliers.c.code.label("supplier_code"),
            _TARGET.c.code.label("warehouse_code"),
            _TARGET.c.region,
            _whole_days_since(_BOTH.c.since).label("age_days"),
            _whole_days_since(_BOTH.c.expected_at).label("days_late"),
        )
        .select_from(
            _BOTH.join(_TARGET, _TARGET.c.warehouse_id == _BOTH.c.warehouse_id)
            .outerjoin(_LEFT, _LEFT.c.warehouse_id == _BOTH.c.from_warehouse_id)
            .outerjoin(suppliers, suppliers.c.supplier_id == _BOTH.c.supplier_id)
        )
        .where(*_conditions(filters))
    )
    return select(aged.subquery("aged"))


def _whole_days_since(moment: ColumnElement[Any]) -> ColumnElement[int]:
    """Days that are over since then; negative before it, null when there is no such moment."""
    seconds = func.extract("epoch", func.statement_timestamp() - moment)
    return cast(func.floor(seconds / SECONDS_A_DAY), Integer)


def _conditions(filters: AgeingFilter) -> list[ColumnElement[bool]]:
    asked: tuple[tuple[ColumnElement[Any], Any], ...] = (
        (_BOTH.c.kind, filters.kind),
        (_BOTH.c.warehouse_id, filters.warehouse_id),
        (_TARGET.c.region, filters.region),
        (_CROSSES, filters.is_cross_region),
    )
    return [found == wanted for found, wanted in asked if wanted is not None]


def _on_the_way_of(row: Any) -> OnTheWay:
    return OnTheWay(
        kind=Ageing(row.kind),
        operation_id=row.operation_id,
        status=row.status,
        from_warehouse_id=row.from_warehouse_id,
        from_warehouse_code=row.from_warehouse_code,
        from_region=row.from_region,
        supplier_id=row.supplier_id,
        supplier_code=row.supplier_code,
        warehouse_id=row.warehouse_id,
        warehouse_code=row.warehouse_code,
        region=row.region,
        since=row.since,
        expected_at=row.expected_at,
        age_days=row.age_days,
        days_late=row.days_late,
        quantity_outstanding=int(row.quantity_outstanding),
    )
