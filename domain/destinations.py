"""Where goods go, as somebody says it and as a point on the map. Knows no stock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.distance import Coordinates, centre


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where goods go: exactly one of a point, a country and a region, named as the warehouses name theirs."""

    point: Coordinates | None = None
    country: str | None = None
    region: str | None = None

    @property
    def is_area(self) -> bool:
        """True when its warehouses have to be known to find it on the map."""
        return self.point is None


class Location(StrEnum):
    """How a destination was found on the map."""

    GIVEN = "given"
    CENTRE = "centre_of_active_warehouses"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A destination and the point it stands for; no point when none is known, and then distances say nothing."""

    destination: Destination
    point: Coordinates | None
    location: Location


def locate(destination: Destination, sites: Sequence[Coordinates]) -> Place:
    """Find a destination on the map: a country or a region stands for the centre of its active warehouses, `sites`."""
    if destination.point is not None:
        return Place(destination=destination, point=destination.point, location=Location.GIVEN)
    point = centre(sites)
    return Place(destination=destination, point=point, location=Location.CENTRE if point else Location.UNKNOWN)
