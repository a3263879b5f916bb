"""Restocking as REST sees it."""

from __future__ import annotations

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from db.restock import RestockFilter
from domain.restock import Offer, Unsupplied
from domain.restock import Suggestion as SuggestionRow
from gateway.http.schemas.model import AmountText, Currency, Shape, Sku
from gateway.http.schemas.pages import Listing, PageQuery


class SuggestionQuery(PageQuery):
    """Which low rows to list."""

    warehouse_id: UUID | None = None
    supplier_id: Annotated[
        UUID | None, Field(description="What this supplier could deliver, whoever else is cheaper or preferred.")
    ] = None
    sku: Sku | None = None

    def filters(self) -> RestockFilter:
        """The filter as views take it."""
        return RestockFilter(warehouse_id=self.warehouse_id, supplier_id=self.supplier_id, sku=self.sku)


class SuggestedSupplier(Shape):
    """From whom to order, and on which terms."""

    supplier_id: UUID
    code: str
    unit_cost: AmountText
    currency: Currency
    pack_size: int
    minimum_quantity: int
    lead_time_days: int
    is_preferred: bool

    @classmethod
    def of(cls, offer: Offer) -> Self:
        """An offer as callers see it."""
        own = {name: getattr(offer.item, name) for name in ("unit_cost", "pack_size", "minimum_quantity")}
        return cls.model_validate(
            {
                **own,
                "supplier_id": offer.supplier_id,
                "code": offer.supplier_code,
                "currency": offer.currency,
                "lead_time_days": offer.lead_time_days,
                "is_preferred": offer.item.is_preferred,
            }
        )


class Suggestion(Shape):
    """A row that is to be restocked: available + in transit + on order (drafts too) ≤ `reorderPoint`.

    `quantity` is `reorderQuantity`, or what lifts the row above its reorder point if that is more, rounded up to what
    the supplier sells. Without a supplier `unsupplied` says why.
    """

    inventory_id: UUID
    warehouse_id: UUID
    sku: str
    quantity_available: int
    quantity_in_transit: int
    quantity_on_order: int
    reorder_point: int
    reorder_quantity: int
    quantity: Annotated[int, Field(description="Pieces to order.")]
    supplier: SuggestedSupplier | None
    unsupplied: Unsupplied | None

    @classmethod
    def of(cls, suggestion: SuggestionRow) -> Self:
        """A suggestion as callers see it."""
        row = suggestion.row
        names = ("inventory_id", "warehouse_id", "sku", "quantity_available", "reorder_point", "reorder_quantity")
        return cls.model_validate(
            {
                **{name: getattr(row.item, name) for name in names},
                "quantity_in_transit": row.incoming.in_transit,
                "quantity_on_order": row.incoming.on_order,
                "quantity": suggestion.quantity,
                "supplier": SuggestedSupplier.of(suggestion.offer) if suggestion.offer else None,
                "unsupplied": suggestion.unsupplied,
            }
        )


class SuggestionListing(Listing[Suggestion]):
    """Suggestions, a page at a time."""


class RestockLinks(Shape):
    """The run in Temporal UI."""

    workflow: str


class RestockRun(Shape):
    """A run that has been started."""

    workflow_id: str
    links: RestockLinks
