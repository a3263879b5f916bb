"""Allocation as a pure function: examples for every rule, and properties for everything between."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import replace
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.allocation import Demand, Level, Plan, Rules, plan
from domain.errors import Shortage

WAREHOUSES = [UUID(int=number) for number in range(1, 5)]
REGIONS = ("north", "south")
SKUS = ("A", "B", "C")


def level(sku: str, available: int, *, warehouse: int = 0, priority: int = 1, region: str = "") -> Level:
    return Level(
        inventory_id=uuid.uuid5(WAREHOUSES[warehouse], sku),
        warehouse_id=WAREHOUSES[warehouse],
        sku=sku,
        quantity_available=available,
        priority=priority,
        region=region,
    )


def picked(made: Plan) -> list[tuple[int, str, int]]:
    """The picks as (warehouse, SKU, pieces)."""
    return sorted((WAREHOUSES.index(pick.warehouse_id), pick.sku, pick.quantity) for pick in made.picks)


def test_the_warehouse_with_the_lowest_priority_number_serves_first() -> None:
    levels = [level("A", 9, warehouse=0, priority=2), level("A", 9, warehouse=1, priority=1)]
    assert picked(plan([Demand(sku="A", quantity=4)], levels)) == [(1, "A", 4)]


def test_of_equal_priority_the_fuller_shelf_serves_first() -> None:
    levels = [level("A", 5, warehouse=0), level("A", 9, warehouse=1)]
    assert picked(plan([Demand(sku="A", quantity=4)], levels)) == [(1, "A", 4)]


def test_a_split_takes_what_remains() -> None:
    levels = [level("A", 10, warehouse=0, priority=1), level("A", 15, warehouse=1, priority=2)]
    assert picked(plan([Demand(sku="A", quantity=13)], levels)) == [(0, "A", 10), (1, "A", 3)]


def test_the_same_sku_twice_is_one_demand() -> None:
    demands = [Demand(sku="A", quantity=3), Demand(sku="A", quantity=3)]
    assert plan(demands, [level("A", 5)]).shortages == (Shortage("A", 6, 5),)
    assert picked(plan(demands, [level("A", 6)])) == [(0, "A", 6)]


def test_who_is_bound_to_a_warehouse_is_served_before_who_is_not() -> None:
    levels = [level("A", 5, warehouse=0, priority=1), level("A", 5, warehouse=1, priority=2)]
    demands = [Demand(sku="A", quantity=5), Demand(sku="A", quantity=5, warehouse_id=WAREHOUSES[0])]
    assert picked(plan(demands, levels)) == [(0, "A", 5), (1, "A", 5)]


def test_a_bound_demand_never_comes_from_elsewhere() -> None:
    levels = [level("A", 2, warehouse=0), level("A", 50, warehouse=1)]
    made = plan([Demand(sku="A", quantity=3, warehouse_id=WAREHOUSES[0])], levels)
    assert made == Plan(shortages=(Shortage("A", 3, 2),))


def test_without_splitting_a_fuller_shelf_further_down_serves() -> None:
    levels = [level("A", 10, warehouse=0, priority=1), level("A", 15, warehouse=1, priority=2)]
    assert picked(plan([Demand(sku="A", quantity=13)], levels, Rules(allow_split=False))) == [(1, "A", 13)]


def test_without_splitting_the_shortage_names_the_best_single_shelf() -> None:
    levels = [level("A", 10, warehouse=0), level("A", 12, warehouse=1)]
    assert plan([Demand(sku="A", quantity=13)], levels, Rules(allow_split=False)).shortages == (Shortage("A", 13, 12),)


def test_only_the_region_serves() -> None:
    levels = [level("A", 5, warehouse=0, region="north"), level("A", 5, warehouse=1, region="south")]
    assert picked(plan([Demand(sku="A", quantity=5)], levels, Rules(region="south"))) == [(1, "A", 5)]
    assert plan([Demand(sku="A", quantity=6)], levels, Rules(region="south")).shortages == (Shortage("A", 6, 5),)


def test_every_shortage_is_listed_and_then_nothing_is_picked() -> None:
    levels = [level("A", 1), level("B", 5), level("C", 0)]
    made = plan([Demand(sku=sku, quantity=2) for sku in SKUS], levels)
    assert made == Plan(shortages=(Shortage("A", 2, 1), Shortage("C", 2, 0)))


def test_an_unknown_sku_is_short_of_everything() -> None:
    assert plan([Demand(sku="X", quantity=2)], []).shortages == (Shortage("X", 2, 0),)


def test_a_level_below_nothing_counts_as_nothing() -> None:
    assert plan([Demand(sku="A", quantity=1)], [level("A", -3)]).shortages == (Shortage("A", 1, 0),)


def test_an_inactive_warehouse_serves_nobody() -> None:
    closed = replace(level("A", 9, warehouse=0), is_active=False)
    assert plan([Demand(sku="A", quantity=1)], [closed]).shortages == (Shortage("A", 1, 0),)


def test_a_preferred_warehouse_comes_before_the_strategy() -> None:
    levels = [level("A", 9, warehouse=0, priority=1), level("A", 9, warehouse=1, priority=2)]
    assert picked(plan([Demand(sku="A", quantity=4, preferred_warehouse_id=WAREHOUSES[1])], levels)) == [(1, "A", 4)]


def test_a_preferred_warehouse_gives_what_it_has_and_is_no_condition() -> None:
    levels = [level("A", 9, warehouse=0, priority=1), level("A", 3, warehouse=1, priority=2)]
    demand = Demand(sku="A", quantity=4, preferred_warehouse_id=WAREHOUSES[1])
    assert picked(plan([demand], levels)) == [(0, "A", 1), (1, "A", 3)]
    assert picked(plan([demand], levels, Rules(allow_split=False))) == [(0, "A", 4)]
    nowhere = Demand(sku="A", quantity=4, preferred_warehouse_id=WAREHOUSES[3])
    assert picked(plan([nowhere], levels)) == [(0, "A", 4)]


def test_each_piece_comes_from_where_it_is_preferred() -> None:
    levels = [level("A", 9, warehouse=number, priority=number) for number in range(3)]
    demands = [
        Demand(sku="A", quantity=2, preferred_warehouse_id=WAREHOUSES[1]),
        Demand(sku="A", quantity=3, preferred_warehouse_id=WAREHOUSES[2]),
        Demand(sku="A", quantity=1),
    ]
    assert picked(plan(demands, levels)) == [(0, "A", 1), (1, "A", 2), (2, "A", 3)]
    assert picked(plan(demands, levels, Rules(allow_split=False))) == [(2, "A", 6)]


def test_a_line_that_names_its_warehouse_has_no_other_preference() -> None:
    levels = [level("A", 9, warehouse=0), level("A", 9, warehouse=1)]
    demand = Demand(sku="A", quantity=1, warehouse_id=WAREHOUSES[0], preferred_warehouse_id=WAREHOUSES[1])
    assert picked(plan([demand], levels)) == [(0, "A", 1)]


def test_a_demand_of_one_region_is_served_before_one_that_may_come_from_anywhere() -> None:
    levels = [level("A", 5, warehouse=0, region="north"), level("A", 5, warehouse=1, priority=2, region="south")]
    demands = [
        Demand(sku="A", quantity=5, preferred_warehouse_id=WAREHOUSES[0]),
        Demand(sku="A", quantity=5, region="north"),
    ]
    assert picked(plan(demands, levels)) == [(0, "A", 5), (1, "A", 5)]


def test_a_demand_of_one_region_gives_way_to_one_of_one_warehouse() -> None:
    levels = [level("A", 5, warehouse=0, region="north"), level("A", 5, warehouse=1, priority=2, region="north")]
    demands = [Demand(sku="A", quantity=5, region="north"), Demand(sku="A", quantity=5, warehouse_id=WAREHOUSES[0])]
    assert picked(plan(demands, levels)) == [(0, "A", 5), (1, "A", 5)]


_levels = st.lists(
    st.builds(
        level,
        st.sampled_from(SKUS),
        st.integers(0, 12),
        warehouse=st.integers(0, 3),
        priority=st.integers(1, 3),
        region=st.sampled_from(REGIONS),
    ),
    max_size=10,
    unique_by=lambda made: made.inventory_id,
)
_demands = st.lists(
    st.builds(
        Demand,
        sku=st.sampled_from(SKUS),
        quantity=st.integers(1, 15),
        warehouse_id=st.none() | st.sampled_from(WAREHOUSES),
    ),
    min_size=1,
    max_size=6,
)
_free = st.lists(st.builds(Demand, sku=st.sampled_from(SKUS), quantity=st.integers(1, 15)), min_size=1, max_size=6)


def total(demands: list[Demand]) -> Counter[str]:
    wanted: Counter[str] = Counter()
    for demand in demands:
        wanted[demand.sku] += demand.quantity
    return wanted


@given(_demands, _levels, st.booleans())
def test_a_plan_covers_the_demand_exactly_or_says_what_is_short(
    demands: list[Demand], levels: list[Level], allow_split: bool
) -> None:
    made = plan(demands, levels, Rules(allow_split=allow_split))
    assert bool(made.picks) != bool(made.shortages)
    if made.picks:
        taken: Counter[str] = Counter()
        for pick in made.picks:
            taken[pick.sku] += pick.quantity
        assert taken == total(demands)


@given(_demands, _levels, st.booleans())
def test_no_shelf_gives_more_than_it_has(demands: list[Demand], levels: list[Level], allow_split: bool) -> None:
    available = {made.inventory_id: made.quantity_available for made in levels}
    picks = plan(demands, levels, Rules(allow_split=allow_split)).picks
    assert len({pick.inventory_id for pick in picks}) == len(picks)
    assert all(0 < pick.quantity <= available[pick.inventory_id] for pick in picks)


@given(_free, _levels)
def test_with_splitting_a_sku_is_short_exactly_when_all_shelves_together_have_too_little(
    demands: list[Demand], levels: list[Level]
) -> None:
    wanted, there = total(demands), Counter[str]()
    for made in levels:
        there[made.sku] += made.quantity_available
    short = {shortage.sku: shortage for shortage in plan(demands, levels).shortages}
    assert set(short) == {sku for sku in wanted if wanted[sku] > there[sku]}
    assert all((s.requested, s.available) == (wanted[sku], there[sku]) for sku, s in short.items())


@given(_demands, _levels, st.sampled_from(REGIONS))
def test_a_region_is_a_wall(demands: list[Demand], levels: list[Level], region: str) -> None:
    inside = [made for made in levels if made.region == region]
    assert plan(demands, levels, Rules(region=region)) == plan(demands, inside)


@given(_free, _levels)
def test_without_splitting_a_sku_comes_from_one_shelf(demands: list[Demand], levels: list[Level]) -> None:
    picks = plan(demands, levels, Rules(allow_split=False)).picks
    assert len({pick.sku for pick in picks}) == len(picks)


@given(_demands, _levels, st.randoms(use_true_random=False))
def test_the_order_in_which_things_are_named_does_not_matter(demands, levels, random) -> None:  # type: ignore[no-untyped-def]
    made = plan(demands, levels)
    random.shuffle(levels)
    random.shuffle(demands)
    again = plan(demands, levels)
    assert again.picks == made.picks
    assert set(again.shortages) == set(made.shortages)


@given(_free, _levels)
def test_picks_come_in_the_order_in_which_rows_are_locked(demands: list[Demand], levels: list[Level]) -> None:
    ids = [pick.inventory_id for pick in plan(demands, levels).picks]
    assert ids == sorted(ids)
