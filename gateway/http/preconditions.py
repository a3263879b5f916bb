"""What must hold before a row that was read comes back changed: what cannot be changed is as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic.alias_generators import to_camel

from domain.errors import FieldProblem, StaleVersion, Unprocessable
from domain.stock import StockItem
from domain.suppliers import Supplier
from domain.warehouses import Warehouse


def check_read_only(
    row: StockItem | Warehouse | Supplier, given: Mapping[str, Any], expected_version: int | None
) -> None:
    """Refuse read-only fields that differ from the row's. Raises StaleVersion when that is why, else Unprocessable."""
    if expected_version not in (None, row.version):
        raise StaleVersion()
    _refuse([name for name, value in given.items() if getattr(row, name) != value])


def check_named_alike(path: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Refuse read-only fields that name something else than the path does. Raises Unprocessable."""
    _refuse([name for name, value in given.items() if path[name] != value])


def _refuse(changed: Sequence[str]) -> None:
    if changed:
        wrong = [FieldProblem(f"/{to_camel(name)}", "cannot be changed here") for name in changed]
        raise Unprocessable("a field that cannot be changed here was changed", fields=wrong)
