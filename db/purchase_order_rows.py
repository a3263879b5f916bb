"""Purchase orders read back: rows with their lines as the domain sees them, lists, and what their events tell."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select

from db.engine import ReadSession
from db.paging import Cursor, Listing, Page, PageRequest
from db.tables import purchase_order_lines, purchase_orders
from domain.money import amount_text
from domain.purchase_orders import PurchaseOrder, PurchaseOrderLine, PurchaseOrderStatus

LISTING = Listing(
    name="purchase_orders",
    orders={"requestedAt": (purchase_orders.c.requested_at, purchase_orders.c.purchase_order_id)},
    default="requestedAt desc",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseOrderFilter:
    """Which orders to list; None does not narrow. `late` asks for open ones that should have arrived."""

    status: PurchaseOrderStatus | None = None
    supplier_id: UUID | None = None
    warehouse_id: UUID | None = None
    sku: str | None = None
    late: bool | None = None


async def get(session: ReadSession, purchase_order_id: UUID) -> PurchaseOrder | None:
    """One order."""
    statement = select(purchase_orders).where(purchase_orders.c.purchase_order_id == purchase_order_id)
    rows = (await session.execute(statement)).all()
    return next(iter(await _with_lines(session, rows)), None)


async def of_restock_run(session: ReadSession, restock_run: str) -> list[PurchaseOrder]:
    """What one run of the Restock workflow has drafted."""
    statement = (
        select(purchase_orders)
        .where(purchase_orders.c.restock_run == restock_run)
        .order_by(purchase_orders.c.order_number)
    )
    return await _with_lines(session, (await session.execute(statement)).all())


async def listed(session: ReadSession, filters: PurchaseOrderFilter, page: PageRequest) -> Page[PurchaseOrder]:
    """A page of orders, newest first. Raises InvalidPageToken, Unprocessable."""
    cursor = LISTING.cursor(page, filters)
    rows = (await session.execute(page_statement(cursor, filters))).all()
    found = cursor.page(rows, lambda row: row)
    return Page(tuple(await _with_lines(session, found.items)), found.next_token)


def page_statement(cursor: Cursor, filters: PurchaseOrderFilter) -> Select[Any]:
    """The query behind a page, without the lines."""
    return cursor.narrow(select(purchase_orders).where(*_conditions(filters)))


def facts_of(order: PurchaseOrder) -> dict[str, Any]:
    """What every event of an order tells."""
    return {
        "purchaseOrderId": str(order.purchase_order_id),
        "number": order.number,
        "supplierId": str(order.supplier_id),
        "warehouseId": str(order.warehouse_id),
        "status": order.status.value,
        "reference": order.reference,
        "currency": order.currency,
        "lines": [
            {
                "sku": line.sku,
                "quantity": line.quantity,
                "quantityReceived": line.quantity_received,
                "unitCost": amount_text(line.unit_cost),
            }
            for line in order.lines
        ],
        "expectedAt": order.expected_at.isoformat() if order.expected_at else None,
        "isLate": order.is_late,
        "requestedBy": order.requested_by_name,
        "decidedBy": order.decided_by_name,
    }


async def _with_lines(session: ReadSession, rows: Collection[Any]) -> list[PurchaseOrder]:
    if not rows:
        return []
    table = purchase_order_lines
    statement = (
        select(table)
        .where(table.c.purchase_order_id.in_([row.purchase_order_id for row in rows]))
        .order_by(table.c.purchase_order_id, table.c.position)
    )
    lines: dict[UUID, list[PurchaseOrderLine]] = {}
    for line in await session.execute(statement):
        lines.setdefault(line.purchase_order_id, []).append(_line_of(line))
    return [_order_of(row, lines[row.purchase_order_id]) for row in rows]


def _order_of(row: Any, lines: list[PurchaseOrderLine]) -> PurchaseOrder:
    values = {name: value for name, value in row._mapping.items() if name in PurchaseOrder.__dataclass_fields__}
    return PurchaseOrder(**{**values, "status": PurchaseOrderStatus(row.status), "lines": tuple(lines)})


def _line_of(row: Any) -> PurchaseOrderLine:
    return PurchaseOrderLine(**{name: getattr(row, name) for name in PurchaseOrderLine.__dataclass_fields__})


def _conditions(filters: PurchaseOrderFilter) -> list[ColumnElement[bool]]:
    table = purchase_orders.c
    asked = (
        (table.status, filters.status.value if filters.status else None),
        (table.supplier_id, filters.supplier_id),
        (table.warehouse_id, filters.warehouse_id),
    )
    conditions = [column == wanted for column, wanted in asked if wanted is not None]
    if filters.sku is not None:
        of_sku = select(purchase_order_lines.c.purchase_order_id).where(purchase_order_lines.c.sku == filters.sku)
        conditions.append(table.purchase_order_id.in_(of_sku))
    if filters.late is not None:
        late = table.late_since.is_not(None) & table.closed_at.is_(None)
        conditions.append(late if filters.late else ~late)
    return conditions
