"""Allocation over gRPC: where goods go, how warehouses are chosen, and why these and not the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from domain.allocation_terms import Strategy
from domain.destinations import Destination, Location, Place
from domain.distance import Coordinates
from domain.explanations import Allocated, Reason, Rejected
from domain.limits import REGION_CHARACTERS_MAX
from domain.warehouses import PLACE_CHARACTERS_MAX
from gateway.rpc.generated.inventory.v1 import inventory_pb2 as pb
from gateway.rpc.reading import Reading

_STRATEGIES = {strategy: pb.AllocationStrategy.Value(f"ALLOCATION_STRATEGY_{strategy.name}") for strategy in Strategy}
_MEANINGS = {
    **{number: strategy for strategy, number in _STRATEGIES.items()},
    pb.ALLOCATION_STRATEGY_UNSPECIFIED: Strategy.BALANCED,
}
_REASONS = {reason: pb.AllocationReason.Value(f"ALLOCATION_REASON_{reason.name}") for reason in Reason}
_LOCATIONS = {
    Location.GIVEN: pb.LOCATION_KIND_GIVEN,
    Location.CENTRE: pb.LOCATION_KIND_CENTRE_OF_ACTIVE_WAREHOUSES,
    Location.UNKNOWN: pb.LOCATION_KIND_UNKNOWN,
}


def read_strategy(reading: Reading, number: pb.AllocationStrategy.ValueType) -> Strategy:
    """How warehouses are to be chosen."""
    return reading.choice("/strategy", number, _MEANINGS) or Strategy.BALANCED


def read_destination(reading: Reading, pointer: str, request: Any) -> Destination | None:
    """Where a request's goods go, if it says so; noted as wrong when nothing is in it."""
    if not request.HasField("destination"):
        return None
    asked: pb.Destination = request.destination
    match asked.WhichOneof("where"):
        case "point":
            reading.number(f"{pointer}/point/latitude", asked.point.latitude, least=-90, most=90)
            reading.number(f"{pointer}/point/longitude", asked.point.longitude, least=-180, most=180)
            return Destination(point=Coordinates(asked.point.latitude, asked.point.longitude))
        case "country":
            reading.text(f"{pointer}/country", asked.country, characters_max=PLACE_CHARACTERS_MAX, required=True)
            return Destination(country=asked.country)
        case "region":
            reading.text(f"{pointer}/region", asked.region, characters_max=REGION_CHARACTERS_MAX, required=True)
            return Destination(region=asked.region)
        case _:
            reading.add(pointer, "give exactly one of point, country, region")
            return None


def read_warehouse(reading: Reading, pointer: str, item: Any, field: str) -> UUID | None:
    """The id of a warehouse that an item may name in a field; None when it does not."""
    return reading.uuid(pointer, getattr(item, field)) if item.HasField(field) else None


def strategy_number(strategy: Strategy) -> pb.AllocationStrategy.ValueType:
    """A strategy as callers see it."""
    return _STRATEGIES[strategy]


def place_message(place: Place) -> pb.Place:
    """A destination on the map as callers see it."""
    return pb.Place(
        destination=_destination(place.destination), point=_point(place.point), location=_LOCATIONS[place.location]
    )


def allocation_message(allocated: Allocated) -> pb.Allocation:
    """Pieces from one warehouse as callers see them."""
    return pb.Allocation(
        inventory_id=str(allocated.inventory_id),
        warehouse_id=str(allocated.warehouse_id),
        sku=allocated.sku,
        quantity=allocated.quantity,
        distance_km=allocated.distance_km,
        reasons=[_REASONS[reason] for reason in allocated.reasons],
    )


def rejected_message(rejected: Rejected) -> pb.RejectedWarehouse:
    """A warehouse that was not chosen as callers see it."""
    return pb.RejectedWarehouse(
        warehouse_id=str(rejected.warehouse_id),
        distance_km=rejected.distance_km,
        reasons=[_REASONS[reason] for reason in rejected.reasons],
    )


def rejected_in_error(rejected: Mapping[str, Any]) -> pb.RejectedWarehouse:
    """The same from the members of an error."""
    return pb.RejectedWarehouse(
        warehouse_id=rejected["warehouseId"],
        distance_km=rejected["distanceKm"],
        reasons=[_REASONS[Reason(code)] for code in rejected["reasons"]],
    )


def _destination(asked: Destination) -> pb.Destination:
    if asked.country is not None:
        return pb.Destination(country=asked.country)
    return pb.Destination(region=asked.region) if asked.region else pb.Destination(point=_point(asked.point))


def _point(point: Coordinates | None) -> pb.Coordinates | None:
    return pb.Coordinates(latitude=point.latitude, longitude=point.longitude) if point else None
