"""Every plan explains itself: why these warehouses, and why none of the others."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.allocation import Level, Plan, Rules, Strategy, plan
from domain.allocation_reasons import explain, is_worth_telling
from domain.destinations import Destination, locate
from domain.explanations import Explanation, Reason
from tests.domain.sites import Case, Site, cases, rules, to_point, want, warehouse_id

NEAREST, REGION, FEWEST, BALANCED, PRIORITY = (
    Strategy.NEAREST,
    Strategy.REGION,
    Strategy.FEWEST_SHIPMENTS,
    Strategy.BALANCED,
    Strategy.PRIORITY,
)


def chosen(told: Explanation) -> dict[tuple[int, str], list[str]]:
    return {(it.warehouse_id.int - 1, it.sku): [reason.value for reason in it.reasons] for it in told.allocated}


def refused(told: Explanation) -> dict[int, list[str]]:
    return {it.warehouse_id.int - 1: [reason.value for reason in it.reasons] for it in told.rejected}


def both(made: Plan) -> tuple[dict[tuple[int, str], list[str]], dict[int, list[str]]]:
    told = explain(made)
    return chosen(told), refused(told)


def test_the_only_warehouse_that_keeps_it_needs_no_words() -> None:
    made = plan([want("A", 1)], [Site(0).level("A", 5)])
    assert both(made) == ({(0, "A"): ["only_candidate"]}, {})
    assert not is_worth_telling(made)


@pytest.mark.parametrize(
    "made",
    [
        plan([want("A", 1)], [Site(0).level("A", 5), Site(1).level("A", 5)]),
        plan([want("A", 1)], [Site(0).level("A", 5)], rules()),
        plan([want("A", 1)], [Site(0).level("A", 5)], Rules(strategy=PRIORITY)),
        plan([want("A", 1, preferred_warehouse_id=warehouse_id(1))], [Site(0).level("A", 5)]),
        plan([want("A", 9)], [Site(0).level("A", 5), Site(1).level("A", 5)]),
        plan([want("A", 9)], [Site(0).level("A", 5)]),
    ],
)
def test_a_choice_is_worth_telling(made: Plan) -> None:
    assert is_worth_telling(made)


def test_priority_says_what_came_later() -> None:
    sites = [
        Site(0, priority=1),
        Site(1, priority=1),
        Site(2, priority=3),
        Site(3, priority=1),
        Site(4, is_active=False),
    ]
    levels = [site.level("A", stock) for site, stock in zip(sites, (5, 4, 9, 0, 9), strict=True)]
    assert both(plan([want("A", 2)], levels)) == (
        {(0, "A"): ["priority"]},
        {1: ["less_stock"], 2: ["lower_priority"], 3: ["no_stock"], 4: ["inactive"]},
    )


def test_nearest_says_how_far_the_others_are() -> None:
    levels = [Site(n, east=east).level("A", 5) for n, east in enumerate((1.0, 3.0, None))]
    told = explain(plan([want("A", 2)], levels, rules(NEAREST)))
    assert chosen(told) == {(0, "A"): ["nearest"]}
    assert refused(told) == {1: ["farther"], 2: ["no_coordinates"]}
    assert [it.distance_km for it in told.allocated] == [111.2]
    assert [it.distance_km for it in told.rejected] == [333.6, None]
    assert (told.strategy, told.place) == (NEAREST, to_point())


def test_a_remainder_is_one() -> None:
    levels = [Site(0, east=1).level("A", 5), Site(1, east=3).level("A", 5), Site(2, east=5).level("A", 5)]
    assert both(plan([want("A", 7)], levels, rules(NEAREST))) == (
        {(0, "A"): ["nearest"], (1, "A"): ["nearest", "remainder"]},
        {2: ["farther"]},
    )


def test_a_region_as_a_wall_and_as_a_wish() -> None:
    levels = [Site(0, region="north").level("A", 5), Site(1, region="south", priority=0).level("A", 5)]
    wall, wish = Rules(region="north"), Rules(strategy=REGION, place=locate(Destination(region="north"), ()))
    assert both(plan([want("A", 2)], levels, wall)) == ({(0, "A"): ["priority"]}, {1: ["other_region"]})
    assert both(plan([want("A", 2)], levels, wish)) == ({(0, "A"): ["in_region"]}, {1: ["other_region"]})
    assert both(plan([want("A", 7)], levels, wish)) == (
        {(0, "A"): ["in_region"], (1, "A"): ["priority", "remainder"]},
        {},
    )


def test_what_a_line_names_comes_before_what_would_be_better() -> None:
    levels = [Site(0, priority=1).level("A", 5), Site(1, priority=2).level("A", 5)]
    bound = plan([want("A", 2, warehouse_id=warehouse_id(1))], levels)
    assert both(bound) == ({(1, "A"): ["bound"]}, {0: ["named_elsewhere"]})
    preferred = plan([want("A", 2, preferred_warehouse_id=warehouse_id(1))], levels)
    assert both(preferred) == ({(1, "A"): ["preferred"]}, {0: ["named_elsewhere"]})


def test_a_named_warehouse_that_could_not_serve_says_why() -> None:
    levels = [Site(0).level("A", 5), Site(1).level("A", 0)]
    for number, reason in ((1, "no_stock"), (2, "not_stocked")):
        made = plan([want("A", 2, preferred_warehouse_id=warehouse_id(number))], levels)
        assert refused(explain(made))[number] == [reason]


def test_without_splitting_too_little_is_a_reason() -> None:
    levels = [Site(0, priority=1).level("A", 2), Site(1, priority=2).level("A", 3)]
    made = plan([want("A", 3)], levels, Rules(allow_split=False))
    assert both(made) == ({(1, "A"): ["priority"]}, {0: ["too_little"]})


def test_a_better_warehouse_may_be_one_shipment_too_many() -> None:
    near, far, farther, later = Site(0, east=1), Site(1, east=4), Site(2, east=9), Site(3, east=4, priority=2)
    levels = [near.level("A", 5), *(site.level(sku, 5) for site in (far, farther, later) for sku in "AB")]
    for strategy in (FEWEST, BALANCED):
        assert both(plan([want("A", 1), want("B", 1)], levels, rules(strategy))) == (
            {(1, "A"): [strategy.value], (1, "B"): [strategy.value]},
            {0: ["another_shipment"], 2: ["farther"], 3: ["lower_priority"]},
        )


def test_a_warehouse_may_be_out_for_one_reason_by_one_item_and_another_by_another() -> None:
    levels = [
        *(Site(0, priority=1).level(sku, 5) for sku in "AB"),
        Site(1, priority=2).level("A", 5),
        Site(1, priority=2).level("B", 0),
    ]
    assert refused(explain(plan([want("A", 1), want("B", 1)], levels))) == {1: ["lower_priority", "no_stock"]}


def test_a_shortage_says_what_each_warehouse_of_the_short_item_lacks() -> None:
    sites = [Site(0), Site(1, is_active=False), Site(2, region="south"), Site(3)]
    levels = [*(site.level("A", stock) for site, stock in zip(sites, (2, 9, 9, 0), strict=True)), Site(4).level("B", 9)]
    made = plan([want("A", 3), want("B", 1)], levels, Rules(region="north"))
    assert both(made) == ({}, {0: ["too_little"], 1: ["inactive"], 2: ["other_region"], 3: ["no_stock"]})


def test_equals_are_told_as_equals() -> None:
    levels = [Site(0).level("A", 5), Site(1).level("A", 5)]
    assert list(refused(explain(plan([want("A", 1)], levels))).values()) == [["tied"]]


SERVING = {
    Reason.ONLY_CANDIDATE,
    Reason.BOUND,
    Reason.PREFERRED,
    Reason.PRIORITY,
    Reason.NEAREST,
    Reason.IN_REGION,
    Reason.FEWEST_SHIPMENTS,
    Reason.BALANCED,
    Reason.REMAINDER,
}


@pytest.mark.parametrize("strategy", list(Strategy))
@settings(max_examples=60)
@given(case=cases(), allow_split=st.booleans())
def test_every_warehouse_in_question_is_told_once_with_reasons_of_its_side(
    strategy: Strategy, case: Case, allow_split: bool
) -> None:
    made = plan(case.demands, case.levels, rules(strategy, allow_split=allow_split))
    told = explain(made)
    assert [(it.inventory_id, it.quantity) for it in told.allocated] == [
        (pick.inventory_id, pick.quantity) for pick in made.picks
    ]
    assert all(it.reasons and SERVING.issuperset(it.reasons) for it in told.allocated)
    assert all(it.reasons and SERVING.isdisjoint(it.reasons) for it in told.rejected)
    serving, rejected = {it.warehouse_id for it in told.allocated}, [it.warehouse_id for it in told.rejected]
    assert len(rejected) == len(set(rejected))
    assert serving.isdisjoint(rejected)
    assert {level.warehouse_id for level in _in_question(case, made)} <= serving | set(rejected)


def _in_question(case: Case, made: Plan) -> list[Level]:
    """Shelves of what was wanted; when something was short, of that alone."""
    short = {shortage.sku for shortage in made.shortages}
    return [level for demand in case.demands for level in case.of(demand.sku) if not short or level.sku in short]


@settings(max_examples=60)
@given(case=cases(), place=st.booleans())
def test_what_is_not_worth_telling_is_what_can_be_told_from_the_picks(case: Case, place: bool) -> None:
    made = plan(case.demands, case.levels, rules() if place else Rules())
    if not is_worth_telling(made):
        told = explain(made)
        assert told == Explanation(allocated=told.allocated)
        assert all((it.reasons, it.distance_km) == ((Reason.ONLY_CANDIDATE,), None) for it in told.allocated)
