"""From which shelves a demand is served: a pure function from demands and levels to a plan.

Demands for the same SKU are summed before anything is checked, a split takes what remains and never the whole
again, and the answer lists every shortage, not the first. This module never locks and never reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from domain.errors import Shortage


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Pieces of one SKU, anywhere or from one warehouse only."""

    sku: str
    quantity: int
    warehouse_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A shelf that may serve: what it can promise, and its place in the order of preference."""

    inventory_id: UUID
    warehouse_id: UUID
    sku: str
    quantity_available: int
    priority: int = 1
    region: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """Pieces taken from one shelf."""

    inventory_id: UUID
    warehouse_id: UUID
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Where everything comes from: `picks` covers all demands exactly, or `shortages` names every SKU that is short."""

    picks: tuple[Pick, ...] = ()
    shortages: tuple[Shortage, ...] = ()


@dataclass(slots=True)
class _Shelves:
    """What is left on each shelf while a plan is being made."""

    levels: list[Level]
    left: dict[UUID, int] = field(default_factory=dict)
    taken: dict[UUID, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.left = {level.inventory_id: max(0, level.quantity_available) for level in self.levels}

    def take(self, level: Level, quantity: int) -> int:
        """Take up to `quantity` pieces from a shelf; answers how many."""
        pieces = min(quantity, self.left[level.inventory_id])
        if pieces:
            self.left[level.inventory_id] -= pieces
            self.taken[level.inventory_id] = self.taken.get(level.inventory_id, 0) + pieces
        return pieces


def plan(
    demands: Sequence[Demand], levels: Sequence[Level], *, region: str | None = None, allow_split: bool = True
) -> Plan:
    """Serve `demands` from `levels` by warehouse priority, splitting over warehouses when allowed.

    Demands bound to a warehouse are served first, since they have no other shelf. Within a SKU a lower priority
    number is preferred, then the fuller shelf, then the lower id. `region` limits the shelves. Without
    `allow_split` one SKU comes from one warehouse.
    """
    shelves = _Shelves([level for level in levels if not region or level.region == region])
    by_sku = _by_sku(shelves.levels)
    shortages: dict[str, Shortage] = {}
    for demand in sorted(_summed(demands), key=lambda demand: demand.warehouse_id is None):
        candidates = [
            level for level in by_sku.get(demand.sku, ()) if demand.warehouse_id in {None, level.warehouse_id}
        ]
        missing = _serve(demand, candidates, shelves, allow_split=allow_split)
        if missing:
            short = shortages.get(demand.sku, Shortage(demand.sku, 0, 0))
            shortages[demand.sku] = Shortage(
                demand.sku, short.requested + demand.quantity, short.available + demand.quantity - missing
            )
    if shortages:
        return Plan(shortages=tuple(shortages.values()))
    return Plan(picks=_picks(shelves))


def _summed(demands: Iterable[Demand]) -> list[Demand]:
    totals: dict[tuple[str, UUID | None], int] = {}
    for demand in demands:
        key = (demand.sku, demand.warehouse_id)
        totals[key] = totals.get(key, 0) + demand.quantity
    return [Demand(sku=sku, quantity=total, warehouse_id=warehouse) for (sku, warehouse), total in totals.items()]


def _by_sku(levels: Iterable[Level]) -> Mapping[str, list[Level]]:
    by_sku: dict[str, list[Level]] = {}
    for level in levels:
        by_sku.setdefault(level.sku, []).append(level)
    for shelves in by_sku.values():
        shelves.sort(key=lambda level: (level.priority, -level.quantity_available, level.inventory_id))
    return by_sku


def _serve(demand: Demand, candidates: Sequence[Level], shelves: _Shelves, *, allow_split: bool) -> int:
    """Take a demand from its candidates in order; answers how many pieces are missing."""
    whole = next((level for level in candidates if shelves.left[level.inventory_id] >= demand.quantity), None)
    if not allow_split:
        best = max((shelves.left[level.inventory_id] for level in candidates), default=0)
        return demand.quantity - (shelves.take(whole, demand.quantity) if whole else best)
    missing = demand.quantity
    for level in candidates:
        missing -= shelves.take(level, missing)
    return missing


def _picks(shelves: _Shelves) -> tuple[Pick, ...]:
    return tuple(
        Pick(
            inventory_id=level.inventory_id,
            warehouse_id=level.warehouse_id,
            sku=level.sku,
            quantity=shelves.taken[level.inventory_id],
        )
        for level in sorted(shelves.levels, key=lambda level: level.inventory_id)
        if level.inventory_id in shelves.taken
    )
