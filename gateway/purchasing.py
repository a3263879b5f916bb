"""What may be seen of suppliers and what is bought from them. Reads only, and answers domain values."""

from __future__ import annotations

from uuid import UUID

from db import supplier_items, suppliers
from db.engine import Database
from db.paging import Page, PageRequest
from db.suppliers import SupplierFilter
from domain.errors import NotFound
from domain.suppliers import Supplier, SupplierItem


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
