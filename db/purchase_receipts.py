"""What arrives, put on the shelves: the rows that it goes to, its movements, and what the rows cost from then on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID, uuid4

from db import movements, stock
from db.engine import WriteSession
from db.locks import lock_stock
from db.movements import Change
from domain.errors import UnknownItem
from domain.ids import Actor
from domain.purchase_orders import PurchaseOrder
from domain.stock import MovementType, NewStockItem, StockItem, check_takeable


async def put_on_shelves(
    session: WriteSession,
    order: PurchaseOrder,
    arrived: Mapping[str, int],
    *,
    actor: Actor,
    receipt_id: str,
    traceparent: str | None,
) -> None:
    """Add pieces by SKU to the order's warehouse, at what they cost. The order's row is locked by the caller.

    Raises UnknownItem for a SKU whose product nobody knows, Unprocessable when a shelf would hold too much.
    """
    rows = await _shelves(session, order.warehouse_id, arrived)
    for sku, quantity in arrived.items():
        check_takeable(rows[sku], quantity)
    changes = [
        Change(
            inventory_id=rows[sku].inventory_id,
            delta=quantity,
            type=MovementType.INBOUND,
            reason=" ".join(filter(None, (order.number, receipt_id))),
            reference=str(order.purchase_order_id),
        )
        for sku, quantity in arrived.items()
    ]
    await movements.apply(session, changes, actor, traceparent)
    await _remember_costs(session, order, rows, traceparent)


async def _shelves(session: WriteSession, warehouse_id: UUID, skus: Collection[str]) -> dict[str, StockItem]:
    """The warehouse's rows of these SKUs, all locked; those that are missing are made first."""
    places = {(sku, warehouse_id) for sku in skus}
    while True:
        ids = await stock.ids_by_place(session, places)
        if missing := sorted(sku for sku, _ in places - ids.keys()):
            await _make_rows(session, warehouse_id, missing)
            continue
        await lock_stock(session, ids.values())
        live = await stock.by_ids(session, ids.values())
        if len(live) == len(ids):
            return {row.sku: row for row in live.values()}


async def _make_rows(session: WriteSession, warehouse_id: UUID, skus: Collection[str]) -> None:
    """In the order of their SKUs, so that two first deliveries wait and do not lock each other out."""
    products = await stock.products_of(session, skus)
    if unknown := [sku for sku in skus if sku not in products]:
        raise UnknownItem(
            f"no inventory row anywhere says which product this is: {', '.join(unknown)}; make one, then receive it",
            extra={"skus": unknown},
        )
    for sku in skus:
        product_id, variant_id = products[sku]
        new = NewStockItem(sku=sku, product_id=product_id, variant_id=variant_id, warehouse_id=warehouse_id)
        await stock.add(session, new, uuid4())


async def _remember_costs(
    session: WriteSession, order: PurchaseOrder, rows: Mapping[str, StockItem], traceparent: str | None
) -> None:
    """A row costs what its last delivery cost: the simplest rule that a threshold by value can rest on."""
    for line in order.lines:
        item = rows.get(line.sku)
        if item is not None and (item.unit_cost, item.currency) != (line.unit_cost, order.currency):
            costs = {"unit_cost": line.unit_cost, "currency": order.currency}
            await stock.set_details(session, item, costs, traceparent)
