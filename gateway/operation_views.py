"""What may be seen of the work that waits for people, through any protocol. Reads only, and answers domain values."""

from __future__ import annotations

from uuid import UUID

from db import adjustment_rows, audit, purchase_order_rows, transfer_rows
from db.adjustment_rows import AdjustmentFilter
from db.audit import AuditEntry, Subject
from db.engine import Database
from db.paging import Page, PageRequest
from db.purchase_order_rows import PurchaseOrderFilter
from db.transfer_rows import TransferFilter
from domain.adjustments import StockAdjustment
from domain.errors import NotFound
from domain.operations import OperationKind
from domain.purchase_orders import PurchaseOrder
from domain.transfers import Transfer


class OperationViews:
    """Queries. Single resources raise NotFound; lists raise InvalidPageToken, and Unprocessable for a wrong order."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def adjustment(self, adjustment_id: UUID) -> StockAdjustment:
        """One adjustment."""
        found = await self._database.reading(lambda session: adjustment_rows.get(session, adjustment_id))
        if found is None:
            raise NotFound("no adjustment has this id")
        return found

    async def adjustment_list(self, filters: AdjustmentFilter, page: PageRequest) -> Page[StockAdjustment]:
        """Adjustments, newest first; ordered by requestedAt."""
        return await self._database.reading(lambda session: adjustment_rows.listed(session, filters, page))

    async def transfer(self, transfer_id: UUID) -> Transfer:
        """One transfer with its lines."""
        found = await self._database.reading(lambda session: transfer_rows.get(session, transfer_id))
        if found is None:
            raise NotFound("no transfer has this id")
        return found

    async def transfer_list(self, filters: TransferFilter, page: PageRequest) -> Page[Transfer]:
        """Transfers, newest first; ordered by requestedAt."""
        return await self._database.reading(lambda session: transfer_rows.listed(session, filters, page))

    async def purchase_order(self, purchase_order_id: UUID) -> PurchaseOrder:
        """One purchase order with its lines."""
        order = await self._database.reading(lambda session: purchase_order_rows.get(session, purchase_order_id))
        if order is None:
            raise NotFound("no purchase order has this id")
        return order

    async def purchase_order_list(self, filters: PurchaseOrderFilter, page: PageRequest) -> Page[PurchaseOrder]:
        """Purchase orders, newest first; ordered by requestedAt."""
        return await self._database.reading(lambda session: purchase_order_rows.listed(session, filters, page))

    async def audit_trail(self, kind: OperationKind, operation_id: UUID, page: PageRequest) -> Page[AuditEntry]:
        """Who took which step when and why, oldest first, refused steps too; ordered by createdAt."""
        subject = Subject(kind, operation_id)
        found = await self._database.reading(lambda session: audit.of_subject(session, subject, page))
        if not found.items and page.token is None:
            raise NotFound("nothing is known of this id")
        return found
