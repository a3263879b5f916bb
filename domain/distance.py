"""Points on the globe: how far apart they are, and the middle of several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

EARTH_RADIUS_KM = 6371.0088
"""Mean radius R1 of the Earth (IUGG, 1980)."""

_NOWHERE = 1e-9
"""A mean vector shorter than this points in no direction: its points lie opposite each other."""


@dataclass(frozen=True, slots=True)
class Coordinates:
    """A point on Earth in degrees (WGS 84)."""

    latitude: float
    longitude: float


def distance_km(origin: Coordinates, target: Coordinates) -> float:
    """Great-circle distance in kilometres by the haversine formula (Sinnott, Sky & Telescope 68, 1984)."""
    latitude_origin, latitude_target = math.radians(origin.latitude), math.radians(target.latitude)
    half_latitude = (latitude_target - latitude_origin) / 2
    half_longitude = math.radians(target.longitude - origin.longitude) / 2
    chord = (
        math.sin(half_latitude) ** 2
        + math.cos(latitude_origin) * math.cos(latitude_target) * math.sin(half_longitude) ** 2
    )
    return 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(chord)))


def centre(points: Sequence[Coordinates]) -> Coordinates | None:
    """The middle of points: the direction of the mean of their unit vectors (Gade, J. Navigation 63, 2010).

    Unlike a mean of degrees it is right across the date line and at the poles. None for no points, and for points that
    cancel each other out, such as two opposite ones.
    """
    vectors = [_unit_vector(point) for point in points]
    x, y, z = (math.fsum(axis) for axis in zip(*vectors, strict=True)) if vectors else (0.0, 0.0, 0.0)
    if math.hypot(x, y, z) <= _NOWHERE * len(vectors):
        return None
    return Coordinates(math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x)))


def _unit_vector(point: Coordinates) -> tuple[float, float, float]:
    latitude, longitude = math.radians(point.latitude), math.radians(point.longitude)
    return (
        math.cos(latitude) * math.cos(longitude),
        math.cos(latitude) * math.sin(longitude),
        math.sin(latitude),
    )
