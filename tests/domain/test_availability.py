"""Availability: what counts for a query, whether many can be served at once, and that it is what a plan would say."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.allocation import Strategy
from domain.availability import Availability, AvailabilityQuery, Shelf, Wanted, assess, assess_together
from domain.destinations import Destination, Location
from domain.distance import Coordinates
from domain.explanations import Reason

HERE = Destination(point=Coordinates(0, 0))
GERMANY = Destination(country="DE")


def shelf(available: int, *, region: str = "eu", is_active: bool = True, **more: Any) -> Shelf:
    return Shelf(uuid.uuid4(), uuid.uuid4(), f"W-{available}", region, is_active, 1, available, **more)


def wanted(quantity: int, shelves: Sequence[Shelf], **more: Any) -> Wanted:
    named = {} if "inventory_id" in more else {"sku": "A"}
    return Wanted(query=AvailabilityQuery(quantity=quantity, **{**named, **more}), sku="A", shelves=shelves)


def answer(quantity: int, shelves: Sequence[Shelf], **more: Any) -> Availability:
    return assess(wanted(quantity, shelves, **more), {})


def together(*items: Wanted) -> bool:
    return assess_together(items, {})[0]


def test_all_active_warehouses_count_together() -> None:
    shelves = [shelf(3), shelf(4), shelf(50, is_active=False)]
    found = answer(7, shelves)
    assert (found.available, found.quantity_available) == (True, 7)
    assert [place.quantity_available for place in found.warehouses] == [4, 3]
    assert not answer(8, shelves).available


def test_without_splitting_the_fullest_counts_alone() -> None:
    shelves = [shelf(3), shelf(4)]
    assert (answer(4, shelves, allow_split=False).available, answer(5, shelves, allow_split=False).available) == (
        True,
        False,
    )
    assert answer(5, shelves, allow_split=False).quantity_available == 4


def test_a_region_counts_alone() -> None:
    shelves = [shelf(3, region="eu"), shelf(4, region="us")]
    found = answer(4, shelves, region="eu")
    assert (found.available, found.quantity_available) == (False, 3)


def test_a_warehouse_that_is_named_counts_alone() -> None:
    shelves = [shelf(3), shelf(4)]
    found = answer(3, shelves, warehouse_id=shelves[0].warehouse_id)
    assert (found.available, found.quantity_available) == (True, 3)
    assert [it.reasons for it in found.explanation.rejected] == [(Reason.NAMED_ELSEWHERE,)]


def test_a_row_named_by_its_id_counts_alone() -> None:
    shelves = [shelf(3), shelf(4)]
    found = answer(4, shelves, inventory_id=shelves[1].inventory_id)
    assert (found.quantity_available, len(found.warehouses)) == (4, 1)


def test_no_shelf_in_reach_is_an_answer() -> None:
    found = answer(1, [shelf(3)], region="mars")
    assert (found.available, found.quantity_available, found.warehouses) == (False, 0, ())
    assert [it.reasons for it in found.explanation.rejected] == [(Reason.OTHER_REGION,)]


def test_warehouses_come_in_the_order_of_the_strategy_with_their_distance() -> None:
    near, far, lost = (
        shelf(1, location=Coordinates(0, 1), priority=3),
        shelf(2, location=Coordinates(0, 2), priority=2),
        shelf(3, priority=1),
    )
    found = answer(1, [lost, far, near], strategy=Strategy.NEAREST, destination=HERE)
    assert [(it.quantity_available, it.distance_km) for it in found.warehouses] == [(1, 111.2), (2, 222.4), (3, None)]
    assert [it.warehouse_id for it in found.explanation.allocated] == [near.warehouse_id]
    by_priority = answer(1, [lost, far, near])
    assert [it.distance_km for it in by_priority.warehouses] == [None] * 3
    assert [it.quantity_available for it in by_priority.warehouses] == [3, 2, 1]


def test_an_area_is_where_its_warehouses_stand() -> None:
    query = wanted(1, [shelf(1, location=Coordinates(0, 11))], destination=GERMANY)
    found = assess(query, {GERMANY: [Coordinates(0, 10)]})
    assert [it.distance_km for it in found.warehouses] == [111.2]
    assert found.explanation.place is not None
    assert found.explanation.place.location is Location.CENTRE
    nowhere = assess(query, {GERMANY: []}).explanation.place
    assert nowhere is not None
    assert nowhere.location is Location.UNKNOWN


def test_the_same_stock_is_not_counted_for_two() -> None:
    shelves = [shelf(5)]
    assert together(wanted(3, shelves), wanted(2, shelves))
    assert not together(wanted(3, shelves), wanted(3, shelves))


def test_who_may_go_anywhere_gives_way_to_who_may_not() -> None:
    shelves = [shelf(5, region="eu"), shelf(5, region="us")]
    assert together(wanted(5, shelves), wanted(5, shelves, region="eu"))
    assert not together(wanted(6, shelves), wanted(5, shelves, region="eu"))


def test_an_item_that_names_a_warehouse_of_another_region_cannot_be_served() -> None:
    shelves = [shelf(5, region="eu"), shelf(5, region="us")]
    lost = wanted(1, shelves, warehouse_id=shelves[0].warehouse_id, region="us")
    assert not together(lost)
    assert not together(lost, wanted(1, shelves))


def test_a_demand_without_a_shelf_cannot_be_served() -> None:
    assert not together(wanted(1, []))


def test_items_of_one_order_are_explained_together_and_others_are_not() -> None:
    shelves = [shelf(5, location=Coordinates(0, 1)), shelf(9, location=Coordinates(0, 2))]
    order = [wanted(3, shelves, destination=HERE), wanted(3, shelves, destination=HERE)]
    available, explanation = assess_together(order, {})
    assert available
    assert explanation is not None
    assert [it.quantity for it in explanation.allocated] == [6]
    assert assess_together([order[0], wanted(3, shelves, destination=GERMANY)], {}) == (True, None)
    assert assess_together([order[0], wanted(30, shelves, destination=GERMANY)], {}) == (False, None)


_SHELVES = [shelf(available, region=region) for available, region in ((2, "eu"), (1, "eu"), (2, "us"))]
_QUERIES = st.lists(
    st.builds(
        AvailabilityQuery,
        quantity=st.integers(1, 3),
        region=st.sampled_from([None, "eu", "us"]),
        inventory_id=st.sampled_from([None, *(each.inventory_id for each in _SHELVES)]),
    ),
    min_size=1,
    max_size=4,
)


@given(_QUERIES)
def test_all_together_is_possible_exactly_when_somebody_finds_a_way(queries: list[AvailabilityQuery]) -> None:
    items = [Wanted(query=query, sku="A", shelves=_SHELVES) for query in queries]
    assert together(*items) == _possible(items)


@given(_QUERIES)
def test_one_by_itself_is_possible_exactly_when_its_quantity_is_there(queries: list[AvailabilityQuery]) -> None:
    for query in queries:
        item = Wanted(query=query, sku="A", shelves=_SHELVES)
        found = assess(item, {})
        assert found.available == _possible([item]) == (found.quantity_available >= query.quantity)


def _possible(items: Sequence[Wanted]) -> bool:
    """Try every way, piece by piece."""
    pieces = [_places(item) for item in items for _ in range(item.query.quantity)]
    room = {each.inventory_id: each.quantity_available for each in _SHELVES}
    return len(pieces) <= sum(room.values()) and any(_fits(choice, room) for choice in itertools.product(*pieces))


def _places(item: Wanted) -> list[UUID]:
    query = item.query
    return [
        it.inventory_id
        for it in item.shelves
        if query.inventory_id in {None, it.inventory_id} and query.region in {None, it.region}
    ]


def _fits(choice: Sequence[UUID], room: dict[UUID, int]) -> bool:
    return all(choice.count(place) <= room[place] for place in set(choice))
