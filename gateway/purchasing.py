"""What may be seen of suppliers and of what is to be bought from them. Reads only, and answers domain values."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from db import restock, supplier_items, suppliers
from db.engine import Database, ReadSession
from db.paging import Page, PageRequest
from db.restock import RestockFilter
from db.suppliers import SupplierFilter
from domain.errors import NotFound
from domain.restock import LowRow, Suggestion, suggestion_for
from domain.suppliers import NOT_SOLD, Supplier, SupplierItem


class PurchasingViews:
    """Queries. Single resources raise NotFound; lists raise InvalidPageToken, and Unprocessable for a wrong order."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def supplier(self, supplier_id: UUID) -> Supplier:
        """One supplier."""
        supplier = await self._database.reading(lambda session: suppliers.get(session, supplier_id))
        if supplier is None:
            raise NotFound("no supplier has this id")
        return supplier

    async def supplier_list(self, filters: SupplierFilter, page: PageRequest) -> Page[Supplier]:
        """Suppliers; ordered by code."""
        return await self._database.reading(lambda session: suppliers.listed(session, filters, page))

    async def supplier_items(self, supplier_id: UUID, page: PageRequest) -> Page[SupplierItem]:
        """What a supplier sells; ordered by sku. Raises NotFound for an unknown supplier."""
        found = await self._database.reading(lambda session: supplier_items.listed(session, supplier_id, page))
        if not found.items:
            await self.supplier(supplier_id)
        return found

    async def supplier_item(self, supplier_id: UUID, sku: str) -> SupplierItem:
        """One SKU that a supplier sells, and on which terms. Raises NotFound for an unknown supplier too."""
        item = await self._database.reading(lambda session: supplier_items.get(session, supplier_id, sku))
        if item is None:
            await self.supplier(supplier_id)
            raise NotFound(NOT_SOLD)
        return item

    async def restock_suggestions(self, filters: RestockFilter, page: PageRequest) -> Page[Suggestion]:
        """What to reorder; ordered by inventoryId. With a supplier: what it could deliver, whoever is preferred."""

        async def read(session: ReadSession) -> Page[Suggestion]:
            found = await restock.low_rows(session, filters, page)
            rows = (_only_from(filters.supplier_id, row) for row in found.items)
            suggestions = (suggestion_for(row) for row in rows)
            return Page(tuple(each for each in suggestions if each is not None), found.next_token)

        return await self._database.reading(read)


def _only_from(supplier_id: UUID | None, row: LowRow) -> LowRow:
    if supplier_id is None:
        return row
    return replace(row, offers=tuple(offer for offer in row.offers if offer.supplier_id == supplier_id))
