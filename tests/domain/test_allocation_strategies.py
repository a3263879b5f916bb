"""What each strategy prefers, by example. Warehouses stand along the equator; a degree is 111 km."""

from __future__ import annotations

import pytest

from domain.allocation import Rules, Strategy, plan
from domain.destinations import Destination, locate
from domain.distance import Coordinates
from tests.domain.sites import Site, numbers, rules, to_point, used, want

KM = 111.195
"""One degree along the equator."""

NEAREST, REGION, FEWEST, BALANCED, PRIORITY = (
    Strategy.NEAREST,
    Strategy.REGION,
    Strategy.FEWEST_SHIPMENTS,
    Strategy.BALANCED,
    Strategy.PRIORITY,
)


def test_the_nearest_serves_whatever_its_priority() -> None:
    levels = [Site(0, east=9, priority=1).level("A", 5), Site(1, east=-1, priority=9).level("A", 5)]
    assert numbers(plan([want("A", 2)], levels, rules(NEAREST))) == [(1, "A", 2)]


def test_a_split_goes_on_with_the_next_nearest() -> None:
    levels = [Site(number, east=10.0 - number).level("A", 2) for number in range(4)]
    assert numbers(plan([want("A", 5)], levels, rules(NEAREST))) == [(1, "A", 1), (2, "A", 2), (3, "A", 2)]


def test_of_equally_near_ones_the_priority_decides() -> None:
    levels = [Site(0, east=1, priority=2).level("A", 5), Site(1, east=-1, priority=1).level("A", 5)]
    assert used(plan([want("A", 1)], levels, rules(NEAREST))) == {1}


def test_a_warehouse_without_coordinates_is_the_farthest() -> None:
    levels = [Site(0, east=None, priority=0).level("A", 5), Site(1, east=180, priority=9).level("A", 3)]
    assert numbers(plan([want("A", 4)], levels, rules(NEAREST))) == [(0, "A", 1), (1, "A", 3)]


@pytest.mark.parametrize("strategy", [NEAREST, REGION, FEWEST, BALANCED])
def test_where_the_destination_is_unknown_the_priority_decides(strategy: Strategy) -> None:
    levels = [Site(0, east=0, priority=2).level("A", 5), Site(1, east=90, priority=1).level("A", 5)]
    for place in (None, locate(Destination(country="XX"), ())):
        assert used(plan([want("A", 1)], levels, Rules(strategy=strategy, place=place))) == {1}


def test_without_a_destination_balanced_is_priority_split_for_split() -> None:
    levels = [Site(0, priority=1).level("A", 3), Site(1, priority=2).level("A", 9), Site(1, priority=2).level("B", 9)]
    demands = [want("A", 5), want("B", 1)]
    assert plan(demands, levels, Rules()) == plan(demands, levels, Rules(strategy=PRIORITY))
    assert used(plan(demands, levels, Rules())) == {0, 1}


def test_the_region_of_the_destination_comes_first_by_priority_and_others_help_out() -> None:
    levels = [
        Site(0, east=1, priority=1, region="south").level("A", 9),
        Site(1, east=50, priority=3, region="north").level("A", 2),
        Site(2, east=60, priority=2, region="north").level("A", 2),
    ]
    north = locate(Destination(region="north"), ())
    assert numbers(plan([want("A", 5)], levels, rules(REGION, place=north))) == [(0, "A", 1), (1, "A", 2), (2, "A", 2)]
    assert numbers(plan([want("A", 2)], levels, rules(REGION, place=north))) == [(2, "A", 2)]


def test_a_country_is_an_area_too() -> None:
    levels = [Site(0, priority=1, country="FR").level("A", 9), Site(1, priority=2, country="DE").level("A", 9)]
    assert used(plan([want("A", 1)], levels, rules(REGION, place=locate(Destination(country="DE"), ())))) == {1}


def test_the_region_of_a_point_is_that_of_the_nearest_warehouse() -> None:
    levels = [
        Site(0, east=40, priority=1, region="south").level("A", 9),
        Site(1, east=2, priority=9, region="north").level("A", 0),
        Site(2, east=30, priority=9, region="north").level("A", 9),
    ]
    assert used(plan([want("A", 1)], levels, rules(REGION))) == {2}


def test_a_region_that_is_a_wall_is_home_to_all_behind_it() -> None:
    levels = [
        Site(0, priority=2).level("A", 9),
        Site(1, priority=1).level("A", 9),
        Site(2, region="south").level("A", 9),
    ]
    assert used(plan([want("A", 1)], levels, Rules(strategy=REGION, region="north"))) == {1}


