"""Where stock stands: warehouses and their place in the world."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

EARTH_RADIUS_KM = 6371.0088
"""Mean radius R1 of the Earth (IUGG, 1980)."""


@dataclass(frozen=True, slots=True)
class Coordinates:
    """A point on Earth in degrees (WGS 84)."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Warehouse:
    """A warehouse. A lower `priority` is served first; `version` grows with every change."""

    warehouse_id: UUID
    code: str
    name: str
    address: str
    city: str
    state: str
    country: str
    postal_code: str
    region: str
    is_active: bool
    priority: int
    latitude: float | None
    longitude: float | None
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWarehouse:
    """A new warehouse; `code` is its name on labels and in other systems, for good. See `check_warehouse`."""

    code: str
    name: str
    address: str = ""
    city: str = ""
    state: str = ""
    country: str = ""
    postal_code: str = ""
    region: str = ""
    is_active: bool = True
    priority: int = 1
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WarehouseChanges:
    """What a PUT carries; None leaves a field as it is. `code` may be repeated, not changed."""

    code: str | None = None
    name: str | None = None
    address: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    postal_code: str | None = None
    region: str | None = None
    is_active: bool | None = None
    priority: int | None = None
    latitude: float | None = None
    longitude: float | None = None


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
