"""Suppliers: bounds of their fields, and the quantities in which they sell."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Unprocessable
from domain.limits import QUANTITY_MAX
from domain.suppliers import (
    NewSupplier,
    Supplier,
    SupplierChanges,
    Terms,
    check_new_supplier,
    check_supplier_changes,
    check_terms,
)

NEW = NewSupplier(code="TEA", name="Teahouse", currency="EUR", email="a@b.example")
TEAHOUSE = Supplier(
    supplier_id=uuid.uuid4(),
    code="TEA",
    name="Teahouse",
    email="",
    currency="EUR",
    lead_time_days=7,
    is_active=True,
    version=1,
    created_at=datetime(2026, 11, 23, tzinfo=UTC),
    updated_at=datetime(2026, 11, 23, tzinfo=UTC),
)
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "/name"),
    ({"name": "n" * 256}, "/name"),
    ({"email": "teahouse"}, "/email"),
    ({"email": "two@at@signs"}, "/email"),
    ({"email": "a@" + "b" * 253}, "/email"),
    ({"lead_time_days": -1}, "/leadTimeDays"),
    ({"lead_time_days": 366}, "/leadTimeDays"),
]
quantities = st.integers(1, QUANTITY_MAX)
terms = st.builds(Terms, unit_cost=st.just(Decimal(1)), pack_size=quantities, minimum_quantity=quantities)


def pointers(refused: pytest.ExceptionInfo[Unprocessable]) -> list[str]:
    return [problem["pointer"] for problem in refused.value.extra["errors"]]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [*WRONG, ({"code": " TEA"}, "/code"), ({"code": "C" * 21}, "/code"), ({"currency": "euro"}, "/currency")],
)
def test_a_wrong_field_of_a_new_supplier_is_pointed_at(fields: dict[str, Any], pointer: str) -> None:
    check_new_supplier(NEW)
    with pytest.raises(Unprocessable) as refused:
        check_new_supplier(replace(NEW, **fields))
    assert pointers(refused) == [pointer]


@pytest.mark.parametrize(
    ("fields", "pointer"), [*WRONG, ({"code": "COFFEE"}, "/code"), ({"currency": "USD"}, "/currency")]
)
def test_a_wrong_change_is_pointed_at(fields: dict[str, Any], pointer: str) -> None:
    check_supplier_changes(SupplierChanges(code="TEA", currency="EUR", email="", is_active=False), TEAHOUSE)
    with pytest.raises(Unprocessable) as refused:
        check_supplier_changes(SupplierChanges(**fields), TEAHOUSE)
    assert pointers(refused) == [pointer]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"unit_cost": Decimal(-1)}, "/unitCost"),
        ({"unit_cost": Decimal("0.00001")}, "/unitCost"),
        ({"pack_size": 0}, "/packSize"),
        ({"minimum_quantity": QUANTITY_MAX + 1}, "/minimumQuantity"),
        ({"lead_time_days": 366}, "/leadTimeDays"),
        ({"pack_size": 600_000, "minimum_quantity": 600_001}, "/minimumQuantity"),
    ],
)
def test_terms_on_which_nothing_could_be_ordered_are_refused(fields: dict[str, Any], pointer: str) -> None:
    good = Terms(unit_cost=Decimal("4.2"), pack_size=12, minimum_quantity=24)
    check_terms("SKU-1", good)
    with pytest.raises(Unprocessable) as refused:
        check_terms("SKU-1", replace(good, **fields))
    assert pointers(refused) == [pointer]


@pytest.mark.parametrize(("wanted", "orderable"), [(1, 24), (24, 24), (25, 36), (36, 36), (37, 48)])
def test_an_order_is_rounded_up_to_whole_packs_and_the_minimum(wanted: int, orderable: int) -> None:
    assert Terms(unit_cost=Decimal(1), pack_size=12, minimum_quantity=20).orderable(wanted) == orderable


@given(terms, quantities)
def test_the_next_good_quantity_is_good_and_the_least_such(offer: Terms, wanted: int) -> None:
    good = offer.orderable(wanted)
    assert good % offer.pack_size == 0
    assert good >= max(wanted, offer.minimum_quantity)
    assert good - offer.pack_size < max(wanted, offer.minimum_quantity)
    assert offer.orderable(good) == good


@given(terms)
def test_the_most_that_fits_a_line_is_whole_packs(offer: Terms) -> None:
    assert offer.orderable_max % offer.pack_size == 0
    assert QUANTITY_MAX - offer.pack_size < offer.orderable_max <= QUANTITY_MAX
