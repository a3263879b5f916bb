"""What may happen to a shelf: rules of quantity and bounds of fields."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import HoldfastError, InsufficientStock, Unprocessable
from domain.limits import QUANTITY_MAX, STOCK_TOTAL_MAX
from domain.stock import (
    MovementType,
    NewStockItem,
    StockItem,
    StockItemChanges,
    StockUpdate,
    check_adjustment,
    check_takeable,
    delta_of,
)
from domain.stock_fields import check_changes, check_new_item, check_update

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ITEM = StockItem(
    inventory_id=uuid.uuid4(),
    product_id=uuid.uuid4(),
    variant_id=uuid.uuid4(),
    warehouse_id=uuid.uuid4(),
    sku="SKU-1",
    quantity_total=10,
    quantity_reserved=4,
    reorder_point=10,
    reorder_quantity=50,
    sequence=1,
    version=1,
    created_at=NOW,
    updated_at=NOW,
)
NEW = NewStockItem(sku="SKU-1", product_id=uuid.uuid4(), warehouse_id=uuid.uuid4())
UPDATE = StockUpdate(inventory_id=ITEM.inventory_id, delta=1, reason="found behind the shelf")


def pointers(refused: pytest.ExceptionInfo[Unprocessable]) -> list[str]:
    return [problem["pointer"] for problem in refused.value.extra["errors"]]


class TestQuantities:
    def test_available_is_what_is_not_promised(self) -> None:
        assert ITEM.quantity_available == 6

    def test_what_is_promised_cannot_be_taken_away(self) -> None:
        check_takeable(ITEM, -6)
        with pytest.raises(InsufficientStock) as refused:
            check_takeable(ITEM, -7)
        assert (refused.value.shortages[0].requested, refused.value.shortages[0].available) == (7, 6)

    def test_a_shelf_has_an_end(self) -> None:
        check_takeable(ITEM, STOCK_TOTAL_MAX - 10)
        with pytest.raises(Unprocessable):
            check_takeable(ITEM, STOCK_TOTAL_MAX - 9)

    @pytest.mark.parametrize("kind", [MovementType.OUTBOUND, MovementType.TRANSFER])
    def test_nobody_writes_a_sale_or_a_transfer_by_hand(self, kind: MovementType) -> None:
        with pytest.raises(Unprocessable) as refused:
            check_adjustment(kind, 1)
        assert pointers(refused) == ["/type"]

    @pytest.mark.parametrize(
        ("kind", "delta"),
        [
            (MovementType.ADJUSTMENT, 0),
            (MovementType.DAMAGE, 1),
            (MovementType.INBOUND, -1),
            (MovementType.RETURN, -1),
        ],
    )
    def test_the_sign_has_to_fit_the_reason(self, kind: MovementType, delta: int) -> None:
        with pytest.raises(Unprocessable) as refused:
            check_adjustment(kind, delta)
        assert pointers(refused) == ["/delta"]

    @pytest.mark.parametrize(
        ("kind", "delta"),
        [
            (MovementType.ADJUSTMENT, -100),
            (MovementType.ADJUSTMENT, 100),
            (MovementType.DAMAGE, -100),
            (MovementType.INBOUND, 100),
            (MovementType.RETURN, 1),
        ],
    )
    def test_a_person_may_write_what_belongs_to_people(self, kind: MovementType, delta: int) -> None:
        check_adjustment(kind, delta)


class TestUpdates:
    def test_a_count_is_the_difference_to_what_was_believed(self) -> None:
        count = StockUpdate(inventory_id=ITEM.inventory_id, quantity_total=7)
        assert delta_of(ITEM, count) == -3

    def test_a_count_that_finds_what_was_expected_changes_nothing(self) -> None:
        count = StockUpdate(inventory_id=ITEM.inventory_id, quantity_total=10, type=MovementType.DAMAGE)
        assert delta_of(ITEM, count) == 0

    @given(
        st.integers(0, 300),
        st.integers(0, 300),
        st.sampled_from(MovementType),
        st.one_of(
            st.integers(-400, 400).map(lambda delta: {"delta": delta}),
            st.integers(0, 600).map(lambda total: {"quantity_total": total}),
        ),
    )
    def test_whatever_is_let_through_leaves_a_possible_row(
        self, reserved: int, free: int, kind: MovementType, asked: dict[str, Any]
    ) -> None:
        item = replace(ITEM, quantity_total=reserved + free, quantity_reserved=reserved)
        update = StockUpdate(inventory_id=item.inventory_id, type=kind, reason="r", **asked)
        try:
            delta = delta_of(item, update)
            check_adjustment(kind, delta)
            check_takeable(item, delta)
        except HoldfastError:
            return
        after = replace(item, quantity_total=item.quantity_total + delta)
        assert after.quantity_available >= 0
        assert asked.get("quantity_total", after.quantity_total) == after.quantity_total


class TestFields:
    def test_a_new_row_may_be_as_plain_as_its_defaults(self) -> None:
        check_new_item(NEW)

    def test_a_new_row_may_be_as_full_as_any_other(self) -> None:
        check_new_item(replace(NEW, quantity_total=STOCK_TOTAL_MAX))

    @pytest.mark.parametrize(
        ("field", "value", "pointer"),
        [
            ("sku", "", "/sku"),
            ("sku", "   ", "/sku"),
            ("sku", " SKU", "/sku"),
            ("sku", "S" * 51, "/sku"),
            ("sku", "S\x00", "/sku"),
            ("sku", "S\ud800", "/sku"),
            ("quantity_total", -1, "/quantityTotal"),
            ("quantity_total", STOCK_TOTAL_MAX + 1, "/quantityTotal"),
            ("reorder_point", -1, "/reorderPoint"),
            ("reorder_point", STOCK_TOTAL_MAX + 1, "/reorderPoint"),
            ("reorder_quantity", 0, "/reorderQuantity"),
            ("unit_cost", Decimal(1), "/unitCost"),
            ("currency", "EUR", "/unitCost"),
        ],
    )
    def test_a_wrong_field_of_a_new_row_is_pointed_at(self, field: str, value: Any, pointer: str) -> None:
        with pytest.raises(Unprocessable) as refused:
            check_new_item(replace(NEW, **{field: value}))
        assert pointers(refused) == [pointer]

    def test_all_wrong_fields_are_told_at_once(self) -> None:
        with pytest.raises(Unprocessable) as refused:
            check_new_item(replace(NEW, sku="", quantity_total=-1, reorder_quantity=0))
        assert pointers(refused) == ["/sku", "/quantityTotal", "/reorderQuantity"]

    def test_a_row_that_was_read_may_be_sent_back(self) -> None:
        check_changes(
            StockItemChanges(
                sku=ITEM.sku,
                product_id=ITEM.product_id,
                variant_id=ITEM.variant_id,
                warehouse_id=ITEM.warehouse_id,
                quantity_total=0,
                reorder_point=0,
                reorder_quantity=1,
            ),
            ITEM,
        )

    @pytest.mark.parametrize(
        ("field", "value", "pointer"),
        [
            ("sku", "SKU-2", "/sku"),
            ("product_id", uuid.uuid4(), "/productId"),
            ("variant_id", uuid.uuid4(), "/variantId"),
            ("warehouse_id", uuid.uuid4(), "/warehouseId"),
            ("quantity_total", -1, "/quantityTotal"),
            ("reason", "r" * 256, "/reason"),
            ("reorder_point", -1, "/reorderPoint"),
        ],
    )
    def test_a_row_stays_what_it_is(self, field: str, value: Any, pointer: str) -> None:
        with pytest.raises(Unprocessable) as refused:
            check_changes(replace(StockItemChanges(), **{field: value}), ITEM)
        assert pointers(refused) == [pointer]

    @pytest.mark.parametrize(
        ("fields", "pointer"),
        [
            ({"unit_cost": Decimal(-1), "currency": "EUR"}, "/unitCost"),
            ({"unit_cost": Decimal("0.00001"), "currency": "EUR"}, "/unitCost"),
            ({"unit_cost": Decimal(1), "currency": "eur"}, "/currency"),
        ],
    )
    def test_a_wrong_cost_is_pointed_at(self, fields: dict[str, Any], pointer: str) -> None:
        for check in (
            lambda: check_new_item(replace(NEW, **fields)),
            lambda: check_changes(replace(StockItemChanges(), **fields), ITEM),
        ):
            with pytest.raises(Unprocessable) as refused:
                check()
            assert pointers(refused) == [pointer]

    def test_a_cost_has_a_currency_and_another_currency_another_cost(self) -> None:
        with pytest.raises(Unprocessable) as refused:
            check_changes(StockItemChanges(unit_cost=Decimal(1)), ITEM)
        assert pointers(refused) == ["/currency"]
        priced = replace(ITEM, unit_cost=Decimal(1), currency="EUR")
        check_changes(StockItemChanges(unit_cost=Decimal(2)), priced)
        check_changes(StockItemChanges(currency="EUR"), priced)
        with pytest.raises(Unprocessable) as refused:
            check_changes(StockItemChanges(currency="USD"), priced)
        assert pointers(refused) == ["/unitCost"]

    @pytest.mark.parametrize(
        ("fields", "pointer"),
        [
            ({"inventory_id": None}, "/inventoryId"),
            ({"inventory_id": None, "sku": "A"}, "/inventoryId"),
            ({"sku": "A", "warehouse_id": uuid.uuid4()}, "/inventoryId"),
            ({"quantity_total": 5}, "/delta"),
            ({"delta": None}, "/delta"),
            ({"delta": QUANTITY_MAX + 1}, "/delta"),
            ({"delta": None, "quantity_total": -1}, "/quantityTotal"),
            ({"reason": ""}, "/reason"),
            ({"reason": "a\nb"}, "/reason"),
            ({"reference": "r" * 101}, "/reference"),
        ],
    )
    def test_a_contradicting_update_is_pointed_at(self, fields: dict[str, Any], pointer: str) -> None:
        with pytest.raises(Unprocessable) as refused:
            check_update(replace(UPDATE, **fields))
        assert pointer in pointers(refused)

    def test_a_count_needs_no_reason_and_a_row_may_be_named_by_its_place(self) -> None:
        check_update(UPDATE)
        check_update(StockUpdate(sku="A", warehouse_id=uuid.uuid4(), quantity_total=3))
