"""What stands in the availability view: names of its keys, and the JSON of what changes only with a warehouse.

Knows no connection. What changes with every sale, a row's sequence and pieces, is db/redis_scripts.py's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from domain.availability import Shelf
from domain.destinations import Destination
from domain.distance import Coordinates

EPOCH_KEY = "holdfast:shelves-epoch"


def shelves_key(sku: str) -> str:
    """The key of a SKU's hash."""
    return f"holdfast:shelves:{sku}"


def keys_of(skus: Iterable[str]) -> list[str]:
    """The keys that a script takes: the epoch, and a hash for each SKU."""
    return [EPOCH_KEY, *map(shelves_key, skus)]


def sites_key(area: Destination) -> str:
    """The key of an area's warehouses."""
    return f"holdfast:sites:country:{area.country}" if area.country else f"holdfast:sites:region:{area.region}"


def static_json(shelves: Sequence[Shelf]) -> str:
    """What never changes of shelves while the epoch is the same."""
    return _compact(
        [
            [
                str(shelf.inventory_id),
                str(shelf.warehouse_id),
                shelf.code,
                shelf.region,
                shelf.is_active,
                shelf.priority,
                shelf.country,
                _degrees(shelf.location),
            ]
            for shelf in shelves
        ]
    )


def shelves_of(entry: Mapping[str, str]) -> list[Shelf]:
    """Shelves from a whole hash."""
    shelves = []
    for inventory_id, warehouse_id, code, region, is_active, priority, country, degrees in json.loads(entry["shelves"]):
        sequence, available = entry[inventory_id].split(" ")
        shelves.append(
            Shelf(
                UUID(inventory_id),
                UUID(warehouse_id),
                code,
                region,
                is_active,
                int(sequence),
                int(available),
                priority,
                country,
                Coordinates(*degrees) if degrees else None,
            )
        )
    return shelves


def sites_json(epoch: str, sites: Iterable[Coordinates]) -> str:
    """Where an area's warehouses stand, as of an epoch."""
    return _compact({"epoch": epoch, "sites": [_degrees(point) for point in sites]})


def sites_from(entry: str | None, epoch: str) -> list[Coordinates] | None:
    """Where an area's warehouses stand; None when that is not known, or of another epoch."""
    kept = json.loads(entry) if entry else {}
    return [Coordinates(*degrees) for degrees in kept["sites"]] if kept.get("epoch") == epoch else None


def _degrees(point: Coordinates | None) -> tuple[float, float] | None:
    return (point.latitude, point.longitude) if point else None


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
