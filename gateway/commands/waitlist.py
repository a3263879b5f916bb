"""What a checkout can do when a SKU is short: wait in line for it, and leave the line. Offers come from the worker."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from db import waitlist
from db.allocation import candidates
from db.engine import Database, WriteSession
from db.warehouses import get as get_warehouse
from domain.errors import FieldProblem, NotFound, StaleVersion, UnknownItem, WaitlistSettled
from domain.reservations import Item
from domain.waitlist import InLine, WaitlistEntry, WaitlistStatus, Wish, check_wish
from gateway.auth import Caller
from runtime.settings import Settings


class WaitlistCommands:
    """Commands on the waitlist. They raise domain errors only."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def join(self, wish: Wish, caller: Caller, *, entry_id: UUID) -> InLine:
        """Wait for stock, at the end of the line; a repeat with the same id answers the entry as it is now.

        Raises Unprocessable, UnknownItem (SKU, row, product or warehouse).
        """
        check_wish(wish, datetime.now(UTC), hold_seconds_max=self._settings.reservation_hold_seconds_max)

        async def work(session: WriteSession) -> InLine:
            sku, warehouse_id = await _place(session, wish.item)
            await waitlist.join(
                session,
                entry_id,
                wish,
                sku=sku,
                warehouse_id=warehouse_id,
                hold_seconds=wish.hold_seconds or self._settings.reservation_hold_seconds,
                actor=caller.actor,
                traceparent=caller.traceparent,
            )
            return await _existing(session, entry_id)

        return await self._database.writing(work, idempotent=True)

    async def withdraw(self, entry_id: UUID, caller: Caller, *, expected_version: int | None) -> None:
        """Leave the line; a repeat changes nothing.

        Raises NotFound, StaleVersion, WaitlistSettled when it was offered something or has expired.
        """

        async def work(session: WriteSession) -> WaitlistEntry:
            before = (await _existing(session, entry_id)).entry
            if expected_version not in (None, before.sequence):
                raise StaleVersion(f"the entry is at version {before.sequence}", extra={"version": before.sequence})
            await waitlist.withdraw(session, [entry_id], caller.traceparent)
            return (await _existing(session, entry_id)).entry

        entry = await self._database.writing(work, idempotent=True)
        if entry.status is not WaitlistStatus.WITHDRAWN:
            offered = {"reservationId": str(entry.reservation_id)} if entry.reservation_id else {}
            raise WaitlistSettled(
                f"the entry is {entry.status.lower()}", extra={"entryStatus": entry.status, **offered}
            )


async def _place(session: WriteSession, item: Item) -> tuple[str, UUID | None]:
    """The SKU and the warehouse that an item means. Raises UnknownItem."""
    found = await candidates(session, [item])
    if found.unknown:
        named = "sku" if item.sku else "inventoryId" if item.inventory_id else "productId"
        raise UnknownItem(fields=[FieldProblem(f"/{named}", problem.detail) for problem in found.unknown])
    [demand] = found.demands
    if demand.warehouse_id is not None and await get_warehouse(session, demand.warehouse_id) is None:
        raise UnknownItem(fields=[FieldProblem("/warehouseId", "no warehouse has this id")])
    return demand.sku, demand.warehouse_id


async def _existing(session: WriteSession, entry_id: UUID) -> InLine:
    found = await waitlist.get(session, entry_id)
    if found is None:
        raise NotFound("no entry of the waitlist has this id")
    return found
