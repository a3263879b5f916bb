"""What may be done to stock by hand, through any protocol: make a row, change it, adjust it, count it, retire it.

Each change is one transaction: lock, rule, quantity, ledger line, event. The ids come from the caller, recorded with
its idempotency key, so that a repeat after a crash finds the first effect and answers it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from db import movements, retirement, stock, warehouses
from db.availability_view import AvailabilityView
from db.engine import Database, WriteSession
from db.locks import lock_stock
from db.movements import Change
from domain.adjustments import Adjusted, BatchResult
from domain.errors import AlreadyExists, FieldProblem, NotFound, StaleVersion, UnknownItem
from domain.stock import (
    OPENING_REASON,
    Adjustment,
    MovementType,
    NewStockItem,
    ReasonCode,
    StockItem,
    StockItemChanges,
    StockUpdate,
)
from domain.stock_fields import check_changes, check_new_item, check_update
from gateway.auth import Caller
from gateway.commands.adjustments import Begin, leave_to_reconcile
from gateway.commands.stock_batch import apply_batch, check_batch
from gateway.commands.stock_change import apply_update, repeated
from runtime.logs import get_logger
from runtime.policies import adjustment_policy
from runtime.settings import Settings

_log = get_logger(__name__)


class StockCommands:
    """Commands on inventory rows. They raise domain errors only."""

    def __init__(
        self, database: Database, view: AvailabilityView, settings: Settings, *, begin: Begin = leave_to_reconcile
    ) -> None:
        self._database = database
        self._view = view
        self._begin = begin
        self._policy = adjustment_policy(settings)

    async def create(self, new: NewStockItem, caller: Caller, *, inventory_id: UUID) -> StockItem:
        """Make a row with its opening stock. Raises Unprocessable, UnknownItem (warehouse), AlreadyExists."""
        check_new_item(new)
        item = await self._database.writing(
            lambda session: _create(session, new, caller, inventory_id), idempotent=True
        )
        await self._view.forget([item.sku])
        return item

    async def update(
        self, inventory_id: UUID, changes: StockItemChanges, caller: Caller, *, expected_version: int | None
    ) -> Adjusted:
        """Change a row's reorder rule or cost, or count its stock; a count far off waits for an approval.

        Raises NotFound, StaleVersion, Unprocessable, InsufficientStock.
        """

        async def work(session: WriteSession) -> Adjusted:
            item = await _locked(session, inventory_id)
            _check_version(item, expected_version)
            check_changes(changes, item)
            return await self._update(session, item, changes, caller)

        return await self._told(await self._database.writing(work), caller)

    async def adjust(
        self, inventory_id: UUID, adjustment: Adjustment, caller: Caller, *, adjustment_id: UUID
    ) -> Adjusted:
        """Change a total by hand; a large change waits for an approval.

        Raises NotFound, Unprocessable, InsufficientStock.
        """
        update = StockUpdate(
            inventory_id=inventory_id,
            delta=adjustment.delta,
            type=adjustment.type,
            reason=adjustment.reason,
            reference=adjustment.reference,
        )
        return await self._change(update, caller, adjustment.reason_code, adjustment_id, expected_version=None)

    async def set_stock(
        self,
        inventory_id: UUID,
        *,
        total: int | None = None,
        delta: int | None = None,
        type: MovementType,  # noqa: A002 - the contract's word
        reason: str,
        reference: str = "",
        expected_version: int | None,
        caller: Caller,
        adjustment_id: UUID,
    ) -> Adjusted:
        """Set an absolute total or apply a delta, exactly one of them. Raises what `adjust` does, and StaleVersion."""
        update = StockUpdate(
            inventory_id=inventory_id, quantity_total=total, delta=delta, type=type, reason=reason, reference=reference
        )
        return await self._change(update, caller, None, adjustment_id, expected_version=expected_version)

    async def batch(
        self, updates: Sequence[StockUpdate], caller: Caller, *, atomic: bool, batch_id: UUID
    ) -> list[BatchResult]:
        """Apply 1 to 200 updates in order, answered one by one; an answer's row is as the whole batch left it.

        A large change waits for an approval, the others do not wait for it. With `atomic` one item that is refused or
        would have to wait undoes all: raises BatchRefused, which lists every such item.
        """
        check_batch(updates)
        results = await self._database.writing(
            lambda session: apply_batch(
                session, updates, caller, atomic=atomic, batch_id=batch_id, policy=self._policy
            ),
            idempotent=True,
        )
        await self._view.store([result.adjusted.item for result in results if result.adjusted])
        # All together, LINES_MAX at most: while Temporal is away, each start fails only at its own timeout.
        await asyncio.gather(*(self._begin_waiting(result.adjusted, caller) for result in results if result.adjusted))
        return results

    async def delete(self, inventory_id: UUID, caller: Caller, *, expected_version: int | None) -> None:
        """Retire a row, softly, and write off what is left of it.

        Raises NotFound, StaleVersion, StockInUse while anything is reserved, and ApprovalRequired.
        """

        async def work(session: WriteSession) -> StockItem:
            item = await _locked(session, inventory_id)
            _check_version(item, expected_version)
            warehouse = await warehouses.get(session, item.warehouse_id)
            assert warehouse is not None, "a row stands in a warehouse"
            self._policy.check_retirement(item, warehouse)
            await retirement.retire(session, [item], caller.actor, caller.traceparent)
            return item

        item = await self._database.writing(work)
        await self._view.forget([item.sku])
        _log.info(
            "stock_item_retired",
            inventory_id=str(inventory_id),
            sku=item.sku,
            written_off=item.quantity_total,
            performed_by=caller.actor.name,
        )

    async def _change(
        self,
        update: StockUpdate,
        caller: Caller,
        reason_code: ReasonCode | None,
        adjustment_id: UUID,
        *,
        expected_version: int | None,
    ) -> Adjusted:
        check_update(update)
        assert update.inventory_id is not None, "single changes name their row"
        inventory_id = update.inventory_id

        async def work(session: WriteSession) -> Adjusted:
            item = await _locked(session, inventory_id)
            done = await repeated(session, item, adjustment_id)
            if done is not None:
                return done
            _check_version(item, expected_version)
            return await apply_update(
                session, item, update, caller, self._policy, adjustment_id=adjustment_id, reason_code=reason_code
            )

        return await self._told(await self._database.writing(work, idempotent=True), caller)

    async def _update(
        self, session: WriteSession, item: StockItem, changes: StockItemChanges, caller: Caller
    ) -> Adjusted:
        counted = Adjusted(item=item)
        if changes.quantity_total is not None:
            count = StockUpdate(quantity_total=changes.quantity_total, reason=changes.reason)
            counted = await apply_update(session, item, count, caller, self._policy, adjustment_id=uuid.uuid4())
        if details := changes.details(item):
            await stock.set_details(session, item, details, caller.traceparent)
        return replace(counted, item=await _existing(session, item.inventory_id))

    async def _told(self, changed: Adjusted, caller: Caller) -> Adjusted:
        await self._view.store([changed.item])
        await self._begin_waiting(changed, caller)
        return changed

    async def _begin_waiting(self, changed: Adjusted, caller: Caller) -> None:
        if changed.adjustment is not None and changed.is_waiting:
            await self._begin(changed.adjustment, caller)


async def _create(session: WriteSession, new: NewStockItem, caller: Caller, inventory_id: UUID) -> StockItem:
    warehouse = await warehouses.get(session, new.warehouse_id)
    if warehouse is None or not warehouse.is_active:
        problem = "no warehouse has this id" if warehouse is None else "this warehouse is not in use"
        raise UnknownItem(fields=[FieldProblem("/warehouseId", problem)])
    if not await stock.add(session, new, inventory_id):
        return await _made_before(session, new, inventory_id)
    if new.quantity_total:
        opening = Change(
            inventory_id=inventory_id,
            delta=new.quantity_total,
            type=MovementType.INBOUND,
            reason=OPENING_REASON,
        )
        await movements.apply(session, [opening], caller.actor, caller.traceparent)
    return await _existing(session, inventory_id)


async def _made_before(session: WriteSession, new: NewStockItem, inventory_id: UUID) -> StockItem:
    """The row that an earlier attempt of this very command made. Raises AlreadyExists for anybody else's."""
    item = await stock.get(session, inventory_id)
    if item is not None and (item.sku, item.warehouse_id) == (new.sku, new.warehouse_id):
        return item
    theirs = await stock.ids_by_place(session, [(new.sku, new.warehouse_id)])
    raise AlreadyExists(
        f"{new.sku} has a row in this warehouse already",
        extra={"inventoryId": str(theirs.get((new.sku, new.warehouse_id), inventory_id))},
    )


async def _locked(session: WriteSession, inventory_id: UUID) -> StockItem:
    await lock_stock(session, [inventory_id])
    return await _existing(session, inventory_id)


async def _existing(session: WriteSession, inventory_id: UUID) -> StockItem:
    item = await stock.get(session, inventory_id)
    if item is None:
        raise NotFound("no inventory row has this id")
    return item


def _check_version(item: StockItem, expected_version: int | None) -> None:
    if expected_version is not None and expected_version != item.version:
        raise StaleVersion(f"the row is at version {item.version}", extra={"version": item.version})
