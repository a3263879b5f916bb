"""Warehouses: bounds of their fields."""

from __future__ import annotations

import math
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from domain.errors import Unprocessable
from domain.warehouses import (
    NewWarehouse,
    Warehouse,
    WarehouseChanges,
    check_new_warehouse,
    check_warehouse_changes,
)

NEW = NewWarehouse(code="BER-1", name="Berlin")
WAREHOUSE = Warehouse(
    warehouse_id=uuid.uuid4(),
    code="BER-1",
    name="Berlin",
    address="",
    city="",
    state="",
    country="",
    postal_code="",
    region="",
    is_active=True,
    priority=1,
    latitude=None,
    longitude=None,
    version=1,
    created_at=datetime(2026, 11, 23, tzinfo=UTC),
    updated_at=datetime(2026, 11, 23, tzinfo=UTC),
)
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "/name"),
    ({"name": "n" * 256}, "/name"),
    ({"address": "a" * 501}, "/address"),
    ({"city": "c" * 101}, "/city"),
    ({"state": "s" * 101}, "/state"),
    ({"country": "c" * 101}, "/country"),
    ({"postal_code": "1" * 21}, "/postalCode"),
    ({"region": "r" * 51}, "/region"),
    ({"region": "r\x00"}, "/region"),
    ({"priority": -1}, "/priority"),
    ({"priority": 1_000_001}, "/priority"),
    ({"adjustment_threshold_quantity": -1}, "/adjustmentThresholdQuantity"),
    ({"adjustment_threshold_value": Decimal(-1)}, "/adjustmentThresholdValue"),
    ({"latitude": 90.1, "longitude": 0.0}, "/latitude"),
    ({"latitude": math.nan, "longitude": 0.0}, "/latitude"),
    ({"latitude": 0.0, "longitude": -180.1}, "/longitude"),
    ({"latitude": 1.0}, "/latitude"),
]


def pointers(refused: pytest.ExceptionInfo[Unprocessable]) -> list[str]:
    return [problem["pointer"] for problem in refused.value.extra["errors"]]


@pytest.mark.parametrize(("fields", "pointer"), [*WRONG, ({"code": ""}, "/code"), ({"code": "C" * 21}, "/code")])
def test_a_wrong_field_of_a_new_warehouse_is_pointed_at(fields: dict[str, Any], pointer: str) -> None:
    check_new_warehouse(NEW)
    with pytest.raises(Unprocessable) as refused:
        check_new_warehouse(replace(NEW, **fields))
    assert pointers(refused) == [pointer]


@pytest.mark.parametrize(("fields", "pointer"), [*WRONG, ({"code": "BER-2"}, "/code")])
def test_a_wrong_change_is_pointed_at(fields: dict[str, Any], pointer: str) -> None:
    check_warehouse_changes(WarehouseChanges(code="BER-1", name="Berlin-Lichtenberg", is_active=False), WAREHOUSE)
    with pytest.raises(Unprocessable) as refused:
        check_warehouse_changes(WarehouseChanges(**fields), WAREHOUSE)
    assert pointers(refused) == [pointer]


def test_one_coordinate_may_change_when_both_are_known() -> None:
    placed = replace(WAREHOUSE, latitude=1.0, longitude=2.0)
    check_warehouse_changes(WarehouseChanges(latitude=3.0), placed)
