"""Restocking: which rows need it, how much of it, and from whom."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.limits import QUANTITY_MAX
from domain.restock import LowRow, Offer, Suggestion, Unsupplied, chosen, is_low, suggestion_for
from domain.stock import Incoming, StockItem
from domain.suppliers import SupplierItem

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ROW = StockItem(
    inventory_id=uuid.uuid4(),
    product_id=uuid.uuid4(),
    variant_id=None,
    warehouse_id=uuid.uuid4(),
    sku="A",
    quantity_total=12,
    quantity_reserved=4,
    reorder_point=10,
    reorder_quantity=50,
    currency="EUR",
    unit_cost=Decimal(4),
    sequence=1,
    version=1,
    created_at=NOW,
    updated_at=NOW,
)
NOTHING_COMES = Incoming()
pieces = st.integers(0, 2_000)


def offer(
    code: str, cost: object = 4, *, currency: str = "EUR", lead: int = 7, is_active: bool = True, **terms: Any
) -> Offer:
    item = SupplierItem(
        supplier_id=uuid.uuid4(),
        sku="A",
        unit_cost=Decimal(str(cost)),
        version=1,
        created_at=NOW,
        updated_at=NOW,
        **terms,
    )
    return Offer(item=item, supplier_code=code, currency=currency, lead_time_days=lead, is_active=is_active)


def suggested(row: StockItem, incoming: Incoming, *offers: Offer) -> Suggestion | None:
    return suggestion_for(LowRow(item=row, incoming=incoming, offers=offers))


def test_what_is_on_its_way_counts_like_what_is_there() -> None:
    assert is_low(ROW, NOTHING_COMES)
    assert is_low(ROW, Incoming(on_order=1, in_transit=1))
    assert not is_low(ROW, Incoming(on_order=3))
    assert not is_low(ROW, Incoming(in_transit=3))
    assert not is_low(ROW, Incoming(on_order=2, in_transit=1))


def test_what_is_reserved_is_not_there() -> None:
    assert not is_low(replace(ROW, quantity_reserved=1), NOTHING_COMES)
    assert is_low(replace(ROW, quantity_reserved=2), NOTHING_COMES)


def test_the_reorder_quantity_is_ordered_or_what_lifts_it_above_the_point() -> None:
    for rule, quantity in ((2, 3), (3, 3), (50, 50)):
        suggestion = suggested(replace(ROW, reorder_quantity=rule), NOTHING_COMES, offer("S"))
        assert suggestion is not None
        assert suggestion.quantity == quantity


def test_a_suggestion_is_rounded_up_to_what_the_supplier_sells() -> None:
    suggestion = suggested(ROW, NOTHING_COMES, offer("S", pack_size=12, minimum_quantity=70))
    assert suggestion is not None
    assert suggestion.quantity == 72


def test_nothing_is_suggested_for_a_row_that_has_enough() -> None:
    assert suggested(ROW, Incoming(on_order=50), offer("S")) is None


def test_a_row_that_nobody_sells_is_still_told_of() -> None:
    for offers, why in ((), Unsupplied.NO_SUPPLIER), ((offer("S", is_active=False),), Unsupplied.SUPPLIER_NOT_IN_USE):
        suggestion = suggested(ROW, NOTHING_COMES, *offers)
        assert suggestion is not None
        assert (suggestion.offer, suggestion.quantity, suggestion.unsupplied) == (None, 50, why)


@pytest.mark.parametrize(
    ("offers", "wanted"),
    [
        ([offer("DEAR", 5, is_preferred=True), offer("CHEAP", 1)], "DEAR"),
        ([offer("DEAR", 5, is_preferred=True), offer("CHEAP", 1, is_preferred=True)], "CHEAP"),
        ([offer("DEAR", 5), offer("CHEAP", 1)], "CHEAP"),
        ([offer("SLOW", 4, lead=9), offer("QUICK", 4, lead=2)], "QUICK"),
        ([offer("B"), offer("A")], "A"),
        ([offer("GONE", 1, is_preferred=True, is_active=False), offer("THERE", 9)], "THERE"),
        ([offer("DOLLARS", 1, currency="USD"), offer("EUROS", 9)], "EUROS"),
        ([offer("YEN", 500, currency="JPY", lead=2), offer("DOLLARS", 4, currency="USD", lead=3)], "YEN"),
    ],
)
def test_the_supplier_is_preferred_then_cheap_then_quick(offers: list[Offer], wanted: str) -> None:
    for order in (offers, offers[::-1]):
        best = chosen(order, "EUR")
        assert best is not None
        assert best.supplier_code == wanted


levels = st.tuples(pieces, pieces, pieces)
rules = st.tuples(pieces, st.integers(1, 2_000))
packs = st.tuples(st.integers(1, QUANTITY_MAX), st.integers(1, QUANTITY_MAX))


@given(levels, rules, packs)
def test_what_is_suggested_can_be_ordered_and_is_enough(
    level: tuple[int, int, int], rule: tuple[int, int], terms: tuple[int, int]
) -> None:
    (available, coming, moving), (point, quantity) = level, rule
    row = replace(ROW, quantity_total=available, quantity_reserved=0, reorder_point=point, reorder_quantity=quantity)
    incoming = Incoming(on_order=coming, in_transit=moving)
    best = offer("S", pack_size=terms[0], minimum_quantity=min(terms[1], QUANTITY_MAX // terms[0] * terms[0]))
    suggestion = suggested(row, incoming, best)
    if suggestion is None:
        assert available + coming + moving > point
        return
    assert best.item.orderable(suggestion.quantity) == suggestion.quantity <= QUANTITY_MAX
    after = replace(incoming, on_order=coming + suggestion.quantity)
    if best.item.orderable_max >= max(quantity, point + 1):
        assert suggestion.quantity >= quantity
        assert suggested(row, after, best) is None
