"""Why these warehouses and why not the others, said of a plan after it was made. Decides nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from domain.allocation import Pick, Plan
from domain.allocation_order import GROUNDS, Ground, Order
from domain.allocation_terms import Demand, Level, Strategy
from domain.explanations import Allocated, Explanation, Reason, Rejected
from domain.limits import REJECTED_TOLD_MAX


def is_worth_telling(planned: Plan) -> bool:
    """Whether there is more to say than that each item came from the only warehouse that keeps it."""
    rules, levels = planned.considered.rules, planned.considered.levels
    if rules.place is not None or rules.strategy is not Strategy.BALANCED or len(planned.picks) < len(levels):
        return True
    return len({level.sku for level in levels}) < len(levels) or any(
        demand.preferred_warehouse_id for demand in planned.considered.demands
    )


def explain(planned: Plan) -> Explanation:
    """Say why a plan is as it is. For one that is short: what was wrong with each warehouse of the short items."""
    rules, levels = planned.considered.rules, planned.considered.levels
    order = Order(rules, [level for level in levels if level.is_active and rules.region in {None, "", level.region}])
    items = _items(planned, order)
    return Explanation(
        strategy=rules.strategy,
        place=rules.place,
        allocated=tuple(_allocated(pick, items[pick.sku], order) for pick in planned.picks),
        rejected=_rejected(planned, items, order),
    )


_BEST: Mapping[Strategy, Reason] = {
    Strategy.PRIORITY: Reason.PRIORITY,
    Strategy.NEAREST: Reason.NEAREST,
    Strategy.REGION: Reason.IN_REGION,
    Strategy.FEWEST_SHIPMENTS: Reason.FEWEST_SHIPMENTS,
    Strategy.BALANCED: Reason.BALANCED,
}
_WORSE: Mapping[Ground, Reason] = {
    Ground.AREA: Reason.OTHER_REGION,
    Ground.DISTANCE: Reason.FARTHER,
    Ground.PRIORITY: Reason.LOWER_PRIORITY,
    Ground.STOCK: Reason.LESS_STOCK,
}


@dataclass(slots=True)
class _Item:
    """One SKU of the order: who wants it, who keeps it, and who serves it without being named, the best first."""

    demands: list[Demand] = field(default_factory=list)
    levels: dict[UUID, Level] = field(default_factory=dict)
    served: list[Level] = field(default_factory=list)
    bound: set[UUID] = field(default_factory=set)
    preferred: set[UUID] = field(default_factory=set)

    def add(self, demand: Demand) -> None:
        """One more demand for it."""
        self.demands.append(demand)
        if demand.warehouse_id:
            self.bound.add(demand.warehouse_id)
        elif demand.preferred_warehouse_id:
            self.preferred.add(demand.preferred_warehouse_id)

    @property
    def quantity(self) -> int:
        """Pieces that are not bound to a warehouse."""
        return sum(demand.quantity for demand in self.demands if not demand.warehouse_id)

    def may_come_from(self, level: Level) -> bool:
        """Whether any of its demands allows the shelf."""
        return any(
            it.warehouse_id in {None, level.warehouse_id} and it.region in {None, level.region} for it in self.demands
        )


def _items(planned: Plan, order: Order) -> dict[str, _Item]:
    items: dict[str, _Item] = {}
    for demand in planned.considered.demands:
        items.setdefault(demand.sku, _Item()).add(demand)
    for level in planned.considered.levels:
        if level.sku in items:
            items[level.sku].levels[level.warehouse_id] = level
    for pick in planned.picks:
        item = items[pick.sku]
        if pick.warehouse_id not in item.bound | item.preferred:
            item.served.append(item.levels[pick.warehouse_id])
    for item in items.values():
        item.served.sort(key=order.key)
    return items


def _allocated(pick: Pick, item: _Item, order: Order) -> Allocated:
    level = item.levels[pick.warehouse_id]
    return Allocated(
        inventory_id=pick.inventory_id,
        warehouse_id=pick.warehouse_id,
        sku=pick.sku,
        quantity=pick.quantity,
        distance_km=order.distance_km(level),
        reasons=_merits(level, item, order),
    )


def _merits(level: Level, item: _Item, order: Order) -> tuple[Reason, ...]:
    if len(item.levels) == 1:
        return (Reason.ONLY_CANDIDATE,)
    if level not in item.served:
        return (Reason.BOUND if level.warehouse_id in item.bound else Reason.PREFERRED,)
    best = _BEST[order.strategy]
    if best is Reason.IN_REGION and not order.is_home(level):
        best = Reason.PRIORITY
    return (best,) if level is item.served[0] else (best, Reason.REMAINDER)


def _rejected(planned: Plan, items: Mapping[str, _Item], order: Order) -> tuple[Rejected, ...]:
    used = {pick.warehouse_id for pick in planned.picks}
    short = {shortage.sku for shortage in planned.shortages}
    rejected: dict[UUID, _Rejection] = {}
    for sku, item in items.items():
        if short and sku not in short:
            continue
        for level in item.levels.values():
            if level.warehouse_id not in used:
                rejection = rejected.setdefault(level.warehouse_id, _Rejection(order.distance_km(level)))
                rejection.reasons.update(dict.fromkeys(_faults(level, item, order, planned)))
        for warehouse_id in (item.bound | item.preferred) - item.levels.keys() - used:
            rejected.setdefault(warehouse_id, _Rejection()).reasons[Reason.NOT_STOCKED] = None
    nearest = sorted(rejected.items(), key=lambda pair: (pair[1].distance_or_last, pair[0]))
    return tuple(
        Rejected(warehouse_id=warehouse_id, distance_km=it.distance_km, reasons=tuple(it.reasons))
        for warehouse_id, it in nearest[:REJECTED_TOLD_MAX]
    )


def _faults(level: Level, item: _Item, order: Order, planned: Plan) -> list[Reason]:
    """Why a shelf serves nothing: it must not, it cannot, or others are better."""
    rules = planned.considered.rules
    if not level.is_active:
        return [Reason.INACTIVE]
    if rules.region and level.region != rules.region:
        return [Reason.OTHER_REGION]
    if not item.may_come_from(level):
        return [Reason.NAMED_ELSEWHERE if item.bound else Reason.OTHER_REGION]
    if level.quantity_available <= 0:
        return [Reason.NO_STOCK]
    if planned.shortages or (not rules.allow_split and level.quantity_available < item.quantity):
        return [Reason.TOO_LITTLE]
    return _worse(level, item.served[-1], order) if item.served else [Reason.NAMED_ELSEWHERE]


def _worse(level: Level, chosen: Level, order: Order) -> list[Reason]:
    """What speaks against a shelf that could have served, beside the last one that does."""
    if not order.weighs_shipments:
        differing = [it for it in GROUNDS[order.strategy] if order.value(it, level) != order.value(it, chosen)]
        return [_fault(ground, level) for ground in differing[:1]] or [Reason.TIED]
    if order.cost(level) <= order.cost(chosen):
        return [Reason.ANOTHER_SHIPMENT]
    grounds = (Ground.DISTANCE, Ground.PRIORITY)
    return [_fault(ground, level) for ground in grounds if order.value(ground, level) > order.value(ground, chosen)]


def _fault(ground: Ground, level: Level) -> Reason:
    if ground is Ground.DISTANCE and level.location is None:
        return Reason.NO_COORDINATES
    return _WORSE[ground]


@dataclass(slots=True)
class _Rejection:
    """What speaks against a warehouse, item by item; each reason once."""

    distance_km: float | None = None
    reasons: dict[Reason, None] = field(default_factory=dict)

    @property
    def distance_or_last(self) -> float:
        """To sort by."""
        return math.inf if self.distance_km is None else self.distance_km
