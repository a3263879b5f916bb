"""What may be done to warehouses, through any protocol."""

from __future__ import annotations

from uuid import UUID

from db.availability_view import AvailabilityView
from db.engine import Database
from domain.warehouses import NewWarehouse, Warehouse, WarehouseChanges
from gateway.auth import Caller


class WarehouseCommands:
    """Commands on warehouses. They raise domain errors only."""

    def __init__(self, database: Database, view: AvailabilityView) -> None:
        self._database = database
        self._view = view

    async def create(self, new: NewWarehouse, caller: Caller, *, warehouse_id: UUID) -> Warehouse:
        """Make a warehouse. Raises Unprocessable, AlreadyExists (code)."""
        raise NotImplementedError

    async def update(
        self, warehouse_id: UUID, changes: WarehouseChanges, caller: Caller, *, expected_version: int | None
    ) -> Warehouse:
        """Change a warehouse. Raises NotFound, StaleVersion, Unprocessable."""
        raise NotImplementedError
