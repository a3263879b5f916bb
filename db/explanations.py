"""Explanations of allocations as they are kept on a reservation's row: JSON, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from domain.allocation import Plan
from domain.allocation_reasons import explain, is_worth_telling
from domain.allocation_terms import Strategy
from domain.destinations import Destination, Location, Place
from domain.distance import Coordinates
from domain.explanations import Allocated, Explanation, Reason, Rejected


def told_of(planned: Plan) -> Explanation | None:
    """The explanation that is kept with a plan; None when the lines alone say it."""
    return explain(planned) if is_worth_telling(planned) else None


def as_json(told: Explanation | None) -> dict[str, Any] | None:
    """An explanation as its column takes it."""
    if told is None:
        return None
    return {
        "strategy": told.strategy.value,
        "place": _place_as_json(told.place) if told.place else None,
        "allocated": [
            {
                "inventoryId": str(it.inventory_id),
                "warehouseId": str(it.warehouse_id),
                "sku": it.sku,
                "quantity": it.quantity,
                "distanceKm": it.distance_km,
                "reasons": [reason.value for reason in it.reasons],
            }
            for it in told.allocated
        ],
        "rejected": [it.as_json() for it in told.rejected],
    }


def from_json(kept: Mapping[str, Any] | None) -> Explanation | None:
    """An explanation from its column."""
    if kept is None:
        return None
    return Explanation(
        strategy=Strategy(kept["strategy"]),
        place=_place_from_json(kept["place"]) if kept["place"] else None,
        allocated=tuple(
            Allocated(
                inventory_id=UUID(it["inventoryId"]),
                warehouse_id=UUID(it["warehouseId"]),
                sku=it["sku"],
                quantity=it["quantity"],
                distance_km=it["distanceKm"],
                reasons=_reasons(it),
            )
            for it in kept["allocated"]
        ),
        rejected=tuple(
            Rejected(warehouse_id=UUID(it["warehouseId"]), distance_km=it["distanceKm"], reasons=_reasons(it))
            for it in kept["rejected"]
        ),
    )


def _reasons(kept: Mapping[str, Any]) -> tuple[Reason, ...]:
    return tuple(Reason(reason) for reason in kept["reasons"])


def _place_as_json(place: Place) -> dict[str, Any]:
    return {
        "location": place.location.value,
        "point": _degrees(place.point),
        "country": place.destination.country,
        "region": place.destination.region,
    }


def _place_from_json(kept: Mapping[str, Any]) -> Place:
    point = Coordinates(*kept["point"]) if kept["point"] else None
    location = Location(kept["location"])
    return Place(
        destination=Destination(
            point=point if location is Location.GIVEN else None, country=kept["country"], region=kept["region"]
        ),
        point=point,
        location=location,
    )


def _degrees(point: Coordinates | None) -> tuple[float, float] | None:
    return (point.latitude, point.longitude) if point else None
