"""Suppliers and what they sell as REST sees them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field

from db.suppliers import SupplierFilter
from domain.limits import QUANTITY_MAX
from domain.suppliers import (
    CODE_CHARACTERS_MAX,
    EMAIL_CHARACTERS_MAX,
    LEAD_TIME_DAYS_DEFAULT,
    LEAD_TIME_DAYS_MAX,
    NAME_CHARACTERS_MAX,
    NewSupplier,
    SupplierChanges,
    Terms,
)
from gateway.http.schemas.model import (
    FROM_WORD,
    ONE_LINE,
    PROSE,
    Amount,
    AmountText,
    Body,
    Currency,
    Id,
    Quantity,
    Shape,
    Sku,
)
from gateway.http.schemas.pages import Listing, PageQuery

Code = Annotated[str, Field(min_length=1, max_length=CODE_CHARACTERS_MAX), ONE_LINE]
Name = Annotated[str, Field(min_length=1, max_length=NAME_CHARACTERS_MAX), ONE_LINE]
Email = Annotated[str, Field(max_length=EMAIL_CHARACTERS_MAX, description="Whom to write to; empty for nobody."), PROSE]
LEAD_TIME = "Days from order to delivery; with 0, the same day, an order is late 24 hours after it is sent, as with 1."
LeadTime = Annotated[int, Field(ge=0, le=LEAD_TIME_DAYS_MAX, description=LEAD_TIME)]
COST = "What one piece costs, in the supplier's currency."
PACK = f"Pieces in a pack; only whole packs are ordered, at most {QUANTITY_MAX} pieces a line."
OWN_LEAD_TIME = "Days from order to delivery, for this SKU, 0 counting as 1 (24 hours); null: the supplier's."
PREFERRED = "Suggestions take a preferred supplier before a cheaper one."


class SupplierCreate(Body):
    """A new supplier. Its code and its currency stay for good."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "code": "TEAHOUSE",
                    "name": "Teahouse Trading",
                    "email": "orders@teahouse.example",
                    "currency": "EUR",
                    "leadTimeDays": 10,
                }
            ]
        }
    )

    code: Code
    name: Name
    currency: Currency
    email: Email = ""
    lead_time_days: LeadTime = LEAD_TIME_DAYS_DEFAULT
    is_active: bool = True

    def new_supplier(self) -> NewSupplier:
        """The supplier as the rules take it."""
        return NewSupplier(**dict(self))


class SupplierUpdate(Body):
    """Changes of a supplier; what is left out or null stays as it is. `code` and `currency` may only be repeated."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"isActive": False}, {"leadTimeDays": 14}]})

    code: Code | None = None
    name: Name | None = None
    currency: Currency | None = None
    email: Email | None = None
    lead_time_days: LeadTime | None = None
    is_active: bool | None = None

    supplier_id: Annotated[Id | None, Field(description="Read-only.")] = None
    version: Annotated[int | None, Field(description="Ignored; use If-Match.")] = None
    created_at: Annotated[str | None, Field(description="Ignored.")] = None
    updated_at: Annotated[str | None, Field(description="Ignored.")] = None

    def changes(self) -> SupplierChanges:
        """The changes as the rules take them."""
        return SupplierChanges(**{name: getattr(self, name) for name in SupplierCreate.model_fields})

    def read_only(self) -> dict[str, Any]:
        """The field that came in and cannot be changed, to be compared with the row."""
        return {} if self.supplier_id is None else {"supplier_id": self.supplier_id}


class SupplierQuery(PageQuery):
    """Which suppliers to list."""

    is_active: Annotated[bool | None, FROM_WORD] = None
    sku: Annotated[Sku | None, Field(description="Those that sell this SKU.")] = None

    def filters(self) -> SupplierFilter:
        """The filter as views take it."""
        return SupplierFilter(is_active=self.is_active, sku=self.sku)


class Supplier(Shape):
    """Somebody who sells to us."""

    supplier_id: UUID
    code: str
    name: str
    email: str
    currency: Currency
    lead_time_days: int
    is_active: bool
    version: Annotated[int, Field(description="Counts every change; the ETag.")]
    created_at: datetime
    updated_at: datetime


class SupplierListing(Listing[Supplier]):
    """Suppliers, a page at a time."""


class SupplierItemPut(Body):
    """The terms on which a supplier sells a SKU; they replace those before."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"unitCost": "4.20", "packSize": 12, "minimumQuantity": 24}]}
    )

    unit_cost: Annotated[Amount, Field(description=COST)]
    pack_size: Annotated[Quantity, Field(description=PACK)] = 1
    minimum_quantity: Quantity = 1
    lead_time_days: Annotated[LeadTime | None, Field(description=OWN_LEAD_TIME)] = None
    is_preferred: Annotated[bool, Field(description=PREFERRED)] = False

    supplier_id: Annotated[Id | None, Field(description="Read-only.")] = None
    sku: Annotated[Sku | None, Field(description="Read-only.")] = None
    version: Annotated[int | None, Field(description="Ignored; use If-Match.")] = None
    created_at: Annotated[str | None, Field(description="Ignored.")] = None
    updated_at: Annotated[str | None, Field(description="Ignored.")] = None

    def terms(self) -> Terms:
        """The terms as the rules take them."""
        return Terms(**{name: getattr(self, name) for name in Terms.__dataclass_fields__})

    def read_only(self) -> dict[str, Any]:
        """The fields that came in and cannot be changed, to be compared with the path."""
        given = {"supplier_id": self.supplier_id, "sku": self.sku}
        return {name: value for name, value in given.items() if value is not None}


class SupplierItem(Shape):
    """A SKU that a supplier sells, and on which terms."""

    supplier_id: UUID
    sku: str
    unit_cost: Annotated[AmountText, Field(description=COST)]
    pack_size: Annotated[int, Field(description=PACK)]
    minimum_quantity: int
    lead_time_days: Annotated[int | None, Field(description=OWN_LEAD_TIME)]
    is_preferred: Annotated[bool, Field(description=PREFERRED)]
    version: Annotated[int, Field(description="Counts every change; the ETag.")]
    created_at: datetime
    updated_at: datetime


class SupplierItemListing(Listing[SupplierItem]):
    """What a supplier sells, a page at a time."""
