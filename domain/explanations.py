"""What is told about an allocation: which warehouses serve, which do not, and why, in stable codes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain.allocation_terms import Strategy
from domain.destinations import Place


class Reason(StrEnum):
    """Stable codes. A shelf that serves has those from `only_candidate` to `remainder`, a warehouse that does not the
    rest.

    `only_candidate`: no other warehouse keeps the item. `bound`, `preferred`: a line names it. `priority`, `nearest`,
    `in_region`, `fewest_shipments`, `balanced`: best by the strategy. `remainder`: those before it had too little.

    `inactive`: out of use. `other_region`: not in the region asked for, or that the goods go to. `named_elsewhere`: the
    line names another warehouse. `not_stocked`: named, and keeps no such item. `no_stock`: nothing there. `too_little`:
    less than the line wants, and it may not be split, or all together have too little. `farther`, `no_coordinates`,
    `lower_priority`, `less_stock`: worse than what was chosen. `another_shipment`: not among the warehouses that serve
    the whole order best. `tied`: as good.
    """

    ONLY_CANDIDATE = "only_candidate"
    BOUND = "bound"
    PREFERRED = "preferred"
    PRIORITY = "priority"
    NEAREST = "nearest"
    IN_REGION = "in_region"
    FEWEST_SHIPMENTS = "fewest_shipments"
    BALANCED = "balanced"
    REMAINDER = "remainder"

    INACTIVE = "inactive"
    OTHER_REGION = "other_region"
    NAMED_ELSEWHERE = "named_elsewhere"
    NOT_STOCKED = "not_stocked"
    NO_STOCK = "no_stock"
    TOO_LITTLE = "too_little"
    FARTHER = "farther"
    NO_COORDINATES = "no_coordinates"
    LOWER_PRIORITY = "lower_priority"
    LESS_STOCK = "less_stock"
    ANOTHER_SHIPMENT = "another_shipment"
    TIED = "tied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocated:
    """Pieces from one shelf, and why from there. `distance_km` is None when either end has no known place."""

    inventory_id: UUID
    warehouse_id: UUID
    sku: str
    quantity: int
    distance_km: float | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A warehouse that serves nothing of the order, and why not."""

    warehouse_id: UUID
    distance_km: float | None
    reasons: tuple[Reason, ...]

    def as_json(self) -> dict[str, Any]:
        """The same for a JSON answer."""
        return {
            "warehouseId": str(self.warehouse_id),
            "distanceKm": self.distance_km,
            "reasons": [reason.value for reason in self.reasons],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A plan in words. `strategy` is what was asked for; `place` where the goods go, when that was said.

    Of the warehouses that serve nothing the nearest REJECTED_TOLD_MAX are told.
    """

    allocated: tuple[Allocated, ...]
    rejected: tuple[Rejected, ...] = ()
    strategy: Strategy = Strategy.BALANCED
    place: Place | None = None
