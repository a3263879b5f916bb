"""The search for the cheapest cover: right where it is exact, bounded and never worse than greedy beyond."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Sequence
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import allocation_search
from domain.allocation_search import EXACT_PLACES_MAX, SEARCH_STEPS_MAX, cheapest_cover

Problem = tuple[list[int], list[list[int]], list[int]]


@st.composite
def problems(draw: st.DrawFn, *, least: int, most: int) -> Problem:
    """Costs, what each place gives of each need, and needs that all places together cover."""
    places, count = draw(st.integers(least, most)), draw(st.integers(1, 4))
    costs = sorted(draw(st.lists(st.integers(1, 30), min_size=places, max_size=places)))
    row = st.lists(st.integers(0, 5), min_size=count, max_size=count)
    gives = draw(st.lists(row, min_size=places, max_size=places))
    gives[0] = [max(1, give) for give in gives[0]]
    needs = [draw(st.integers(1, sum(column))) for column in zip(*gives, strict=True)]
    return costs, gives, needs


def cost(costs: Sequence[int], chosen: Iterable[int]) -> int:
    return sum(costs[place] for place in chosen)


def covers(chosen: Iterable[int], gives: Sequence[Sequence[int]], needs: Sequence[int]) -> bool:
    places = list(chosen)
    assert len(set(places)) == len(places), "a place gives once"
    return all(sum(gives[place][n] for place in places) >= need for n, need in enumerate(needs))


@given(problems(least=1, most=7))
def test_the_cheapest_of_all_sets_is_found_and_of_several_the_first(problem: Problem) -> None:
    costs, gives, needs = problem
    every = (it for n in range(len(costs) + 1) for it in itertools.combinations(range(len(costs)), n))
    best = min((cost(costs, it), list(it)) for it in every if covers(it, gives, needs))
    assert (cost(costs, cheapest_cover(*problem)), cheapest_cover(*problem)) == best


def test_no_need_takes_no_place() -> None:
    assert cheapest_cover([1, 2], [[], []], []) == []


def test_large_numbers_do_not_spill_into_the_next_need() -> None:
    much = 200_000_000
    gives = [[much, 0], [0, much], [much - 1, much]]
    assert cheapest_cover([1, 1, 1], gives, [much, much]) == [0, 1]


def greedy_by_gain(problem: Problem) -> set[int]:
    costs, gives, needs = problem
    chosen: set[int] = set()
    while not covers(chosen, gives, needs):
        missing = [max(0, need - sum(gives[it][n] for it in chosen)) for n, need in enumerate(needs)]
        others = [it for it in range(len(costs)) if it not in chosen]
        gain = {it: sum(min(g, m) / n for g, m, n in zip(gives[it], missing, needs, strict=True)) for it in others}
        chosen.add(max(others, key=lambda it: gain[it] / costs[it]))
    return chosen


def greedy_need_by_need(problem: Problem) -> set[int]:
    _, gives, needs = problem
    chosen: set[int] = set()
    for n, need in enumerate(needs):
        givers = [it for it in range(len(gives)) if gives[it][n]]
        chosen.update(givers[: next(k for k in range(len(givers) + 1) if sum(gives[g][n] for g in givers[:k]) >= need)])
    return chosen


@pytest.mark.parametrize("steps_max", [1, SEARCH_STEPS_MAX])
@settings(max_examples=60)
@given(problem=problems(least=EXACT_PLACES_MAX + 1, most=20))
def test_beyond_a_dozen_places_it_covers_and_is_never_worse_than_greedy(steps_max: int, problem: Problem) -> None:
    costs, gives, needs = problem
    with patch.object(allocation_search, "SEARCH_STEPS_MAX", steps_max):
        chosen = cheapest_cover(*problem)
    assert covers(chosen, gives, needs)
    assert cost(costs, chosen) <= cost(costs, greedy_by_gain(problem))
    assert cost(costs, chosen) <= cost(costs, greedy_need_by_need(problem))


def test_a_place_that_gives_a_part_is_not_used_again_for_the_rest() -> None:
    count = EXACT_PLACES_MAX + 1
    assert cheapest_cover(list(range(1, count + 1)), [[1]] * count, [5]) == [0, 1, 2, 3, 4]


def test_need_by_need_may_be_better_than_by_gain() -> None:
    nothing = [[0]] * EXACT_PLACES_MAX
    with patch.object(allocation_search, "SEARCH_STEPS_MAX", 1):
        assert cheapest_cover([9, 10, 11] + [30] * EXACT_PLACES_MAX, [[2], [2], [3], *nothing], [4]) == [0, 1]


def hard(places: int, count: int, seed: int) -> Problem:
    """Many places of about the same cost that each give a little: nothing can be ruled out early."""
    draw = random.Random(seed)
    costs = sorted(draw.randint(1_000, 1_100) for _ in range(places))
    gives = [[draw.choice((0, 0, 1, 2)) for _ in range(count)] for _ in range(places)]
    return costs, gives, [max(1, sum(column) // 4) for column in zip(*gives, strict=True)]


@pytest.mark.parametrize("places", [EXACT_PLACES_MAX + 1, 50, 200])
def test_the_search_stops_after_so_many_steps(places: int, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[allocation_search._Search] = []

    class Watched(allocation_search._Search):
        def run(self) -> None:
            begun.append(self)
            super().run()

    monkeypatch.setattr(allocation_search, "_Search", Watched)
    problem = hard(places, 20, seed=7)
    chosen = cheapest_cover(*problem)
    assert covers(chosen, *problem[1:])
    assert len(begun) == 1
    assert -1 <= begun[0].steps_left < SEARCH_STEPS_MAX


def test_what_steps_allow_is_better_than_greedy() -> None:
    """Costs that differ much, as distances do: the steps find what no greedy way does."""
    draw = random.Random(3)
    found, greedy = 0, 0
    for _ in range(10):
        costs = sorted(draw.randint(500, 3_500) for _ in range(40))
        gives = [[draw.choice((0, 0, 1, 2, 3, 4)) for _ in range(12)] for _ in costs]
        problem: Problem = costs, gives, [draw.randint(1, 8) for _ in range(12)]
        found += cost(costs, cheapest_cover(*problem))
        greedy += min(cost(costs, greedy_by_gain(problem)), cost(costs, greedy_need_by_need(problem)))
    assert found < 0.95 * greedy
