"""In which order shelves are taken, and what a warehouse costs where whole shipments are weighed.

PRIORITY, NEAREST and REGION compare shelf by shelf. FEWEST_SHIPMENTS and BALANCED weigh the warehouses of the whole
order: each one that is used costs

    a shipment + its distance to the destination + 100 km for each step of priority

and the cheapest set that has everything wins. For BALANCED a shipment costs 500 km: a second parcel (picking, packing,
a label, a second delivery) is worth about that much of a longer way, so two parcels from next door beat one from far
off, and one parcel beats two that are hardly nearer. A step of priority is the merchant's own preference: worth a
detour, not a continent. Steps are counted among the warehouses in question, since priorities are an order and no
amount. For FEWEST_SHIPMENTS a shipment costs more than any way on Earth. Everything is counted in whole metres, so that
sums are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto
from uuid import UUID

from domain.allocation_terms import Level, Rules, Strategy
from domain.destinations import Place
from domain.distance import distance_km

SHIPMENT_METRES = 500_000
PRIORITY_STEP_METRES = 100_000

UNKNOWN_METRES = 20_100_000
"""A warehouse without coordinates counts as farther than any other: half the Earth's circumference is 20 015 km."""

INCOMPARABLE_METRES = 10**13
"""The cost of a shipment that no saving of distance or priority, over any number of warehouses, makes up for."""


class Ground(Enum):
    """What two shelves are compared by; a smaller value is better."""

    AREA = auto()
    DISTANCE = auto()
    PRIORITY = auto()
    COST = auto()
    STOCK = auto()


GROUNDS: Mapping[Strategy, tuple[Ground, ...]] = {
    Strategy.PRIORITY: (Ground.PRIORITY, Ground.STOCK),
    Strategy.NEAREST: (Ground.DISTANCE, Ground.PRIORITY, Ground.STOCK),
    Strategy.REGION: (Ground.AREA, Ground.PRIORITY, Ground.DISTANCE, Ground.STOCK),
    Strategy.FEWEST_SHIPMENTS: (Ground.COST, Ground.STOCK),
    Strategy.BALANCED: (Ground.COST, Ground.STOCK),
}
"""What counts first; the lower inventory id decides between equals."""


class Order:
    """The order of preference among the shelves of one plan. `strategy` is the one that takes effect."""

    def __init__(self, rules: Rules, levels: Sequence[Level]) -> None:
        self.strategy = _in_effect(rules)
        self._levels = levels
        self._point = rules.place.point if rules.place else None
        self._metres: dict[UUID, int] = {}
        self._steps: dict[int, int] = {}
        self._is_home = _home(rules, levels, self.metres) if self.strategy is Strategy.REGION else None

    @property
    def weighs_shipments(self) -> bool:
        """True when warehouses are chosen for the whole order, not shelf by shelf."""
        return self.strategy in {Strategy.FEWEST_SHIPMENTS, Strategy.BALANCED}

    @property
    def shipment_metres(self) -> int:
        """What using one more warehouse costs."""
        return INCOMPARABLE_METRES if self.strategy is Strategy.FEWEST_SHIPMENTS else SHIPMENT_METRES

    def key(self, level: Level) -> tuple[object, ...]:
        """What to sort shelves by, the best first."""
        if self.strategy is Strategy.PRIORITY:
            return level.priority, -level.quantity_available, level.inventory_id
        return *(self.value(ground, level) for ground in GROUNDS[self.strategy]), level.inventory_id

    def value(self, ground: Ground, level: Level) -> int:
        """How good a shelf is in one respect; less is better."""
        match ground:
            case Ground.AREA:
                return not self.is_home(level)
            case Ground.DISTANCE:
                return self.metres(level)
            case Ground.PRIORITY:
                return level.priority
            case Ground.COST:
                return self.cost(level)
            case Ground.STOCK:
                return -level.quantity_available

    def metres(self, level: Level) -> int:
        """How far the warehouse is from the destination; 0 for all when no destination is known."""
        if self._point is None:
            return 0
        known = self._metres.get(level.warehouse_id)
        if known is None:
            known = UNKNOWN_METRES
            if level.location is not None:
                known = round(distance_km(level.location, self._point) * 1000)
            self._metres[level.warehouse_id] = known
        return known

    def distance_km(self, level: Level) -> float | None:
        """The distance as it is told, to a hundred metres; None when either end has no known place."""
        known = self._point is not None and level.location is not None
        return round(self.metres(level) / 1000, 1) if known else None

    def cost(self, level: Level) -> int:
        """Distance and priority of a warehouse, in metres; the shipment itself is not in it."""
        if not self._steps:
            self._steps = {priority: step for step, priority in enumerate(sorted({it.priority for it in self._levels}))}
        return self.metres(level) + PRIORITY_STEP_METRES * self._steps[level.priority]

    def is_home(self, level: Level) -> bool:
        """Whether the warehouse is in the region or country that the goods go to."""
        return self._is_home is not None and self._is_home(level)


def _in_effect(rules: Rules) -> Strategy:
    """Without a known destination there is nothing to balance priority with."""
    if rules.strategy is Strategy.BALANCED and (rules.place is None or rules.place.point is None):
        return Strategy.PRIORITY
    return rules.strategy


def _home(rules: Rules, levels: Sequence[Level], metres: Callable[[Level], int]) -> Callable[[Level], bool]:
    """What counts as the destination's own area: as it is named, around a point the region of the nearest warehouse."""
    place: Place | None = rules.place
    if place is None:
        return lambda level: level.region == rules.region
    if place.destination.country is not None:
        return lambda level: level.country == place.destination.country
    if place.destination.region is not None:
        return lambda level: level.region == place.destination.region
    placed = [level for level in levels if level.region and level.location is not None]
    nearest = min(placed, key=lambda level: (metres(level), level.priority, level.warehouse_id), default=None)
    return lambda level: nearest is not None and level.region == nearest.region