def test_the_fewest_shipments_serve_the_whole_order() -> None:
    near, other, far = Site(0, east=1), Site(1, east=2), Site(2, east=170, priority=9)
    levels = [near.level("A", 5), other.level("B", 5), far.level("A", 5), far.level("B", 5)]
    demands = [want("A", 1), want("B", 1)]
    assert used(plan(demands, levels, rules(FEWEST))) == {2}
    assert used(plan(demands, levels, rules(NEAREST))) == {0, 1}


def test_of_as_few_shipments_the_nearer_one_is_taken() -> None:
    levels = [Site(0, east=20).level("A", 5), Site(1, east=10).level("A", 5)]
    assert used(plan([want("A", 5)], levels, rules(FEWEST))) == {1}


def test_balanced_ships_twice_from_next_door_rather_than_once_from_far_off() -> None:
    near, other, far = Site(0, east=1), Site(1, east=2), Site(2, east=80)
    levels = [near.level("A", 5), other.level("B", 5), far.level("A", 5), far.level("B", 5)]
    assert used(plan([want("A", 1), want("B", 1)], levels, rules(BALANCED))) == {0, 1}


def test_balanced_ships_once_when_a_second_parcel_would_hardly_be_nearer() -> None:
    near, other, far = Site(0, east=1), Site(1, east=2), Site(2, east=4)
    levels = [near.level("A", 5), other.level("B", 5), far.level("A", 5), far.level("B", 5)]
    assert used(plan([want("A", 1), want("B", 1)], levels, rules(BALANCED))) == {2}


@pytest.mark.parametrize(("nearer_km", "first"), [(95, 0), (105, 1)])
def test_balanced_goes_100_km_for_each_step_of_priority(nearer_km: float, first: int) -> None:
    levels = [
        site.level("A", 5) for site in (Site(0, east=3, priority=10), Site(1, east=3 - nearer_km / KM, priority=500))
    ]
    assert used(plan([want("A", 1)], levels, rules())) == {first}


@pytest.mark.parametrize(("farther_km", "served_by"), [(495, {2}), (505, {0, 1})])
def test_balanced_goes_500_km_to_save_a_shipment(farther_km: float, served_by: set[int]) -> None:
    near, other, far = Site(0, east=1), Site(1, east=1), Site(2, east=2 + farther_km / KM)
    levels = [near.level("A", 5), other.level("B", 5), far.level("A", 5), far.level("B", 5)]
    assert used(plan([want("A", 1), want("B", 1)], levels, rules())) == served_by


@pytest.mark.parametrize("strategy", [FEWEST, BALANCED])
def test_a_warehouse_in_use_for_a_bound_line_costs_no_further_shipment(strategy: Strategy) -> None:
    near, far = Site(0, east=1), Site(1, east=9)
    levels = [near.level("B", 5), far.level("A", 5), far.level("B", 5)]
    bound = want("A", 1, warehouse_id=far.level("A", 1).warehouse_id)
    assert used(plan([bound, want("B", 1)], levels, rules(strategy))) == {1}


@pytest.mark.parametrize("strategy", [FEWEST, BALANCED])
def test_what_a_warehouse_in_use_cannot_give_comes_from_one_more(strategy: Strategy) -> None:
    near, far = Site(0, east=1), Site(1, east=9)
    levels = [near.level("B", 5), far.level("A", 5), far.level("B", 2)]
    demands = [want("A", 1, preferred_warehouse_id=far.level("A", 1).warehouse_id), want("B", 3)]
    assert numbers(plan(demands, levels, rules(strategy))) == [(0, "B", 3), (1, "A", 1)]
    assert numbers(plan(demands, levels, rules(strategy, allow_split=False))) == [(0, "B", 3), (1, "A", 1)]


@pytest.mark.parametrize("strategy", list(Strategy))
def test_without_splitting_whole_lines_only_count(strategy: Strategy) -> None:
    levels = [Site(0, east=0).level("A", 2), Site(1, east=5, priority=2).level("A", 3)]
    assert numbers(plan([want("A", 3)], levels, rules(strategy, allow_split=False))) == [(1, "A", 3)]


def test_a_country_stands_for_the_centre_of_its_warehouses() -> None:
    place = locate(Destination(country="DE"), [Coordinates(0, 20), Coordinates(0, 30)])
    levels = [Site(0, east=1, priority=1).level("A", 5), Site(1, east=40, priority=1).level("A", 5)]
    assert used(plan([want("A", 1)], levels, rules(NEAREST, place=place))) == {1}
    assert used(plan([want("A", 1)], levels, rules(NEAREST, place=to_point(0)))) == {0}
