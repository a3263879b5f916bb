"""The cheapest set of places that together give everything: a covering problem, numbers in and numbers out.

Exact for up to EXACT_PLACES_MAX places (branch and bound over all sets). Beyond, the same search stops after
SEARCH_STEPS_MAX steps and answers the best set so far, which is never worse than either of the greedy ones it began
with. Steps are counted and not timed, so that the same question always has the same answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

EXACT_PLACES_MAX = 12
SEARCH_STEPS_MAX = 2_000

Gives = Sequence[int]
"""How much one place gives of each need."""


def cheapest_cover(costs: Sequence[int], gives: Sequence[Gives], needs: Sequence[int]) -> list[int]:
    """Which places to use, by index. `costs` are positive and ascending; all places together give all `needs`.

    Of equally cheap sets of up to EXACT_PLACES_MAX places the one with the lowest indices wins.
    """
    assert list(costs) == sorted(costs), "places come cheapest first"
    if not needs:
        return []
    search = _Search(costs, gives, needs)
    if len(costs) > EXACT_PLACES_MAX:
        search.begin_with(_by_gain(costs, gives, needs))
        search.begin_with(_one_by_one(gives, needs))
        search.steps_left = SEARCH_STEPS_MAX
    search.run()
    return search.best


def _by_gain(costs: Sequence[int], gives: Sequence[Gives], needs: Sequence[int]) -> list[int]:
    """Always the place that gives most of what is still missing for its cost (Chvátal, Math. Oper. Res. 4, 1979)."""
    chosen: list[int] = []
    others = list(range(len(costs)))
    missing = list(needs)
    while any(left > 0 for left in missing):
        wanting = [n for n, left in enumerate(missing) if left > 0]
        shares = {place: sum(min(gives[place][n], missing[n]) / needs[n] for n in wanting) for place in others}
        best = max(others, key=lambda place: shares[place] / costs[place])
        others.remove(best)
        chosen.append(best)
        missing = [left - give for left, give in zip(missing, gives[best], strict=True)]
    return chosen


def _one_by_one(gives: Sequence[Gives], needs: Sequence[int]) -> list[int]:
    """For each need by itself the cheapest places, as if there were no other."""
    chosen: set[int] = set()
    for n, need in enumerate(needs):
        missing = need
        for place, give in enumerate(gives):
            if missing > 0 and give[n]:
                missing -= give[n]
                chosen.add(place)
    return sorted(chosen)


class _Search:
    """Branch and bound, the cheapest place first.

    What is given so far stands in one whole number with a field for each need. A field starts at 2**k less its need,
    so its top bit is set as soon as the need is covered, and one addition and one comparison look at all needs at once.
    """

    def __init__(self, costs: Sequence[int], gives: Sequence[Gives], needs: Sequence[int]) -> None:
        most = max(*needs, *(sum(give) for give in zip(*gives, strict=True)))
        bits = most.bit_length() + 1
        self._covered = _packed([1 << bits] * len(needs), bits)
        self._start = _packed([(1 << bits) - need for need in needs], bits)
        self._gives = [_packed(give, bits) for give in gives]
        self._given_from = [*accumulate(reversed(self._gives), initial=0)][::-1]
        self._costs = costs
        self._cost_before = [*accumulate(costs, initial=0)]
        self._least = max(
            _least(sorted((give[n] for give in gives), reverse=True), need) for n, need in enumerate(needs)
        )
        self._best_cost: float = float("inf")
        self.best: list[int] = []
        self.steps_left: float = float("inf")

    def begin_with(self, chosen: Sequence[int]) -> None:
        """Take a set that covers all needs, less what it does not need, as the one to beat."""
        given = self._start + sum(self._gives[place] for place in chosen)
        kept = []
        for place in sorted(chosen, reverse=True):
            if self._covers(given - self._gives[place]):
                given -= self._gives[place]
            else:
                kept.append(place)
        self._offer(kept[::-1], sum(self._costs[place] for place in kept))

    def run(self) -> None:
        """Look at all sets that may be cheaper than the best, as far as steps allow."""
        self._extend([], 0, self._start, 0)
        assert self.best, "all places together give all needs"

    def _extend(self, chosen: list[int], place: int, given: int, cost: int) -> None:
        self.steps_left -= 1
        if self._covers(given):
            self._offer(list(chosen), cost)
            return
        while self.steps_left > 0 and self._is_promising(len(chosen), place, given, cost):
            chosen.append(place)
            self._extend(chosen, place + 1, given + self._gives[place], cost + self._costs[place])
            chosen.pop()
            place += 1

    def _is_promising(self, count: int, place: int, given: int, cost: int) -> bool:
        """Whether places from this one on can complete the set, and cheaper than the best."""
        end = place + max(1, self._least - count)
        if end > len(self._costs) or cost + self._cost_before[end] - self._cost_before[place] >= self._best_cost:
            return False
        return self._covers(given + self._given_from[place])

    def _covers(self, given: int) -> bool:
        return given & self._covered == self._covered

    def _offer(self, chosen: list[int], cost: int) -> None:
        if cost < self._best_cost:
            self.best, self._best_cost = chosen, cost


def _packed(values: Iterable[int], bits: int) -> int:
    """Values side by side in one number, with room for a carry each."""
    return sum(value << (n * (bits + 1)) for n, value in enumerate(values))


def _least(largest_first: Iterable[int], need: int) -> int:
    """How many places it takes at least to cover one need."""
    count = 0
    for give in largest_first:
        if need <= 0:
            break
        need -= give
        count += 1
    return count
