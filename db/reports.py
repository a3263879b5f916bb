"""Stock by region and by warehouse, as it is now. Reads every live row of the places asked for, and decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, String, cast, func, select

from db.engine import ReadSession
from db.paging import Listing, Page, PageRequest
from db.tables import inventory, purchase_order_lines, purchase_orders, transfer_lines, transfers, warehouses
from domain.limits import REPORT_ROWS_MAX
from domain.reports import RegionStock, Value, WarehouseStock

REGIONS = Listing(
    name="report-regions", orders={"region": (warehouses.c.region,)}, default="region", rows_max=REPORT_ROWS_MAX
)
WAREHOUSES = Listing(
    name="report-warehouses", orders={"code": (warehouses.c.code,)}, default="code", rows_max=REPORT_ROWS_MAX
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceFilter:
    """Which places to tell of; None does not narrow."""

    region: str | None = None


async def regions(session: ReadSession, filters: PlaceFilter, page: PageRequest) -> Page[RegionStock]:
    """A page of regions. Raises InvalidPageToken, Unprocessable."""
    cursor = REGIONS.cursor(page, filters)
    counts = select(
        warehouses.c.region,
        func.count().label("warehouses"),
        func.count().filter(warehouses.c.is_active).label("warehouses_active"),
    ).where(*_of(filters))
    chosen = cursor.narrow(counts.group_by(warehouses.c.region)).subquery("chosen")
    statement = cursor.ordered(_with_figures(chosen, warehouses.c.region, chosen.c.region), chosen)
    return cursor.page((await session.execute(statement)).all(), _region_of)


async def warehouses_of(session: ReadSession, filters: PlaceFilter, page: PageRequest) -> Page[WarehouseStock]:
    """A page of warehouses. Raises InvalidPageToken, Unprocessable."""
    cursor = WAREHOUSES.cursor(page, filters)
    columns = (warehouses.c[name] for name in ("warehouse_id", "code", "name", "region", "is_active"))
    chosen = cursor.narrow(select(*columns).where(*_of(filters))).subquery("chosen")
    statement = cursor.ordered(_with_figures(chosen, warehouses.c.warehouse_id, chosen.c.warehouse_id), chosen)
    return cursor.page((await session.execute(statement)).all(), _warehouse_of)


def _of(filters: PlaceFilter) -> list[ColumnElement[bool]]:
    return [] if filters.region is None else [warehouses.c.region == filters.region]


def _with_figures(chosen: FromClause, place: ColumnElement[Any], key: ColumnElement[Any]) -> Select[Any]:
    """The chosen places, each with the figures of its stock; `place` says where a row stands, `key` who is asked for.

    First by SKU, because a SKU that stands in several warehouses of a place is one; then by place.
    """
    live = inventory.join(warehouses).join(chosen, key == place)
    is_live = inventory.c.deleted_at.is_(None)
    by_sku = (
        select(
            place.label("place"),
            func.sum(inventory.c.quantity_total).label("total"),
            func.sum(inventory.c.quantity_reserved).label("reserved"),
            func.sum(inventory.c.quantity_total).filter(inventory.c.unit_cost.is_(None)).label("without_cost"),
            func.bool_or(inventory.c.quantity_available <= inventory.c.reorder_point).label("is_low"),
            (func.sum(inventory.c.quantity_available) == 0).label("is_out"),
        )
        .select_from(live)
        .where(is_live)
        .group_by(place, inventory.c.sku)
        .subquery("by_sku")
    )
    figures = (
        select(
            by_sku.c.place,
            func.count().label("skus"),
            func.count().filter(by_sku.c.is_low).label("skus_low"),
            func.count().filter(by_sku.c.is_out).label("skus_out_of_stock"),
            func.sum(by_sku.c.total).label("quantity_total"),
            func.sum(by_sku.c.reserved).label("quantity_reserved"),
            func.sum(by_sku.c.without_cost).label("quantity_without_cost"),
        )
        .group_by(by_sku.c.place)
        .subquery("figures")
    )
    amount = func.sum(inventory.c.quantity_total * inventory.c.unit_cost)
    by_currency = (
        select(place.label("place"), inventory.c.currency, cast(amount, String).label("amount"))
        .select_from(live)
        .where(is_live, inventory.c.currency.is_not(None))
        .group_by(place, inventory.c.currency)
        .subquery("by_currency")
    )
    by_place = func.jsonb_object_agg(by_currency.c.currency, by_currency.c.amount).label("value_by_currency")
    values = select(by_currency.c.place, by_place).group_by(by_currency.c.place).subquery("amounts")
    moving, ordered = _in_transit(place), _on_order(place)
    together = chosen
    for part in (figures, values, moving, ordered):
        together = together.outerjoin(part, part.c.place == key)
    return select(
        chosen, figures, values.c.value_by_currency, moving.c.quantity_in_transit, ordered.c.quantity_on_order
    ).select_from(together)


def _in_transit(place: ColumnElement[Any]) -> FromClause:
    """Pieces on the road, by where they are going."""
    pieces = func.sum(transfer_lines.c.quantity_in_transit).label("quantity_in_transit")
    return (
        select(place.label("place"), pieces)
        .select_from(
            transfer_lines.join(transfers).join(warehouses, warehouses.c.warehouse_id == transfers.c.to_warehouse_id)
        )
        .where(transfer_lines.c.quantity_in_transit > 0)
        .group_by(place)
        .subquery("moving")
    )


def _on_order(place: ColumnElement[Any]) -> FromClause:
    """Pieces that suppliers are still to deliver, by where to."""
    pieces = func.sum(purchase_order_lines.c.quantity_outstanding).label("quantity_on_order")
    return (
        select(place.label("place"), pieces)
        .select_from(purchase_order_lines.join(purchase_orders).join(warehouses))
        .where(purchase_order_lines.c.quantity_outstanding > 0)
        .group_by(place)
        .subquery("ordered")
    )


def _region_of(row: Any) -> RegionStock:
    return RegionStock(
        region=row.region,
        warehouses=row.warehouses,
        warehouses_active=row.warehouses_active,
        **_figures_of(row),
    )


def _warehouse_of(row: Any) -> WarehouseStock:
    return WarehouseStock(
        warehouse_id=row.warehouse_id,
        warehouse_code=row.code,
        name=row.name,
        region=row.region,
        is_active=row.is_active,
        **_figures_of(row),
    )


def _figures_of(row: Any) -> dict[str, Any]:
    """The fields of Figures; a place where no stock is kept has none of them in its row."""
    values = (row.value_by_currency or {}).items()
    return {
        "skus": row.skus or 0,
        "skus_low": row.skus_low or 0,
        "skus_out_of_stock": row.skus_out_of_stock or 0,
        "quantity_total": int(row.quantity_total or 0),
        "quantity_reserved": int(row.quantity_reserved or 0),
        "quantity_in_transit": int(row.quantity_in_transit or 0),
        "quantity_on_order": int(row.quantity_on_order or 0),
        "value_at_cost": tuple(Value(currency, Decimal(amount)) for currency, amount in sorted(values)),
        "quantity_without_cost": int(row.quantity_without_cost or 0),
    }
