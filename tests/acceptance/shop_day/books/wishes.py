"""What somebody wants of the shop, and which answers to it would be right.

The rules of allocation written down a second time, the slow and plain way: greedily where shelves are compared one by
one, by trying every set of warehouses where whole shipments are weighed.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from tests.acceptance.shop_day.books.places import Place
from tests.acceptance.shop_day.books.shelves import Shelf

EARTH_KM = 6371.0088
SHIPMENT_KM = 500
PRIORITY_STEP_KM = 100
TOLERANCE_KM = 0.01
FAR_KM = 10**10
"""What a shipment costs where nothing else counts."""

Picks = Mapping[Shelf, int]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Pieces of one SKU: from anywhere, `bound` to a warehouse, or from the `preferred` one as far as it goes.

    `by` says how it is named: sku, product or row.
    """

    sku: str
    pieces: int
    bound: Place | None = None
    preferred: Place | None = None
    by: str = "sku"


@dataclass(frozen=True, slots=True)
class Target:
    """Where the goods go: a point, or the name of a country or a region. `body` is what is said of it."""

    latitude: float
    longitude: float
    country: str | None = None
    region: str | None = None

    def body(self) -> dict[str, Any]:
        if self.country or self.region:
            return {"country": self.country} if self.country else {"region": self.region}
        return {"latitude": self.latitude, "longitude": self.longitude}


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted, and how it is to be served."""

    items: tuple[Wanted, ...]
    strategy: str = "balanced"
    target: Target | None = None
    region: str | None = None
    may_split: bool = True

    def shelves(self, kept: Iterable[Shelf], closed: Iterable[Place] = ()) -> list[Shelf]:
        """The shelves that may serve it at all."""
        skus = {item.sku for item in self.items}
        return [
            shelf
            for shelf in kept
            if shelf.sku in skus and shelf.place not in closed and self.region in (None, shelf.place.region)
        ]

    def groups(self) -> list[tuple[str, Place | None, int]]:
        """What is wanted of a SKU from a place, summed; what is bound comes first, since it has no other shelf."""
        sums: Counter[tuple[str, Place | None]] = Counter()
        for item in self.items:
            sums[item.sku, item.bound] += item.pieces
        return sorted(((sku, place, pieces) for (sku, place), pieces in sums.items()), key=lambda it: it[1] is None)


def shortages(wish: Wish, shelves: Sequence[Shelf]) -> dict[str, tuple[int, int]]:
    """Requested and available pieces of each SKU that is short; empty when the wish can be served."""
    left = {shelf: shelf.available for shelf in shelves}
    short: dict[str, tuple[int, int]] = {}
    for sku, place, pieces in wish.groups():
        able = [shelf for shelf in shelves if shelf.sku == sku and place in (None, shelf.place)]
        most = max((left[shelf] for shelf in able), default=0)
        available = sum(left[shelf] for shelf in able) if wish.may_split else most
        if available < pieces:
            requested, had = short.get(sku, (0, 0))
            short[sku] = requested + pieces, had + available
        if wish.may_split or place is not None:
            _take(left, able, pieces, may_split=wish.may_split)
    return short


def mistakes_in(wish: Wish, shelves: Sequence[Shelf], picks: Picks) -> list[str]:
    """What is wrong with an allocation, in words; empty when it is one of the right ones."""
    wanted: Counter[str] = Counter()
    for item in wish.items:
        wanted[item.sku] += item.pieces
    got: Counter[str] = Counter()
    for shelf, pieces in picks.items():
        got[shelf.sku] += pieces
    wrong = [
        f"{pieces} pieces from {shelf!r}, which has {shelf.available}"
        for shelf, pieces in picks.items()
        if not 0 < pieces <= shelf.available
    ]
    wrong += [f"{shelf!r} may not serve this" for shelf in picks if shelf not in shelves]
    if wanted != got:
        wrong.append(f"{dict(got)} allocated of {dict(wanted)}")
    if wrong:
        return wrong
    bound, preferred, free = _settled(wish, shelves)
    fixed = _sum(bound, preferred)
    rest = {shelf: pieces - fixed.get(shelf, 0) for shelf, pieces in picks.items() if pieces != fixed.get(shelf, 0)}
    if any(pieces < 0 for pieces in rest.values()) or any(shelf not in picks for shelf in fixed):
        return [f"not served from where it is bound or preferred: {dict(picks)}, but {fixed}"]
    return _mistakes_in_rest(_Choice(wish, shelves, fixed, free), rest)


def _settled(wish: Wish, shelves: Sequence[Shelf]) -> tuple[dict[Shelf, int], dict[Shelf, int], dict[str, int]]:
    """What has only one place, what goes where it is preferred, and what may come from anywhere, by SKU."""
    left = {shelf: shelf.available for shelf in shelves}
    bound: dict[Shelf, int] = {}
    free: dict[str, int] = {}
    for sku, place, pieces in wish.groups():
        if place is None:
            free[sku] = pieces
        else:
            able = [shelf for shelf in shelves if shelf.sku == sku and shelf.place is place]
            bound |= _take(left, able, pieces, may_split=wish.may_split)
    preferred: dict[Shelf, int] = {}
    likes: Counter[tuple[str, Place]] = Counter()
    for item in wish.items:
        if item.preferred and not item.bound:
            likes[item.sku, item.preferred] += item.pieces
    for (sku, place), pieces in sorted(likes.items(), key=lambda it: (-it[1], it[0][1].warehouse_id)):
        able = [shelf for shelf in shelves if shelf.sku == sku and shelf.place is place]
        most = min(pieces, free[sku]) if wish.may_split else free[sku]
        taken = _take(left, able, most, may_split=wish.may_split)
        free[sku] -= sum(taken.values())
        preferred = _sum(preferred, taken)
    return bound, preferred, {sku: pieces for sku, pieces in free.items() if pieces}


@dataclass(frozen=True, slots=True)
class _Choice:
    """What a strategy chose from: shelves, what was fixed before, and the pieces that are free, by SKU."""

    wish: Wish
    shelves: Sequence[Shelf]
    fixed: Picks
    free: Mapping[str, int]

    def left(self, shelf: Shelf) -> int:
        return shelf.available - self.fixed.get(shelf, 0)

    def can_serve(self, places: Iterable[Place]) -> bool:
        """Whether these warehouses have everything that is free."""
        allowed = set(places)
        for sku, pieces in self.free.items():
            lefts = [self.left(shelf) for shelf in self.shelves if shelf.sku == sku and shelf.place in allowed]
            if (sum(lefts) if self.wish.may_split else max(lefts, default=0)) < pieces:
                return False
        return True

    def cost(self, places: Iterable[Place], shipment_km: float) -> float:
        """What serving from these warehouses costs beyond those that are used anyway."""
        steps = sorted({shelf.place.priority for shelf in self.shelves})
        return sum(
            shipment_km + _km(place, self.wish.target) + PRIORITY_STEP_KM * steps.index(place.priority)
            for place in set(places) - {shelf.place for shelf in self.fixed}
        )


def _mistakes_in_rest(choice: _Choice, rest: Picks) -> list[str]:
    wish = choice.wish
    strategy = "priority" if wish.strategy == "balanced" and wish.target is None else wish.strategy
    if strategy in ("fewest_shipments", "balanced"):
        return _mistakes_in_shipments(choice, rest, FAR_KM if strategy == "fewest_shipments" else SHIPMENT_KM)
    right: dict[Shelf, int] = {}
    key = _order(strategy, choice)
    for sku, pieces in choice.free.items():
        able = sorted((shelf for shelf in choice.shelves if shelf.sku == sku), key=key)
        left = {shelf: choice.left(shelf) for shelf in able}
        right |= _take(left, able, pieces, may_split=wish.may_split)
    return [] if right == rest else [f"{strategy}: {rest} instead of {right}"]


def _mistakes_in_shipments(choice: _Choice, rest: Picks, shipment_km: float) -> list[str]:
    places = list({shelf.place for shelf in choice.shelves})
    used = {shelf.place for shelf in rest}
    anyway = {shelf.place for shelf in choice.fixed}
    subsets = (set(some) | anyway for n in range(len(places) + 1) for some in combinations(places, n))
    least = min(choice.cost(some, shipment_km) for some in subsets if choice.can_serve(some))
    cost = choice.cost(used, shipment_km)
    if cost > least + TOLERANCE_KM * len(places):
        return [f"{choice.wish.strategy}: {sorted(map(repr, used))} cost {cost:.1f} km, {least:.1f} would do"]
    if choice.wish.may_split:
        return []
    halves = [sku for sku, n in Counter(shelf.sku for shelf in rest).items() if n > 1]
    return [f"split, though it must not be: {halves}"] if halves else []


def _order(strategy: str, choice: _Choice) -> Callable[[Shelf], tuple[object, ...]]:
    """What to sort shelves by, the best first."""
    target = choice.wish.target
    if strategy == "priority":
        return lambda shelf: (shelf.place.priority, -shelf.available, shelf.inventory_id)
    if strategy == "nearest":
        return lambda shelf: (_km(shelf.place, target), shelf.place.priority, -shelf.available, shelf.inventory_id)
    home = _home(choice)
    return lambda shelf: (
        shelf.place not in home,
        shelf.place.priority,
        _km(shelf.place, target),
        -shelf.available,
        shelf.inventory_id,
    )


def _home(choice: _Choice) -> set[Place]:
    """The warehouses of the target's own area; around a point the region of the nearest one."""
    target, places = choice.wish.target, {shelf.place for shelf in choice.shelves}
    assert target is not None, "the region of nothing is asked for"
    if target.country or target.region:
        return {it for it in places if target.country in (None, it.country) and target.region in (None, it.region)}
    nearest = min(places, key=lambda it: (_km(it, target), it.priority, it.warehouse_id))
    return {it for it in places if it.region == nearest.region}


