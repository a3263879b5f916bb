"""Which pieces of a sale a return means: all that was asked for, and never a piece more than is still out."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import ReturnExceedsSale, Unprocessable
from domain.reservations import Line
from domain.returns import Condition, ReturnItem, ReturnPart, ReturnRequest, check_return, plan_return

SELLABLE, DAMAGED = Condition.SELLABLE, Condition.DAMAGED
ROWS = [uuid.UUID(int=number) for number in range(1, 4)]


def line(row: int, sku: str, quantity: int, returned: int = 0) -> Line:
    return Line(
        inventory_id=ROWS[row], warehouse_id=uuid.UUID(int=99), sku=sku, quantity=quantity, quantity_returned=returned
    )


SALE = [line(0, "TEA", 5, returned=1), line(1, "TEA", 3), line(2, "CUP", 2)]


def of(sku: str, quantity: int, condition: Condition = SELLABLE) -> ReturnItem:
    return ReturnItem(sku=sku, quantity=quantity, condition=condition)


def test_without_items_all_that_is_still_out_comes_back_sellable() -> None:
    assert plan_return(SALE, []) == [
        ReturnPart(ROWS[0], SELLABLE, 4),
        ReturnPart(ROWS[1], SELLABLE, 3),
        ReturnPart(ROWS[2], SELLABLE, 2),
    ]


def test_a_sku_comes_back_to_the_rows_it_came_from() -> None:
    assert plan_return(SALE, [of("TEA", 6)]) == [
        ReturnPart(ROWS[0], SELLABLE, 4),
        ReturnPart(ROWS[1], SELLABLE, 2),
    ]


def test_the_same_sku_may_come_back_in_two_conditions_and_is_summed_in_one() -> None:
    items = [of("CUP", 1, DAMAGED), of("CUP", 1), of("TEA", 1), of("TEA", 2)]
    assert plan_return(SALE, items) == [
        ReturnPart(ROWS[0], SELLABLE, 3),
        ReturnPart(ROWS[2], DAMAGED, 1),
        ReturnPart(ROWS[2], SELLABLE, 1),
    ]


def test_who_names_a_row_is_not_robbed_by_who_names_a_sku() -> None:
    items = [of("TEA", 3), ReturnItem(inventory_id=ROWS[0], quantity=4)]
    assert plan_return(SALE, items) == [ReturnPart(ROWS[0], SELLABLE, 4), ReturnPart(ROWS[1], SELLABLE, 3)]


def test_every_item_that_is_too_much_is_told_with_what_could_come_back() -> None:
    items = [of("TEA", 8), of("CUP", 2), of("CUP", 1, DAMAGED), of("HAT", 1)]
    with pytest.raises(ReturnExceedsSale) as refused:
        plan_return(SALE, items)
    told = [(each["pointer"], each["requested"], each["returnable"]) for each in refused.value.extra["errors"]]
    assert told == [("/lines/0/quantity", 8, 7), ("/lines/2/quantity", 1, 0), ("/lines/3/quantity", 1, 0)]


def test_when_everything_is_back_there_is_nothing_left_to_bring() -> None:
    with pytest.raises(ReturnExceedsSale, match="come back already"):
        plan_return([line(0, "TEA", 5, returned=5)], [])


@given(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["TEA", "CUP"]), st.integers(1, 9), st.integers(0, 9))),
    st.lists(
        st.builds(of, st.sampled_from(["TEA", "CUP"]), st.integers(1, 12), st.sampled_from(Condition))
        | st.builds(
            lambda row, pieces: ReturnItem(inventory_id=ROWS[row], quantity=pieces),
            st.integers(0, 2),
            st.integers(1, 12),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_a_plan_is_what_was_asked_for_and_never_more_than_was_sold(
    shelves: list[tuple[int, str, int, int]], items: list[ReturnItem]
) -> None:
    sale = [
        line(row, sku, sold, min(sold, back)) for row, sku, sold, back in {each[0]: each for each in shelves}.values()
    ]
    still_out = {each.inventory_id: each.quantity - each.quantity_returned for each in sale}
    sku_of = {each.inventory_id: each.sku for each in sale}
    try:
        parts = plan_return(sale, items)
    except ReturnExceedsSale:
        bound = Counter[uuid.UUID]()
        for item in items:
            if item.inventory_id is not None:
                bound[item.inventory_id] += item.quantity
        loose = Counter({sku: sum(i.quantity for i in items if i.sku == sku) for sku in ("TEA", "CUP")})
        free = Counter[str]()
        for row, pieces in still_out.items():
            free[sku_of[row]] += pieces - bound[row]
        too_much = any(pieces > still_out.get(row, 0) for row, pieces in bound.items())
        assert too_much or any(pieces > free[sku] for sku, pieces in loose.items())
        return
    came = Counter[uuid.UUID]()
    for part in parts:
        came[part.inventory_id] += part.quantity
    assert all(pieces <= still_out[row] for row, pieces in came.items())
    assert sum(came.values()) == sum(item.quantity for item in items)
    assert len({(part.inventory_id, part.condition) for part in parts}) == len(parts)
    damaged = sum(part.quantity for part in parts if part.condition is DAMAGED)
    assert damaged == sum(item.quantity for item in items if item.condition is DAMAGED)


class TestRequests:
    REQUEST = ReturnRequest(return_id=uuid.uuid4(), items=(of("TEA", 1),), reason="too small")

    @pytest.mark.parametrize(
        ("fields", "pointer"),
        [
            ({"items": (ReturnItem(quantity=1),)}, "/lines/0"),
            ({"items": (ReturnItem(quantity=1, sku="A", inventory_id=ROWS[0]),)}, "/lines/0"),
            ({"items": (of("TEA", 0),)}, "/lines/0/quantity"),
            ({"items": (of("TEA", 1), of("TEA", 1_000_001))}, "/lines/1/quantity"),
            ({"items": (of("S" * 51, 1),)}, "/lines/0/sku"),
            ({"items": (of("TEA", 1),) * 201}, "/lines"),
            ({"reason": "r" * 256}, "/reason"),
        ],
    )
    def test_a_wrong_field_is_pointed_at(self, fields: dict[str, Any], pointer: str) -> None:
        check_return(self.REQUEST)
        with pytest.raises(Unprocessable) as refused:
            check_return(replace(self.REQUEST, **fields))
        assert [problem["pointer"] for problem in refused.value.extra["errors"]] == [pointer]

    def test_the_same_lines_in_another_order_are_the_same_return(self) -> None:
        one = replace(self.REQUEST, items=(of("TEA", 1), of("CUP", 2, DAMAGED)))
        assert one.fingerprint == replace(one, items=one.items[::-1], reason="another").fingerprint

    @pytest.mark.parametrize("items", [(), (of("TEA", 2),), (of("TEA", 1, DAMAGED),), (of("CUP", 1),)])
    def test_other_lines_are_another_return(self, items: tuple[ReturnItem, ...]) -> None:
        assert self.REQUEST.fingerprint != replace(self.REQUEST, items=items).fingerprint
