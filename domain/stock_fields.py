"""The fields of a request about stock: bounds and contradictions. Rules of quantity are in domain/stock.py.

Every function raises Unprocessable that names all wrong fields at once.
"""

from __future__ import annotations

from domain.fields import FieldProblems
from domain.limits import (
    QUANTITY_MAX,
    REASON_CHARACTERS_MAX,
    REFERENCE_CHARACTERS_MAX,
    SKU_CHARACTERS_MAX,
    STOCK_TOTAL_MAX,
)
from domain.money import check_amount, check_currency
from domain.stock import NewStockItem, StockItem, StockItemChanges, StockUpdate


def check_new_item(new: NewStockItem) -> None:
    """Refuse a new row with wrong fields."""
    problems = FieldProblems()
    problems.name("/sku", new.sku, characters_max=SKU_CHARACTERS_MAX)
    problems.number("/quantityTotal", new.quantity_total, least=0, most=STOCK_TOTAL_MAX)
    _check_reorder_rule(problems, new.reorder_point, new.reorder_quantity)
    _check_cost(problems, new)
    if (new.unit_cost is None) != (new.currency is None):
        problems.add("/unitCost", "a unit cost and its currency go together")
    problems.refuse()


def check_changes(changes: StockItemChanges, item: StockItem) -> None:
    """Refuse a PUT with wrong fields or another identity."""
    problems = FieldProblems()
    problems.unchanged("/sku", changes.sku, item.sku)
    problems.unchanged("/productId", changes.product_id, item.product_id)
    problems.unchanged("/variantId", changes.variant_id, item.variant_id)
    problems.unchanged("/warehouseId", changes.warehouse_id, item.warehouse_id)
    problems.number("/quantityTotal", changes.quantity_total, least=0, most=STOCK_TOTAL_MAX)
    problems.text("/reason", changes.reason, characters_max=REASON_CHARACTERS_MAX)
    _check_reorder_rule(problems, changes.reorder_point, changes.reorder_quantity)
    _check_cost(problems, changes)
    if changes.unit_cost is not None and changes.currency is None and item.currency is None:
        problems.add("/currency", "a unit cost needs its currency")
    if changes.currency not in (None, item.currency) and changes.unit_cost is None:
        problems.add("/unitCost", "another currency needs its own unit cost")
    problems.refuse()


def check_update(update: StockUpdate) -> None:
    """Refuse a change of stock with wrong or contradicting fields.

    A change by `delta` needs a reason; a count has one by its nature.
    """
    problems = FieldProblems()
    if (update.inventory_id is None) == (update.sku is None or update.warehouse_id is None):
        problems.add("/inventoryId", "name the row by inventoryId, or by sku and warehouseId")
    if (update.delta is None) == (update.quantity_total is None):
        problems.add("/delta", "give either delta or quantityTotal")
    problems.number("/delta", update.delta, least=-QUANTITY_MAX, most=QUANTITY_MAX)
    problems.number("/quantityTotal", update.quantity_total, least=0, most=STOCK_TOTAL_MAX)
    problems.text(
        "/reason", update.reason, characters_max=REASON_CHARACTERS_MAX, required=update.quantity_total is None
    )
    problems.text("/reference", update.reference, characters_max=REFERENCE_CHARACTERS_MAX)
    problems.refuse()


def _check_reorder_rule(problems: FieldProblems, point: int | None, quantity: int | None) -> None:
    problems.number("/reorderPoint", point, least=0, most=STOCK_TOTAL_MAX)
    problems.number("/reorderQuantity", quantity, least=1, most=STOCK_TOTAL_MAX)


def _check_cost(problems: FieldProblems, given: NewStockItem | StockItemChanges) -> None:
    check_amount(problems, "/unitCost", given.unit_cost)
    check_currency(problems, "/currency", given.currency)
