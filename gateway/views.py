"""What may be seen, through any protocol. Reads only, and answers domain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from db import alerts, incoming, movements, reservation_listing, reservations, returns, stock, waitlist, warehouses
from db.alerts import AlertFilter
from db.availability_view import AvailabilityView
from db.engine import Database
from db.movements import MovementFilter
from db.paging import Page, PageRequest
from db.reservation_listing import ReservationFilter
from db.stock import StockFilter
from db.waitlist import WaitlistFilter
from db.warehouses import WarehouseFilter
from domain.alerts import Alert
from domain.availability import Availability, AvailabilityQuery, BulkAvailability
from domain.errors import NotFound
from domain.fields import FieldProblems
from domain.limits import (
    ORDER_ID_CHARACTERS_MAX,
    REFERENCE_CHARACTERS_MAX,
    REGION_CHARACTERS_MAX,
    SKU_CHARACTERS_MAX,
)
from domain.reservations import Reservation
from domain.returns import Return
from domain.stock import Incoming, Movement, StockItem
from domain.waitlist import InLine, WaitlistEntry
from domain.warehouses import Warehouse
from gateway.availability import AvailabilityChecks


class Views:
    """Queries. Single resources raise NotFound; lists raise InvalidPageToken, and Unprocessable for a wrong order."""

    def __init__(self, database: Database, availability_view: AvailabilityView) -> None:
        self._database = database
        self._availability = AvailabilityChecks(database, availability_view)

    async def inventory_item(self, inventory_id: UUID) -> StockItem:
        """One inventory row."""
        item = await self._database.reading(lambda session: stock.get(session, inventory_id))
        if item is None:
            raise NotFound("no inventory row has this id")
        return item

    async def inventory_list(self, filters: StockFilter, page: PageRequest) -> Page[StockItem]:
        """Inventory rows; ordered by inventoryId or sku, each also with ` desc`."""
        _check_text(sku=(filters.sku, SKU_CHARACTERS_MAX), region=(filters.region, REGION_CHARACTERS_MAX))
        return await self._database.reading(lambda session: stock.listed(session, filters, page))

    async def inventory_of_product(self, product_id: UUID, page: PageRequest) -> Page[StockItem]:
        """A product's rows in all warehouses, its variants included."""
        return await self.inventory_list(StockFilter(product_id=product_id), page)

    async def inventory_of_sku(self, sku: str, page: PageRequest) -> Page[StockItem]:
        """A SKU's rows in all warehouses."""
        return await self.inventory_list(StockFilter(sku=sku), page)

    async def incoming(self, items: Sequence[StockItem]) -> Mapping[UUID, Incoming]:
        """What is on its way to rows that were read before, by their ids.

        Read after them: so a version that is shown may be older than what is shown beside it, never newer.
        """
        places = {item.inventory_id: (item.sku, item.warehouse_id) for item in items}
        found = await self._database.reading(lambda session: incoming.to_places(session, places.values()))
        return {inventory_id: found[place] for inventory_id, place in places.items()}

    async def movements(self, inventory_id: UUID, filters: MovementFilter, page: PageRequest) -> Page[Movement]:
        """The ledger of one row, newest first; ordered by createdAt. Raises NotFound for an unknown row."""
        _check_text(reference=(filters.reference, REFERENCE_CHARACTERS_MAX))
        found = await self._database.reading(lambda session: movements.listed(session, inventory_id, filters, page))
        if not found.items:
            await self.inventory_item(inventory_id)
        return found

    async def warehouse(self, warehouse_id: UUID) -> Warehouse:
        """One warehouse."""
        warehouse = await self._database.reading(lambda session: warehouses.get(session, warehouse_id))
        if warehouse is None:
            raise NotFound("no warehouse has this id")
        return warehouse

    async def warehouse_list(self, filters: WarehouseFilter, page: PageRequest) -> Page[Warehouse]:
        """Warehouses; ordered by code (the default) or priority."""
        _check_text(region=(filters.region, REGION_CHARACTERS_MAX))
        return await self._database.reading(lambda session: warehouses.listed(session, filters, page))

    async def warehouse_inventory(self, warehouse_id: UUID, page: PageRequest) -> Page[StockItem]:
        """What stands in one warehouse. Raises NotFound for an unknown warehouse."""
        found = await self.inventory_list(StockFilter(warehouse_id=warehouse_id), page)
        if not found.items:
            await self.warehouse(warehouse_id)
        return found

    async def reservation(self, reservation_id: UUID) -> Reservation:
        """One reservation with its lines."""
        reservation = await self._database.reading(lambda session: reservations.get(session, reservation_id))
        if reservation is None:
            raise NotFound("no reservation has this id")
        return reservation

    async def reservation_list(self, filters: ReservationFilter, page: PageRequest) -> Page[Reservation]:
        """Reservations, newest first; ordered by createdAt."""
        _check_text(orderId=(filters.order_id, ORDER_ID_CHARACTERS_MAX))
        return await self._database.reading(lambda session: reservation_listing.listed(session, filters, page))

    async def returns_of_reservation(self, reservation_id: UUID, page: PageRequest) -> Page[Return]:
        """What came back of a reservation, the first return first. Raises NotFound for an unknown reservation."""
        found = await self._database.reading(lambda session: returns.listed(session, reservation_id, page))
        if not found.items:
            await self.reservation(reservation_id)
        return found

    async def sale_return(self, reservation_id: UUID, return_id: UUID) -> Return:
        """One return of a reservation."""
        found = await self._database.reading(lambda session: returns.get(session, reservation_id, return_id))
        if found is None:
            raise NotFound("no return of this reservation has this id")
        return found

    async def waitlist_entry(self, entry_id: UUID) -> InLine:
        """One entry of the waitlist, and its position."""
        found = await self._database.reading(lambda session: waitlist.get(session, entry_id))
        if found is None:
            raise NotFound("no entry of the waitlist has this id")
        return found

    async def waitlist_entries(self, filters: WaitlistFilter, page: PageRequest) -> Page[WaitlistEntry]:
        """Entries of the waitlist, in the order of the line; ordered by joinedAt."""
        _check_text(sku=(filters.sku, SKU_CHARACTERS_MAX), orderId=(filters.order_id, ORDER_ID_CHARACTERS_MAX))
        return await self._database.reading(lambda session: waitlist.listed(session, filters, page))

    async def alert(self, alert_id: UUID) -> Alert:
        """One alert."""
        alert = await self._database.reading(lambda session: alerts.get(session, alert_id))
        if alert is None:
            raise NotFound("no alert has this id")
        return alert

    async def alert_list(self, filters: AlertFilter, page: PageRequest) -> Page[Alert]:
        """Alerts, newest first; ordered by raisedAt."""
        _check_text(sku=(filters.sku, SKU_CHARACTERS_MAX))
        return await self._database.reading(lambda session: alerts.listed(session, filters, page))

    async def check_availability(self, query: AvailabilityQuery) -> Availability:
        """Whether one item could be served now. Raises UnknownItem."""
        return await self._availability.check(query)

    async def check_availability_bulk(self, queries: Sequence[AvailabilityQuery]) -> BulkAvailability:
        """The same for up to 200 items, each by itself and all together; an unknown item is its own error."""
        return await self._availability.check_bulk(queries)


def _check_text(**fields: tuple[str | None, int]) -> None:
    """Refuse a text that no row can hold. Raises Unprocessable."""
    problems = FieldProblems()
    for name, (value, characters_max) in fields.items():
        problems.text(f"/{name}", value, characters_max=characters_max)
    problems.refuse()
