"""Availability: what counts for a query, and whether many can be served at once."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Sequence
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.availability import AvailabilityQuery, Shelf, assess, eligible, servable_together


def shelf(available: int, *, region: str = "eu", is_active: bool = True) -> Shelf:
    return Shelf(uuid.uuid4(), uuid.uuid4(), f"W-{available}", region, is_active, 1, available)


def test_all_active_warehouses_count_together() -> None:
    shelves = [shelf(3), shelf(4), shelf(50, is_active=False)]
    answer = assess(AvailabilityQuery(sku="A", quantity=7), "A", shelves)
    assert (answer.available, answer.quantity_available) == (True, 7)
    assert [place.quantity_available for place in answer.warehouses] == [3, 4]
    assert not assess(AvailabilityQuery(sku="A", quantity=8), "A", shelves).available


def test_a_region_counts_alone() -> None:
    shelves = [shelf(3, region="eu"), shelf(4, region="us")]
    answer = assess(AvailabilityQuery(sku="A", quantity=4, region="eu"), "A", shelves)
    assert (answer.available, answer.quantity_available) == (False, 3)


def test_a_row_named_by_its_id_counts_alone() -> None:
    shelves = [shelf(3), shelf(4)]
    query = AvailabilityQuery(inventory_id=shelves[1].inventory_id, quantity=4)
    assert assess(query, "A", shelves).quantity_available == 4


def test_no_shelf_in_reach_is_an_answer() -> None:
    answer = assess(AvailabilityQuery(sku="A", quantity=1, region="mars"), "A", [shelf(3)])
    assert (answer.available, answer.quantity_available, answer.warehouses) == (False, 0, ())


def test_the_same_stock_is_not_counted_for_two() -> None:
    shelves = [shelf(5)]
    assert servable_together([(3, shelves), (2, shelves)])
    assert not servable_together([(3, shelves), (3, shelves)])


def test_who_may_go_anywhere_gives_way_to_who_may_not() -> None:
    europe, america = shelf(5, region="eu"), shelf(5, region="us")
    assert servable_together([(5, [europe, america]), (5, [europe])])
    assert not servable_together([(6, [europe, america]), (5, [europe])])


def test_a_demand_without_a_shelf_cannot_be_served() -> None:
    assert not servable_together([(1, [])])


_SHELVES = [shelf(available, region=region) for available, region in ((2, "eu"), (1, "eu"), (2, "us"))]
_QUERIES = st.lists(
    st.builds(
        AvailabilityQuery,
        quantity=st.integers(1, 3),
        region=st.sampled_from([None, "eu", "us"]),
        inventory_id=st.sampled_from([None, *(each.inventory_id for each in _SHELVES)]),
    ),
    max_size=4,
)


@given(_QUERIES)
def test_all_together_is_possible_exactly_when_somebody_finds_a_way(queries: list[AvailabilityQuery]) -> None:
    demands = [(query.quantity, eligible(query, _SHELVES)) for query in queries]
    assert servable_together(demands) == _possible(demands)


def _possible(demands: Sequence[tuple[int, Sequence[Shelf]]]) -> bool:
    """Try every way, piece by piece."""
    pieces = [[place.inventory_id for place in places] for quantity, places in demands for _ in range(quantity)]
    room = {each.inventory_id: each.quantity_available for each in _SHELVES}
    return len(pieces) <= sum(room.values()) and any(_fits(choice, room) for choice in itertools.product(*pieces))


def _fits(choice: Sequence[UUID], room: dict[UUID, int]) -> bool:
    return all(choice.count(place) <= room[place] for place in set(choice))
