"""What may be done to warehouses, through any protocol."""

from __future__ import annotations

from uuid import UUID

from db import warehouses
from db.availability_view import AvailabilityView
from db.engine import Database, WriteSession
from domain.errors import AlreadyExists, NotFound, StaleVersion
from domain.warehouses import NewWarehouse, Warehouse, WarehouseChanges, check_new_warehouse, check_warehouse_changes
from gateway.auth import OPERATIONS_APPROVE, Caller, require
from runtime.logs import get_logger

_log = get_logger(__name__)


class WarehouseCommands:
    """Commands on warehouses. They raise domain errors only."""

    def __init__(self, database: Database, view: AvailabilityView) -> None:
        self._database = database
        self._view = view

    async def create(self, new: NewWarehouse, caller: Caller, *, warehouse_id: UUID) -> Warehouse:
        """Make a warehouse; a repeat with the same id answers it.

        Raises Unprocessable, AlreadyExists (code), and Forbidden for a threshold from somebody who may not approve.
        """
        check_new_warehouse(new)
        if new.sets_threshold:
            require(caller, OPERATIONS_APPROVE)
        warehouse, is_new = await self._database.writing(
            lambda session: _create(session, new, warehouse_id), idempotent=True
        )
        if is_new:
            await self._view.forget_all()
            _log.info(
                "warehouse_created",
                warehouse_id=str(warehouse_id),
                code=warehouse.code,
                performed_by=caller.actor.name,
            )
        return warehouse

    async def update(
        self, warehouse_id: UUID, changes: WarehouseChanges, caller: Caller, *, expected_version: int | None
    ) -> Warehouse:
        """Change a warehouse; one that is not in use serves no new demand, what it has reserved stays reserved.

        Raises NotFound, StaleVersion, Unprocessable, and Forbidden for another threshold from somebody who may not
        approve.
        """
        changed = await self._database.writing(
            lambda session: _update(session, warehouse_id, changes, caller, expected_version)
        )
        await self._view.forget_all()
        _log.info(
            "warehouse_changed",
            warehouse_id=str(warehouse_id),
            version=changed.version,
            is_active=changed.is_active,
            performed_by=caller.actor.name,
        )
        return changed


async def _create(session: WriteSession, new: NewWarehouse, warehouse_id: UUID) -> tuple[Warehouse, bool]:
    made = await warehouses.add(session, new, warehouse_id)
    warehouse = await warehouses.get(session, warehouse_id)
    if warehouse is not None and (made or warehouse.code == new.code):
        return warehouse, made
    theirs = await warehouses.by_code(session, new.code)
    raise AlreadyExists(
        f"a warehouse with the code {new.code} exists",
        extra={"warehouseId": str(theirs.warehouse_id)} if theirs else {},
    )


async def _update(
    session: WriteSession,
    warehouse_id: UUID,
    changes: WarehouseChanges,
    caller: Caller,
    expected_version: int | None,
) -> Warehouse:
    current = await warehouses.get(session, warehouse_id)
    if current is None:
        raise NotFound("no warehouse has this id")
    check_warehouse_changes(changes, current)
    if changes.moves_threshold(current):
        require(caller, OPERATIONS_APPROVE)
    else:  # a threshold that is only repeated must not undo what somebody else sets at this moment
        changes = changes.without_thresholds()
    changed = await warehouses.change(session, warehouse_id, changes, expected_version=expected_version)
    if changed is None:
        raise StaleVersion(f"the warehouse is at version {current.version}", extra={"version": current.version})
    return changed
