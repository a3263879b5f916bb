"""What may be done to stock by hand, through any protocol: make a row, change it, adjust it, count it, retire it.

Each change is one transaction: lock, rule, quantity, ledger line, event. The ids come from the caller, recorded with
its idempotency key, so that a repeat after a crash finds the first effect and answers it.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from db.availability_view import AvailabilityView
from db.engine import Database
from domain.stock import (
    Adjusted,
    Adjustment,
    BatchResult,
    MovementType,
    NewStockItem,
    StockItem,
    StockItemChanges,
    StockUpdate,
)
from gateway.auth import Caller
from runtime.settings import Settings


class StockCommands:
    """Commands on inventory rows. They raise domain errors only."""

    def __init__(self, database: Database, view: AvailabilityView, settings: Settings) -> None:
        self._database = database
        self._view = view
        self._threshold = settings.adjustment_approval_threshold

    async def create(self, new: NewStockItem, caller: Caller, *, inventory_id: UUID) -> StockItem:
        """Make a row with its opening stock. Raises Unprocessable, UnknownItem (warehouse), AlreadyExists."""
        raise NotImplementedError

    async def update(
        self, inventory_id: UUID, changes: StockItemChanges, caller: Caller, *, expected_version: int | None
    ) -> StockItem:
        """Change a row's reorder rule, or count its stock.

        Raises NotFound, StaleVersion, Unprocessable, InsufficientStock, ApprovalRequired.
        """
        raise NotImplementedError

    async def adjust(
        self, inventory_id: UUID, adjustment: Adjustment, caller: Caller, *, movement_id: UUID
    ) -> Adjusted:
        """Change a total by hand. Raises NotFound, Unprocessable, InsufficientStock, ApprovalRequired."""
        raise NotImplementedError

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
        movement_id: UUID,
    ) -> StockItem:
        """Set an absolute total or apply a delta, exactly one of them. Raises what `adjust` does, and StaleVersion."""
        raise NotImplementedError

    async def batch(
        self, updates: Sequence[StockUpdate], caller: Caller, *, atomic: bool, batch_id: UUID
    ) -> list[BatchResult]:
        """Apply up to 200 updates in order, answered one by one.

        With `atomic` one refused item undoes all: raises BatchRefused, which lists every refused item.
        """
        raise NotImplementedError

    async def delete(self, inventory_id: UUID, caller: Caller, *, expected_version: int | None) -> None:
        """Retire a row, softly. Raises NotFound, StaleVersion, StockInUse while anything is reserved."""
        raise NotImplementedError
