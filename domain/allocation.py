"""From which shelves a demand is served: a pure function from demands, levels and rules to a plan.

Demands for the same SKU are summed before anything is checked, a split takes what remains and never the whole
again, and the answer lists every shortage, not the first. Whether there is a plan depends on the stock, on regions and
on splitting alone; the strategy only says which. This module never locks and never reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from uuid import UUID

from domain.allocation_order import Order
from domain.allocation_search import cheapest_cover
from domain.allocation_terms import USUAL_RULES, Demand, Level, Rules, Strategy
from domain.errors import Shortage

__all__ = ["USUAL_RULES", "Considered", "Demand", "Level", "Pick", "Plan", "Rules", "Strategy", "plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """Pieces taken from one shelf."""

    inventory_id: UUID
    warehouse_id: UUID
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Considered:
    """What a plan was made from, for whoever asks why (domain/allocation_reasons.py)."""

    demands: Sequence[Demand] = ()
    levels: Sequence[Level] = ()
    rules: Rules = USUAL_RULES


@dataclass(frozen=True, slots=True)
class Plan:
    """Where everything comes from: `picks` covers all demands exactly, or `shortages` names every SKU that is short."""

    picks: tuple[Pick, ...] = ()
    shortages: tuple[Shortage, ...] = ()
    considered: Considered = field(default=Considered(), compare=False, repr=False)


def plan(demands: Sequence[Demand], levels: Sequence[Level], rules: Rules = USUAL_RULES) -> Plan:
    """Serve `demands` from `levels` as `rules` say, by whole pieces.

    Demands bound to a warehouse are served first, since they have no other shelf; then those bound to a region. What a
    demand prefers comes before what the strategy says. By the strategies that weigh shipments the rest of the order is
    served by one cheapest set of warehouses; those in use already, for what is bound or preferred, cost nothing more.
    """
    usable = [level for level in levels if level.is_active and (not rules.region or level.region == rules.region)]
    stock = _Stock(usable, Order(rules, usable), allow_split=rules.allow_split)
    narrow, free = _lines(demands)
    for line in narrow:
        stock.serve_preferred(line)
        stock.serve(line)
    for line in free:
        stock.serve_preferred(line)
    chosen = _cheapest_warehouses(stock, free) if stock.order.weighs_shipments else None
    for line in free:
        stock.serve(line, only=chosen)
    considered = Considered(demands, levels, rules)
    if shortages := _shortages([*narrow, *free]):
        return Plan(shortages=shortages, considered=considered)
    return Plan(picks=stock.picks(), considered=considered)


@dataclass(slots=True)
class _Line:
    """Demands that may come from the same shelves, how many pieces have no shelf yet, and how many there are."""

    sku: str
    warehouse_id: UUID | None
    region: str | None
    quantity: int = 0
    missing: int = 0
    available: int = 0
    preferred: dict[UUID, int] = field(default_factory=dict)

    def add(self, demand: Demand) -> None:
        """Sum one more demand."""
        self.quantity += demand.quantity
        self.missing += demand.quantity
        preferred = demand.preferred_warehouse_id
        if preferred and not demand.warehouse_id:
            self.preferred[preferred] = self.preferred.get(preferred, 0) + demand.quantity

    def allows(self, level: Level) -> bool:
        """Whether the shelf may serve it."""
        return self.warehouse_id in {None, level.warehouse_id} and self.region in {None, level.region}


def _lines(demands: Iterable[Demand]) -> tuple[list[_Line], list[_Line]]:
    """Summed demands: those that are bound, the most narrowly first, and those that may come from anywhere, by SKU."""
    lines: dict[tuple[str, UUID | None, str | None], _Line] = {}
    for demand in demands:
        place = demand.sku, demand.warehouse_id, demand.region
        lines.setdefault(place, _Line(*place)).add(demand)
    narrow = [line for line in lines.values() if line.warehouse_id or line.region]
    free = [line for line in lines.values() if not line.warehouse_id and not line.region]
    return sorted(narrow, key=lambda line: line.warehouse_id is None), sorted(free, key=lambda line: line.sku)


class _Stock:
    """What is left on each shelf while a plan is being made, and what has been taken."""

    def __init__(self, levels: Sequence[Level], order: Order, *, allow_split: bool) -> None:
        self.order = order
        self._allow_split = allow_split
        self._levels = levels
        self._by_sku = _by_sku(levels, order)
        self._left = {level.inventory_id: max(0, level.quantity_available) for level in levels}
        self._taken: dict[UUID, int] = {}

    def serve_preferred(self, line: _Line) -> None:
        """Take what a line prefers from where it prefers it; the warehouse that most pieces prefer comes first."""
        for warehouse_id, pieces in sorted(line.preferred.items(), key=lambda item: (-item[1], item[0])):
            for level in self._shelves(line):
                if level.warehouse_id == warehouse_id:
                    self._take(line, level, min(pieces, line.missing) if self._allow_split else line.missing)

    def serve(self, line: _Line, *, only: Set[UUID] | None = None) -> None:
        """Take what is missing of a line from the best shelves, `only` in these warehouses when they are given."""
        for level in self._shelves(line):
            if line.missing and (only is None or level.warehouse_id in only):
                self._take(line, level, line.missing)
        line.available = self._available_to(line) if line.missing else line.quantity

    def warehouses_in_use(self) -> set[UUID]:
        """The warehouses from which something has been taken."""
        return {level.warehouse_id for level in self._levels if level.inventory_id in self._taken}

    def offers(self, line: _Line) -> list[tuple[Level, int]]:
        """Shelves with what each could give of what is missing: any pieces, or all where a line is not split."""
        least = 1 if self._allow_split else line.missing
        return [
            (level, min(left, line.missing))
            for level in self._shelves(line)
            if (left := self._left[level.inventory_id]) >= least
        ]

    def picks(self) -> tuple[Pick, ...]:
        """What was taken, in the order in which rows are locked."""
        levels = {level.inventory_id: level for level in self._levels}
        return tuple(
            Pick(inventory_id=taken, warehouse_id=levels[taken].warehouse_id, sku=levels[taken].sku, quantity=pieces)
            for taken, pieces in sorted(self._taken.items())
        )

    def _shelves(self, line: _Line) -> Sequence[Level]:
        """The shelves that may serve a line, the best first."""
        shelves = self._by_sku.get(line.sku, ())
        if line.warehouse_id is None and line.region is None:
            return shelves
        return [level for level in shelves if line.allows(level)]

    def _available_to(self, line: _Line) -> int:
        """How many pieces there are for a short line: all that it took, or the most that one shelf has."""
        if self._allow_split:
            return line.quantity - line.missing
        return max((self._left[level.inventory_id] for level in self._shelves(line)), default=0)

    def _take(self, line: _Line, level: Level, pieces: int) -> None:
        left = self._left[level.inventory_id]
        if not self._allow_split and left < pieces:
            return
        if taken := min(pieces, left):
            line.missing -= taken
            self._left[level.inventory_id] = left - taken
            self._taken[level.inventory_id] = self._taken.get(level.inventory_id, 0) + taken


def _by_sku(levels: Iterable[Level], order: Order) -> Mapping[str, list[Level]]:
    by_sku: dict[str, list[Level]] = {}
    for level in levels:
        by_sku.setdefault(level.sku, []).append(level)
    for shelves in by_sku.values():
        if len(shelves) > 1:
            shelves.sort(key=order.key)
    return by_sku


def _cheapest_warehouses(stock: _Stock, lines: Sequence[_Line]) -> set[UUID] | None:
    """The warehouses that serve what is missing at the least cost; None when all together have too little."""
    in_use = stock.warehouses_in_use()
    needs: list[int] = []
    costs: dict[UUID, int] = {}
    gives: dict[UUID, dict[int, int]] = {}
    for line in lines:
        offers = stock.offers(line)
        need = line.missing - sum(pieces for level, pieces in offers if level.warehouse_id in in_use)
        if need <= 0:
            continue
        others = [(level, pieces) for level, pieces in offers if level.warehouse_id not in in_use]
        if need > sum(pieces for _, pieces in others):
            return None
        for level, pieces in others:
            costs[level.warehouse_id] = stock.order.shipment_metres + stock.order.cost(level)
            gives.setdefault(level.warehouse_id, {})[len(needs)] = pieces
        needs.append(need)
    rows = {place: [given.get(n, 0) for n in range(len(needs))] for place, given in gives.items()}
    places = sorted(rows, key=lambda place: (costs[place], [-pieces for pieces in rows[place]], place))
    best = cheapest_cover([costs[place] for place in places], [rows[place] for place in places], needs)
    return in_use | {places[index] for index in best}


def _shortages(lines: Iterable[_Line]) -> tuple[Shortage, ...]:
    found: dict[str, Shortage] = {}
    for line in lines:
        if line.missing:
            short = found.get(line.sku, Shortage(line.sku, 0, 0))
            found[line.sku] = Shortage(line.sku, short.requested + line.quantity, short.available + line.available)
    return tuple(found.values())
