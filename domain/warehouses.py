"""Where stock stands: warehouses and their place in the world."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from domain.fields import FieldProblems
from domain.limits import REGION_CHARACTERS_MAX, STOCK_TOTAL_MAX
from domain.money import check_amount

CODE_CHARACTERS_MAX = 20
NAME_CHARACTERS_MAX = 255
ADDRESS_CHARACTERS_MAX = 500
PLACE_CHARACTERS_MAX = 100
POSTAL_CODE_CHARACTERS_MAX = 20
"""From the specification's Warehouse entity."""

PRIORITY_MAX = 1_000_000

THRESHOLDS = ("adjustment_threshold_quantity", "adjustment_threshold_value")
"""How much one person may change alone: set by those who may approve, not by those whom it restricts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Warehouse:
    """A warehouse. A lower `priority` is served first; `version` grows with every change.

    A manual change of stock beyond `adjustment_threshold_quantity` pieces, or worth more than
    `adjustment_threshold_value` in the currency of the row, needs a second person; None: what the settings say.
    """

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
    adjustment_threshold_quantity: int | None = None
    adjustment_threshold_value: Decimal | None = None
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWarehouse:
    """A new warehouse; `code` is its name on labels and in other systems, for good."""

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
    adjustment_threshold_quantity: int | None = None
    adjustment_threshold_value: Decimal | None = None

    @property
    def sets_threshold(self) -> bool:
        """Whether it says how much one person may change alone."""
        return any(getattr(self, name) is not None for name in THRESHOLDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class WarehouseChanges:
    """What a PUT carries; None leaves a field as it is. `code` may be repeated, not changed.

    `cleared` are the thresholds that go back to what the settings say.
    """

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
    adjustment_threshold_quantity: int | None = None
    adjustment_threshold_value: Decimal | None = None
    cleared: tuple[str, ...] = ()

    def moves_threshold(self, warehouse: Warehouse) -> bool:
        """Whether one person may change more or less alone after it than before."""
        return any(
            given != getattr(warehouse, name)
            for name, given in ((name, getattr(self, name)) for name in THRESHOLDS)
            if given is not None or name in self.cleared
        )

    def without_thresholds(self) -> WarehouseChanges:
        """The same, with the thresholds left as they are."""
        return replace(self, **dict.fromkeys(THRESHOLDS), cleared=())


def check_new_warehouse(new: NewWarehouse) -> None:
    """Refuse a new warehouse with wrong fields. Raises Unprocessable naming all of them."""
    problems = FieldProblems()
    problems.name("/code", new.code, characters_max=CODE_CHARACTERS_MAX)
    _check_fields(problems, new)
    if (new.latitude is None) != (new.longitude is None):
        problems.add("/latitude", "latitude and longitude go together")
    problems.refuse()


def check_warehouse_changes(changes: WarehouseChanges, warehouse: Warehouse) -> None:
    """Refuse a PUT with wrong fields or another code. Raises Unprocessable naming all of them."""
    problems = FieldProblems()
    problems.unchanged("/code", changes.code, warehouse.code)
    _check_fields(problems, changes)
    if (changes.latitude is None) != (changes.longitude is None) and warehouse.latitude is None:
        problems.add("/latitude", "latitude and longitude go together")
    problems.refuse()


def _check_fields(problems: FieldProblems, given: NewWarehouse | WarehouseChanges) -> None:
    problems.name("/name", given.name, characters_max=NAME_CHARACTERS_MAX)
    problems.text("/address", given.address, characters_max=ADDRESS_CHARACTERS_MAX)
    problems.text("/city", given.city, characters_max=PLACE_CHARACTERS_MAX)
    problems.text("/state", given.state, characters_max=PLACE_CHARACTERS_MAX)
    problems.text("/country", given.country, characters_max=PLACE_CHARACTERS_MAX)
    problems.text("/postalCode", given.postal_code, characters_max=POSTAL_CODE_CHARACTERS_MAX)
    problems.text("/region", given.region, characters_max=REGION_CHARACTERS_MAX)
    problems.number("/priority", given.priority, least=0, most=PRIORITY_MAX)
    problems.number("/latitude", given.latitude, least=-90, most=90)
    problems.number("/longitude", given.longitude, least=-180, most=180)
    problems.number("/adjustmentThresholdQuantity", given.adjustment_threshold_quantity, least=0, most=STOCK_TOTAL_MAX)
    check_amount(problems, "/adjustmentThresholdValue", given.adjustment_threshold_value)
