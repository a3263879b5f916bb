"""Every strategy against brute force: no plan of the same stock costs less, and one is found whenever there is one.

What a plan costs is worked out here anew, from the words of domain/allocation_order.py.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.allocation import Demand, Level, Plan, Rules, Strategy, plan
from domain.allocation_order import UNKNOWN_METRES
from domain.allocation_search import EXACT_PLACES_MAX
from domain.distance import Coordinates, distance_km
from tests.domain.sites import SKUS, Case, cases, rules

HERE = Coordinates(0, 0)
Cost = tuple[float, ...]
Free = Mapping[str, int]


def metres(level: Level) -> int:
    return UNKNOWN_METRES if level.location is None else round(distance_km(level.location, HERE) * 1000)


def by_piece(strategy: Strategy, levels: Sequence[Level]) -> Callable[[Level], Cost]:
    """What one piece costs."""
    placed = [level for level in levels if level.location]
    home = min(placed, key=lambda it: (metres(it), it.priority, it.warehouse_id)).region if placed else None
    return {
        Strategy.PRIORITY: lambda level: (level.priority,),
        Strategy.NEAREST: lambda level: (metres(level),),
        Strategy.REGION: lambda level: (level.region != home, level.priority, metres(level)),
    }[strategy]


def by_shipment(strategy: Strategy, used: Iterable[UUID], levels: Sequence[Level]) -> Cost:
    """What using these warehouses costs: kilometres of way and of priority, and shipments."""
    warehouses = {level.warehouse_id: level for level in levels}
    steps = sorted({level.priority for level in levels})
    own = [metres(warehouses[it]) + 100_000 * steps.index(warehouses[it].priority) for it in used]
    if strategy is Strategy.FEWEST_SHIPMENTS:
        return len(own), sum(own)
    return (500_000 * len(own) + sum(own),)


def after_bound(case: Case, *, allow_split: bool) -> tuple[dict[UUID, int], Free, set[UUID]] | None:
    """What is left when bound demands are served, what is wanted besides, and the warehouses in use by then."""
    left = {level.inventory_id: level.quantity_available for level in case.levels}
    shelf = {(level.sku, level.warehouse_id): level.inventory_id for level in case.levels}
    free: Counter[str] = Counter()
    in_use = set()
    for demand in case.demands:
        if demand.warehouse_id is None:
            free[demand.sku] += demand.quantity
            continue
        found = shelf.get((demand.sku, demand.warehouse_id))
        if found is None or left[found] < demand.quantity:
            return None
        left[found] -= demand.quantity
        in_use.add(demand.warehouse_id)
    return left, free, in_use


def ways(sku: str, quantity: int, case: Case, left: Mapping[UUID, int], *, allow_split: bool) -> Iterator[list[Level]]:
    """Every way to take so many pieces of a SKU, as one level for each piece."""
    levels = [level for level in case.of(sku) if left[level.inventory_id] > 0]
    if not allow_split:
        yield from ([level] * quantity for level in levels if left[level.inventory_id] >= quantity)
        return
    for way in itertools.combinations_with_replacement(levels, quantity):
        taken = Counter(level.inventory_id for level in way)
        if all(left[inventory_id] >= pieces for inventory_id, pieces in taken.items()):
            yield list(way)


def total(costs: Iterable[Cost]) -> Cost:
    return tuple(map(sum, zip(*costs, strict=True)))


def pieces_of(made: Plan, case: Case, bound: Iterable[Demand]) -> list[Level]:
    """The level of every piece of a plan that was not bound."""
    levels = {level.inventory_id: level for level in case.levels}
    taken = Counter({pick.inventory_id: pick.quantity for pick in made.picks})
    for demand in bound:
        shelf = next(it for it in case.of(demand.sku) if it.warehouse_id == demand.warehouse_id)
        taken[shelf.inventory_id] -= demand.quantity
    return [levels[inventory_id] for inventory_id, pieces in taken.items() for _ in range(pieces)]


@pytest.mark.parametrize("allow_split", [True, False])
@pytest.mark.parametrize("strategy", [Strategy.PRIORITY, Strategy.NEAREST, Strategy.REGION])
@settings(max_examples=60)
@given(case=cases())
def test_no_other_way_to_take_the_pieces_costs_less(strategy: Strategy, allow_split: bool, case: Case) -> None:
    made = plan(case.demands, case.levels, rules(strategy, allow_split=allow_split))
    start = after_bound(case, allow_split=allow_split)
    cost = by_piece(strategy, case.levels)
    best: list[Cost] | None = None
    if start is not None:
        left, free, _ = start
        each = [
            min((total(map(cost, way)) for way in ways(sku, wanted, case, left, allow_split=allow_split)), default=None)
            for sku, wanted in free.items()
        ]
        best = None if None in each else [it for it in each if it is not None]
    assert bool(made.shortages) == (best is None)
    if best:
        bound = [demand for demand in case.demands if demand.warehouse_id]
        assert total(map(cost, pieces_of(made, case, bound))) == total(best)


def serves(chosen: set[UUID], case: Case, left: Mapping[UUID, int], free: Free, *, allow_split: bool) -> bool:
    for sku, wanted in free.items():
        pieces = [left[level.inventory_id] for level in case.of(sku) if level.warehouse_id in chosen]
        if wanted > (sum(pieces) if allow_split else max(pieces, default=0)):
            return False
    return True


def cheapest(strategy: Strategy, case: Case, *, allow_split: bool) -> Cost | None:
    """The least cost over all sets of warehouses; None when even all of them do not serve the order."""
    start = after_bound(case, allow_split=allow_split)
    if start is None:
        return None
    left, free, in_use = start
    others = sorted({level.warehouse_id for level in case.levels} - in_use)
    sets = (in_use | set(more) for count in range(len(others) + 1) for more in itertools.combinations(others, count))
    return min(
        (
            by_shipment(strategy, chosen, case.levels)
            for chosen in sets
            if serves(chosen, case, left, free, allow_split=allow_split)
        ),
        default=None,
    )


def check_cheapest(strategy: Strategy, case: Case, *, allow_split: bool) -> None:
    made = plan(case.demands, case.levels, rules(strategy, allow_split=allow_split))
    best = cheapest(strategy, case, allow_split=allow_split)
    assert bool(made.shortages) == (best is None)
    if best is not None:
        assert by_shipment(strategy, {pick.warehouse_id for pick in made.picks}, case.levels) == best


WEIGHING = [Strategy.BALANCED, Strategy.FEWEST_SHIPMENTS]


@pytest.mark.parametrize("allow_split", [True, False])
@pytest.mark.parametrize("strategy", WEIGHING)
@settings(max_examples=100)
@given(case=cases())
def test_no_other_set_of_warehouses_costs_less(strategy: Strategy, allow_split: bool, case: Case) -> None:
    check_cheapest(strategy, case, allow_split=allow_split)


@pytest.mark.parametrize("strategy", WEIGHING)
@settings(max_examples=12)
@given(case=cases(least=EXACT_PLACES_MAX - 1, most=EXACT_PLACES_MAX, bound=False, pieces=3))
def test_a_dozen_warehouses_are_searched_whole(strategy: Strategy, case: Case) -> None:
    """Little stock in each and several pieces wanted of each SKU, so that many have to work together."""
    much = Case(case.sites, case.levels, [Demand(sku=sku, quantity=8) for sku in SKUS])
    check_cheapest(strategy, much, allow_split=True)


@pytest.mark.parametrize("strategy", WEIGHING)
@settings(max_examples=25)
@given(case=cases(least=EXACT_PLACES_MAX + 1, most=EXACT_PLACES_MAX + 6, pieces=3), allow_split=st.booleans())
def test_more_than_a_dozen_warehouses_serve_whatever_they_have(
    strategy: Strategy, case: Case, allow_split: bool
) -> None:
    much = [*case.demands, *(Demand(sku=sku, quantity=2 + n) for n, sku in enumerate(SKUS))]
    made = plan(much, case.levels, rules(strategy, allow_split=allow_split))
    plain = plan(much, case.levels, Rules(allow_split=allow_split))
    assert set(made.shortages) == set(plain.shortages)


@pytest.mark.parametrize("strategy", list(Strategy))
@settings(max_examples=50)
@given(case=cases(), allow_split=st.booleans())
def test_whether_there_is_a_plan_does_not_depend_on_the_strategy(
    strategy: Strategy, case: Case, allow_split: bool
) -> None:
    plain = plan(case.demands, case.levels, Rules(allow_split=allow_split))
    made = plan(case.demands, case.levels, rules(strategy, allow_split=allow_split))
    assert set(made.shortages) == set(plain.shortages)


@pytest.mark.parametrize("strategy", list(Strategy))
@settings(max_examples=50)
@given(case=cases(), random=st.randoms(use_true_random=False))
def test_the_order_in_which_things_are_named_changes_nothing(strategy, case, random) -> None:  # type: ignore[no-untyped-def]
    made = plan(case.demands, case.levels, rules(strategy))
    demands, levels = list(case.demands), list(case.levels)
    random.shuffle(demands)
    random.shuffle(levels)
    assert plan(demands, levels, rules(strategy)).picks == made.picks
