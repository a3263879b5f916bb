"""What to order, how much of it and from whom.

The rule: a row is to be restocked when what is available, in transit to it and on order for it (drafts too) is at or
below its reorder point. Then its reorder quantity is ordered, or what lifts it above the reorder point if that is
more, rounded up to what the chosen supplier sells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from domain.stock import Incoming, StockItem
from domain.suppliers import SupplierItem


class RestockMode(StrEnum):
    """What the schedule does with suggestions: nothing, drafts for somebody to approve, or orders that are sent."""

    OFF = "off"
    REVIEW = "review"
    AUTOMATIC = "automatic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a supplier, in use or not, asks for a SKU. `lead_time_days` is the item's own, or the supplier's."""

    item: SupplierItem
    supplier_code: str
    currency: str
    lead_time_days: int
    is_active: bool = True

    @property
    def supplier_id(self) -> UUID:
        """Whose offer it is."""
        return self.item.supplier_id


class Unsupplied(StrEnum):
    """Why nothing can be ordered for a row."""

    NO_SUPPLIER = "no_supplier"
    SUPPLIER_NOT_IN_USE = "supplier_not_in_use"


@dataclass(frozen=True, slots=True, kw_only=True)
class LowRow:
    """A row that is to be restocked, with everything that decides how: what is coming, and who sells it."""

    item: StockItem
    incoming: Incoming
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """What to do about a low row. Without an `offer`, `unsupplied` says why, and `quantity` is what is missing."""

    row: LowRow
    quantity: int
    offer: Offer | None
    unsupplied: Unsupplied | None = None


def is_low(item: StockItem, incoming: Incoming) -> bool:
    """Whether a row is to be restocked."""
    return _level(item, incoming) <= item.reorder_point


def chosen(offers: Sequence[Offer], currency: str | None) -> Offer | None:
    """The supplier in use to order from: a preferred one, else the cheapest, then the quickest, then by code.

    Prices are compared in one currency only: `currency`, the row's own, where somebody sells in it. Where there is
    none to go by and the offers are in several, the quickest wins.
    """
    in_use = [offer for offer in offers if offer.is_active]
    pool = [offer for offer in in_use if offer.item.is_preferred] or in_use
    pool = [offer for offer in pool if offer.currency == currency] or pool
    comparable = len({offer.currency for offer in pool}) == 1

    def order(offer: Offer) -> tuple[object, ...]:
        price = (offer.item.unit_cost,) if comparable else ()
        return (*price, offer.lead_time_days, offer.supplier_code)

    return min(pool, key=order, default=None)


def suggestion_for(row: LowRow) -> Suggestion | None:
    """What to do about a row; None when it has enough, or will have."""
    item = row.item
    if not is_low(item, row.incoming):
        return None
    missing = max(item.reorder_quantity, item.reorder_point + 1 - _level(item, row.incoming))
    offer = chosen(row.offers, item.currency)
    if offer is None:
        why = Unsupplied.SUPPLIER_NOT_IN_USE if row.offers else Unsupplied.NO_SUPPLIER
        return Suggestion(row=row, quantity=missing, offer=None, unsupplied=why)
    quantity = min(offer.item.orderable(missing), offer.item.orderable_max)
    return Suggestion(row=row, quantity=quantity, offer=offer)


def _level(item: StockItem, incoming: Incoming) -> int:
    return item.quantity_available + incoming.in_transit + incoming.on_order