def _take(left: dict[Shelf, int], able: Iterable[Shelf], pieces: int, *, may_split: bool) -> dict[Shelf, int]:
    """Take pieces from shelves in their order, whole from one where nothing may be split."""
    taken: dict[Shelf, int] = {}
    for shelf in able:
        some = min(pieces, left[shelf])
        if some and (may_split or some == pieces):
            left[shelf] -= some
            taken[shelf] = some
            pieces -= some
    return taken


def _sum(one: Picks, other: Picks) -> dict[Shelf, int]:
    sums: defaultdict[Shelf, int] = defaultdict(int)
    for shelf, pieces in (*one.items(), *other.items()):
        sums[shelf] += pieces
    return dict(sums)


def _km(place: Place, target: Target | None) -> float:
    """The way to the target by the spherical law of cosines; none to nowhere."""
    if target is None:
        return 0.0
    here, there = math.radians(place.latitude), math.radians(target.latitude)
    around = math.radians(target.longitude - place.longitude)
    cosine = math.sin(here) * math.sin(there) + math.cos(here) * math.cos(there) * math.cos(around)
    return EARTH_KM * math.acos(max(-1.0, min(1.0, cosine)))


def middle(places: Sequence[Place]) -> tuple[float, float]:
    """The point that stands for several warehouses: latitude and longitude of the mean of their directions."""
    vectors = [
        (
            math.cos(math.radians(it.latitude)) * math.cos(math.radians(it.longitude)),
            math.cos(math.radians(it.latitude)) * math.sin(math.radians(it.longitude)),
            math.sin(math.radians(it.latitude)),
        )
        for it in places
    ]
    x, y, z = (sum(axis) for axis in zip(*vectors, strict=True))
    return math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x))
