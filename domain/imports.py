"""Stock from a file: what a line says of a row, and what became of it, told by line number and column.

Reading the file is domain/import_file.py; what becomes of its lines is gateway/commands/imports.py.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from domain.errors import HoldfastError
from domain.ids import NAMESPACE
from domain.stock import REORDER_POINT_DEFAULT, REORDER_QUANTITY_DEFAULT, NewStockItem, StockItem, StockItemChanges

_COLUMN_OF_POINTER = {"/quantityTotal": "quantity", "/warehouseId": "warehouse", "/delta": "quantity"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LineProblem:
    """Why a line was not applied. `code` is stable, that of a domain error; no `column` when none is to blame."""

    line: int
    column: str | None
    code: str
    detail: str


class LineResult(StrEnum):
    """What became of a line that was applied."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOutcome:
    """A line's `result`, or the `problems` that kept it from being applied."""

    line: int
    result: LineResult | None = None
    problems: tuple[LineProblem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportLine:
    """A line of the file: a SKU in a warehouse, by its code. None: the file says nothing about it."""

    line: int
    sku: str
    product_id: UUID
    warehouse: str
    variant_id: UUID | None = None
    quantity: int | None = None
    reorder_point: int | None = None
    reorder_quantity: int | None = None
    unit_cost: Decimal | None = None
    currency: str | None = None

    def new_item(self, warehouse_id: UUID) -> NewStockItem:
        """The row that the line makes where there is none; its quantity is the opening stock."""
        return NewStockItem(
            sku=self.sku,
            product_id=self.product_id,
            variant_id=self.variant_id,
            warehouse_id=warehouse_id,
            quantity_total=self.quantity or 0,
            reorder_point=REORDER_POINT_DEFAULT if self.reorder_point is None else self.reorder_point,
            reorder_quantity=REORDER_QUANTITY_DEFAULT if self.reorder_quantity is None else self.reorder_quantity,
            unit_cost=self.unit_cost,
            currency=self.currency,
        )

    def changes(self, item: StockItem) -> StockItemChanges:
        """What the line says of a row that is there; its quantity is a count."""
        return StockItemChanges(
            quantity_total=self.quantity,
            reorder_point=self.reorder_point,
            reorder_quantity=self.reorder_quantity,
            unit_cost=self.unit_cost,
            currency=self.currency,
            product_id=self.product_id,
            variant_id=self.variant_id or item.variant_id,
        )

    def refused(self, error: HoldfastError) -> LineOutcome:
        """The line refused by a rule: one problem for each wrong field, or one for the whole line."""
        fields = error.extra.get("errors") or [{"pointer": None, "detail": error.detail}]
        problems = tuple(
            LineProblem(line=self.line, column=_column(field["pointer"]), code=error.code, detail=field["detail"])
            for field in fields
        )
        return LineOutcome(line=self.line, problems=problems)


def import_id_of(name: str) -> UUID:
    """The identity of an import: with the same name it does nothing twice."""
    return uuid.uuid5(NAMESPACE, f"import/{name}")


def _column(pointer: str | None) -> str | None:
    if pointer is None:
        return None
    snake = re.sub("([A-Z])", r"_\1", pointer.strip("/")).lower()
    return _COLUMN_OF_POINTER.get(pointer, snake)
