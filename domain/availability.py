"""Whether a demand could be served at this moment, and from where: an answer, not a promise.

Planned by the same function as a reservation (domain/allocation.py), so that on quiet stock a reservation gets what was
answered. Levels are what rows say; only a reservation holds anything. A hold past its deadline still counts as taken
here until the sweeper frees it, seconds later, while a reservation may take its stock at once. Never asked before a
hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.allocation import Plan, plan
from domain.allocation_order import Order
from domain.allocation_reasons import explain
from domain.allocation_terms import Demand, Level, Rules, Strategy
from domain.destinations import Destination, locate
from domain.distance import Coordinates
from domain.errors import HoldfastError
from domain.explanations import Explanation

Sites = Mapping[Destination, Sequence[Coordinates]]
"""Where the active warehouses of each country or region stand that goods go to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailabilityQuery:
    """What is asked for: exactly one of sku, inventory_id, or product_id (with variant_id), as in a reservation's item.

    The rest is as in a reservation, too: the wishes of the item, and how its warehouses are chosen.
    """

    quantity: int
    sku: str | None = None
    inventory_id: UUID | None = None
    product_id: UUID | None = None
    variant_id: UUID | None = None
    warehouse_id: UUID | None = None
    preferred_warehouse_id: UUID | None = None
    region: str | None = None
    allow_split: bool = True
    strategy: Strategy = Strategy.BALANCED
    destination: Destination | None = None

    @property
    def terms(self) -> tuple[object, ...]:
        """What items of one order have in common."""
        return self.region, self.allow_split, self.strategy, self.destination

    def rules(self, sites: Sites) -> Rules:
        """How its shelves are chosen."""
        place = locate(self.destination, sites.get(self.destination, ())) if self.destination else None
        return Rules(strategy=self.strategy, place=place, region=self.region, allow_split=self.allow_split)


@dataclass(frozen=True, slots=True)
class Shelf:
    """An inventory row as availability sees it. Inactive warehouses make an item known, never available."""

    inventory_id: UUID
    warehouse_id: UUID
    code: str
    region: str
    is_active: bool
    sequence: int
    quantity_available: int
    priority: int = 1
    country: str = ""
    location: Coordinates | None = None

    def level(self, sku: str) -> Level:
        """The same as allocation sees it."""
        return Level(
            inventory_id=self.inventory_id,
            warehouse_id=self.warehouse_id,
            sku=sku,
            quantity_available=self.quantity_available,
            priority=self.priority,
            region=self.region,
            country=self.country,
            location=self.location,
            is_active=self.is_active,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A query whose SKU is known, and all shelves that keep it."""

    query: AvailabilityQuery
    sku: str
    shelves: Sequence[Shelf]

    def demand(self, *, region: str | None = None) -> Demand:
        """What it takes, as allocation sees it."""
        query = self.query
        row = next((shelf for shelf in self.shelves if shelf.inventory_id == query.inventory_id), None)
        return Demand(
            sku=self.sku,
            quantity=query.quantity,
            warehouse_id=row.warehouse_id if row else query.warehouse_id,
            preferred_warehouse_id=query.preferred_warehouse_id,
            region=region,
        )

    def levels(self) -> list[Level]:
        """The shelves in question: who names a row asks about no other."""
        named = self.query.inventory_id
        return [shelf.level(self.sku) for shelf in self.shelves if named in {None, shelf.inventory_id}]


@dataclass(frozen=True, slots=True, kw_only=True)
class WarehouseAvailability:
    """What one warehouse can promise of an item, in pieces."""

    inventory_id: UUID
    warehouse_id: UUID
    code: str
    region: str
    quantity_available: int
    distance_km: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """The answer for one item: `quantity_available` is what a reservation by the same wishes could get of it now.

    That is the sum over all `warehouses` that may serve, the best first; without splitting the most that one has.
    """

    sku: str
    quantity_requested: int
    quantity_available: int
    available: bool
    warehouses: tuple[WarehouseAvailability, ...]
    explanation: Explanation


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkAvailabilityItem:
    """One item of a bulk check, by itself: an answer, or the `error` for an item that is not known."""

    availability: Availability | None = None
    error: HoldfastError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkAvailability:
    """`available` when all items together can be served: the same stock is never counted for two of them.

    `explanation` says from where, when all items are known and have their terms in common, as those of an order do.
    """

    available: bool
    items: tuple[BulkAvailabilityItem, ...]
    explanation: Explanation | None = None


def assess(wanted: Wanted, sites: Sites) -> Availability:
    """Answer a query by itself."""
    rules, demand, levels = wanted.query.rules(sites), wanted.demand(), wanted.levels()
    eligible = [level for level in levels if _may_serve(level, demand, rules)]
    order = Order(rules, eligible)
    quantities = [level.quantity_available for level in eligible]
    codes = {shelf.inventory_id: shelf.code for shelf in wanted.shelves}
    planned = plan([demand], levels, rules)
    return Availability(
        sku=wanted.sku,
        quantity_requested=wanted.query.quantity,
        quantity_available=sum(quantities) if rules.allow_split else max(quantities, default=0),
        available=not planned.shortages,
        warehouses=tuple(
            WarehouseAvailability(
                inventory_id=level.inventory_id,
                warehouse_id=level.warehouse_id,
                code=codes[level.inventory_id],
                region=level.region,
                quantity_available=level.quantity_available,
                distance_km=order.distance_km(level),
            )
            for level in sorted(eligible, key=order.key)
        ),
        explanation=explain(planned),
    )


def assess_together(wanted: Sequence[Wanted], sites: Sites) -> tuple[bool, Explanation | None]:
    """Whether all can be served at once, no piece twice; and from where, when they have their terms in common.

    Items of different terms are no order: each stays in its own region, and how they would be shared out is not said.
    With splitting the answer is exact; without, items of one SKU in several regions are planned one by one.
    """
    levels = list({level.inventory_id: level for it in wanted for level in it.levels()}.values())
    if len({it.query.terms for it in wanted}) == 1:
        planned = plan([it.demand() for it in wanted], levels, wanted[0].query.rules(sites))
        return not planned.shortages, explain(planned)
    planned = _apart(wanted, levels)
    return not planned.shortages, None


def _apart(wanted: Iterable[Wanted], levels: Sequence[Level]) -> Plan:
    queries = list(wanted)
    rules = Rules(allow_split=all(it.query.allow_split for it in queries))
    return plan([it.demand(region=it.query.region) for it in queries], levels, rules)


def _may_serve(level: Level, demand: Demand, rules: Rules) -> bool:
    is_inside = level.is_active and (not rules.region or level.region == rules.region)
    return is_inside and demand.warehouse_id in {None, level.warehouse_id}
