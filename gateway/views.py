"""What may be seen, through any protocol. Reads only, and answers domain values."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from db.availability_view import AvailabilityView
from db.engine import Database
from db.movements import MovementFilter
from db.paging import Page, PageRequest
from db.reservation_listing import ReservationFilter
from db.stock import StockFilter
from db.warehouses import WarehouseFilter
from domain.availability import Availability, AvailabilityQuery, BulkAvailability
from domain.reservations import Reservation
from domain.stock import Movement, StockItem
from domain.warehouses import Warehouse
from runtime.settings import Settings


class Views:
    """Queries. Single resources raise NotFound; lists raise InvalidPageToken, and Unprocessable for a wrong order."""

    def __init__(self, database: Database, availability_view: AvailabilityView, settings: Settings) -> None:
        self._database = database
        self._view = availability_view

    async def inventory_item(self, inventory_id: UUID) -> StockItem:
        """One inventory row."""
        raise NotImplementedError

    async def inventory_list(self, filters: StockFilter, page: PageRequest) -> Page[StockItem]:
        """Inventory rows; ordered by inventoryId or sku, each also with ` desc`."""
        raise NotImplementedError

    async def inventory_of_product(self, product_id: UUID, page: PageRequest) -> Page[StockItem]:
        """A product's rows in all warehouses, its variants included."""
        raise NotImplementedError

    async def inventory_of_sku(self, sku: str, page: PageRequest) -> Page[StockItem]:
        """A SKU's rows in all warehouses."""
        raise NotImplementedError

    async def movements(self, inventory_id: UUID, filters: MovementFilter, page: PageRequest) -> Page[Movement]:
        """The ledger of one row, newest first; ordered by createdAt."""
        raise NotImplementedError

    async def warehouse(self, warehouse_id: UUID) -> Warehouse:
        """One warehouse."""
        raise NotImplementedError

    async def warehouse_list(self, filters: WarehouseFilter, page: PageRequest) -> Page[Warehouse]:
        """Warehouses; ordered by code (the default) or priority."""
        raise NotImplementedError

    async def warehouse_inventory(self, warehouse_id: UUID, page: PageRequest) -> Page[StockItem]:
        """What stands in one warehouse."""
        raise NotImplementedError

    async def reservation(self, reservation_id: UUID) -> Reservation:
        """One reservation with its lines."""
        raise NotImplementedError

    async def reservations_of_order(self, order_id: str) -> list[Reservation]:
        """All reservations of an order, at most 200; empty when there is none."""
        raise NotImplementedError

    async def reservation_list(self, filters: ReservationFilter, page: PageRequest) -> Page[Reservation]:
        """Reservations, newest first; ordered by createdAt."""
        raise NotImplementedError

    async def check_availability(self, query: AvailabilityQuery) -> Availability:
        """Whether one item could be served now. Raises UnknownItem."""
        raise NotImplementedError

    async def check_availability_bulk(self, queries: Sequence[AvailabilityQuery]) -> BulkAvailability:
        """The same for up to 200 items, each by itself and all together; an unknown item is its own error."""
        raise NotImplementedError
