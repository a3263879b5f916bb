"""What an allocation is about: pieces that are wanted, shelves that have some, and how to choose between them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from domain.destinations import Destination, Place
from domain.distance import Coordinates
from domain.fields import FieldProblems


class Strategy(StrEnum):
    """What makes one warehouse better than another.

    `priority`: the lowest priority number. `nearest`: the shortest way to the destination, piece by piece. `region`:
    the destination's own region or country first, by priority there. `fewest_shipments`: the fewest warehouses for the
    whole order. `balanced`, the default: shipments, distance and priority weighed; without a destination the same as
    `priority`.
    """

    BALANCED = "balanced"
    PRIORITY = "priority"
    NEAREST = "nearest"
    REGION = "region"
    FEWEST_SHIPMENTS = "fewest_shipments"


def check_destination(
    problems: FieldProblems, pointer: str, strategy: Strategy, destination: Destination | None, *, region: str | None
) -> None:
    """Note what a strategy lacks: a way has an end, and a region is named by the destination or as a wall."""
    if destination is None and (strategy is Strategy.NEAREST or (strategy is Strategy.REGION and not region)):
        problems.add(pointer, f"the strategy {strategy.value} needs one")


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Pieces of one SKU: from anywhere, from one warehouse only, from one region only, or both.

    `preferred_warehouse_id` comes first as far as its stock goes, whatever the strategy; it is no condition, and says
    nothing more where `warehouse_id` is one.
    """

    sku: str
    quantity: int
    warehouse_id: UUID | None = None
    preferred_warehouse_id: UUID | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A shelf: what it can promise, and what speaks for its warehouse. An inactive one serves nobody."""

    inventory_id: UUID
    warehouse_id: UUID
    sku: str
    quantity_available: int
    priority: int = 1
    region: str = ""
    country: str = ""
    location: Coordinates | None = None
    is_active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How to choose. `region` is a wall; without `allow_split` one SKU comes from one warehouse."""

    strategy: Strategy = Strategy.BALANCED
    place: Place | None = None
    region: str | None = None
    allow_split: bool = True


USUAL_RULES = Rules()
