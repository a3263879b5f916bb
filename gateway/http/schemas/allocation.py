"""Allocation as REST sees it: where goods go, how warehouses are chosen, and why these and not the others."""

from __future__ import annotations

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from domain import destinations
from domain.allocation_terms import Strategy
from domain.destinations import Location
from domain.distance import Coordinates
from domain.explanations import Explanation, Reason
from domain.warehouses import PLACE_CHARACTERS_MAX
from gateway.http.schemas.model import ONE_LINE, Body, Id, Region, Shape, wrong

StrategyName = Annotated[
    Strategy,
    Field(
        strict=False,
        description="How warehouses are chosen. `priority`: the lowest priority number first. `nearest`: the shortest "
        "way to the destination. `region`: the destination's own region or country first. `fewest_shipments`: the "
        "fewest warehouses for the whole order. `balanced`: shipments, distance and priority weighed (a further "
        "shipment like 500 km, a step of priority like 100 km); without a destination by priority.",
    ),
]
Country = Annotated[str, Field(min_length=1, max_length=PLACE_CHARACTERS_MAX), ONE_LINE]
AllowSplit = Annotated[bool, Field(description="Whether several warehouses may serve one SKU together.")]
Wall = Annotated[Region, Field(description="Take stock from warehouses of this region only.")]
BoundTo = Annotated[Id | None, Field(description="Take it from this warehouse only.")]
Preferred = Annotated[
    Id | None,
    Field(
        description="Take it from this warehouse as far as its stock goes, whatever the strategy. Says nothing more "
        "where `warehouseId` or `inventoryId` binds the line."
    ),
]


class Destination(Body):
    """Where the goods go: a point (WGS 84 degrees), a country or a region, named as the warehouses name theirs.

    A country or a region stands for the centre of its active warehouses.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"latitude": 53.55, "longitude": 9.99}]})

    latitude: Annotated[float | None, Field(ge=-90, le=90)] = None
    longitude: Annotated[float | None, Field(ge=-180, le=180)] = None
    country: Country | None = None
    region: Region | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise wrong("latitude and longitude go together")
        if sum(way is not None for way in (self.latitude, self.country, self.region)) != 1:
            raise wrong("give exactly one of latitude and longitude, country, region")
        return self


def to_destination(asked: Destination | None) -> destinations.Destination | None:
    """A destination as the rules take it."""
    if asked is None:
        return None
    if asked.latitude is None or asked.longitude is None:
        return destinations.Destination(country=asked.country, region=asked.region)
    return destinations.Destination(point=Coordinates(asked.latitude, asked.longitude))


class Place(Shape):
    """A destination on the map: where it is, and how that is known. Without coordinates when it is not."""

    latitude: float | None = None
    longitude: float | None = None
    country: str | None = None
    region: str | None = None
    location: Annotated[
        Location,
        Field(
            description="`given` as a point; the `centre_of_active_warehouses` of the country or region; `unknown`: "
            "no active warehouse there has coordinates, so that distances say nothing."
        ),
    ]

    @classmethod
    def of(cls, place: destinations.Place) -> Self:
        """The place as callers see it."""
        point, asked = place.point, place.destination
        degrees = {"latitude": point.latitude, "longitude": point.longitude} if point else {}
        area = {name: value for name in ("country", "region") if (value := getattr(asked, name)) is not None}
        return cls.model_validate({**degrees, **area, "location": place.location})


Reasons = Annotated[
    list[Reason],
    Field(
        description="Stable codes. Of a warehouse that serves: `only_candidate` no other keeps the item; `bound`, "
        "`preferred` the line names it; `priority`, `nearest`, `in_region`, `fewest_shipments`, `balanced` best by the "
        "strategy; `remainder` those before it had too little. Of one that does not: `inactive`; `other_region`; "
        "`named_elsewhere` the line names another; `not_stocked` named, but keeps no such item; `no_stock`; "
        "`too_little`; `farther`, `no_coordinates`, `lower_priority`, `less_stock` worse than what was chosen; "
        "`another_shipment` not in the best set for the whole order; `tied` as good."
    ),
]
Distance = Annotated[
    float | None, Field(description="Great-circle distance to the destination; null when either place is not known.")
]


class Allocation(Shape):
    """Pieces from one warehouse, and why from there."""

    inventory_id: UUID
    warehouse_id: UUID
    sku: str
    quantity: int
    distance_km: Distance
    reasons: Reasons


class RejectedWarehouse(Shape):
    """A warehouse that serves nothing of it, and why not."""

    warehouse_id: UUID
    distance_km: Distance
    reasons: Reasons


class Explained(Shape):
    """What an answer says of an allocation; of many warehouses that were not chosen the nearest 50."""

    strategy: Strategy
    destination: Place | None = None
    allocation: list[Allocation]
    rejected: list[RejectedWarehouse]


def members_of(told: Explanation) -> dict[str, Any]:
    """What an answer carries of an explanation: strategy, destination if one was named, allocation, rejected."""
    return {
        "strategy": told.strategy,
        **({"destination": Place.of(told.place)} if told.place else {}),
        "allocation": told.allocated,
        "rejected": told.rejected,
    }
