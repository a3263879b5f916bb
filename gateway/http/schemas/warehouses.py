"""Warehouses as REST sees them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field

from db.warehouses import WarehouseFilter
from domain.limits import REGION_CHARACTERS_MAX
from domain.warehouses import THRESHOLDS, NewWarehouse, WarehouseChanges
from gateway.http.schemas.model import FROM_WORD, ONE_LINE, PROSE, Amount, AmountText, Body, Id, Region, Shape, Total
from gateway.http.schemas.pages import Listing, PageQuery

Code = Annotated[str, Field(min_length=1, max_length=20), ONE_LINE]
Name = Annotated[str, Field(min_length=1, max_length=255), ONE_LINE]
Address = Annotated[str, Field(max_length=500), PROSE]
Place = Annotated[str, Field(max_length=100), PROSE]
PostalCode = Annotated[str, Field(max_length=20), PROSE]
RegionName = Annotated[str, Field(max_length=REGION_CHARACTERS_MAX), PROSE]
Priority = Annotated[int, Field(ge=0, le=1_000_000, description="The lowest is served first.")]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
THRESHOLD = "A manual change of stock {} needs a second person; null: what the settings say."
THRESHOLD_QUANTITY = THRESHOLD.format("by more pieces")
THRESHOLD_VALUE = THRESHOLD.format("that is worth more, in the currency of the row,")


class WarehouseCreate(Body):
    """A new warehouse. `latitude` and `longitude` go together."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "code": "HAM-1",
                    "name": "Hamburg",
                    "city": "Hamburg",
                    "country": "DE",
                    "region": "eu-north",
                    "priority": 1,
                    "latitude": 53.55,
                    "longitude": 9.99,
                }
            ]
        }
    )

    code: Code
    name: Name
    address: Address = ""
    city: Place = ""
    state: Place = ""
    country: Place = ""
    postal_code: PostalCode = ""
    region: RegionName = ""
    is_active: bool = True
    priority: Priority = 1
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    adjustment_threshold_quantity: Annotated[Total | None, Field(description=THRESHOLD_QUANTITY)] = None
    adjustment_threshold_value: Annotated[Amount | None, Field(description=THRESHOLD_VALUE)] = None

    def new_warehouse(self) -> NewWarehouse:
        """The warehouse as the rules take it."""
        return NewWarehouse(**dict(self))


class WarehouseUpdate(Body):
    """Changes of a warehouse; what is left out or null stays as it is. `code` may be repeated, not changed.

    A threshold that is null, not left out, goes back to what the settings say.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"isActive": False}, {"priority": 2}]})

    code: Code | None = None
    name: Name | None = None
    address: Address | None = None
    city: Place | None = None
    state: Place | None = None
    country: Place | None = None
    postal_code: PostalCode | None = None
    region: RegionName | None = None
    is_active: bool | None = None
    priority: Priority | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    adjustment_threshold_quantity: Annotated[Total | None, Field(description=THRESHOLD_QUANTITY)] = None
    adjustment_threshold_value: Annotated[Amount | None, Field(description=THRESHOLD_VALUE)] = None

    warehouse_id: Annotated[Id | None, Field(description="Read-only.")] = None
    version: Annotated[int | None, Field(description="Ignored; use If-Match.")] = None
    created_at: Annotated[str | None, Field(description="Ignored.")] = None
    updated_at: Annotated[str | None, Field(description="Ignored.")] = None

    def changes(self) -> WarehouseChanges:
        """The changes as the rules take them."""
        names = WarehouseCreate.model_fields
        cleared = tuple(name for name in THRESHOLDS if name in self.model_fields_set and getattr(self, name) is None)
        return WarehouseChanges(**{name: getattr(self, name) for name in names}, cleared=cleared)

    def read_only(self) -> dict[str, Any]:
        """The field that came in and cannot be changed, to be compared with the row."""
        return {} if self.warehouse_id is None else {"warehouse_id": self.warehouse_id}


class WarehouseQuery(PageQuery):
    """Which warehouses to list."""

    region: Region | None = None
    is_active: Annotated[bool | None, FROM_WORD] = None

    def filters(self) -> WarehouseFilter:
        """The filter as views take it."""
        return WarehouseFilter(region=self.region, is_active=self.is_active)


class Warehouse(Shape):
    """A warehouse."""

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
    adjustment_threshold_quantity: Annotated[int | None, Field(description=THRESHOLD_QUANTITY)]
    adjustment_threshold_value: Annotated[AmountText | None, Field(description=THRESHOLD_VALUE)]
    version: Annotated[int, Field(description="Counts every change; the ETag.")]
    created_at: datetime
    updated_at: datetime


class WarehouseListing(Listing[Warehouse]):
    """Warehouses, a page at a time."""
