"""Where the operations of each kind are kept, and how the workflow of one is started from its row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from db import adjustment_rows, purchase_order_rows, tables, transfer_rows
from db.engine import ReadSession
from db.operations import OperationTable
from domain.contracts.operation_starts import OperationStart, adjustment_start, purchase_order_start, transfer_start
from domain.operations import OperationKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """One kind; `start_of` answers None where there is no row."""

    kind: OperationKind
    table: OperationTable
    start_of: Callable[[ReadSession, UUID], Awaitable[OperationStart | None]]


async def _adjustment(session: ReadSession, adjustment_id: UUID) -> OperationStart | None:
    row = await adjustment_rows.get(session, adjustment_id)
    return adjustment_start(row) if row else None


async def _transfer(session: ReadSession, transfer_id: UUID) -> OperationStart | None:
    row = await transfer_rows.get(session, transfer_id)
    return transfer_start(row) if row else None


async def _purchase_order(session: ReadSession, purchase_order_id: UUID) -> OperationStart | None:
    row = await purchase_order_rows.get(session, purchase_order_id)
    return purchase_order_start(row) if row else None


ADJUSTMENTS = Register(kind=OperationKind.ADJUSTMENT, table=tables.adjustments, start_of=_adjustment)
TRANSFERS = Register(kind=OperationKind.TRANSFER, table=tables.transfers, start_of=_transfer)
PURCHASE_ORDERS = Register(kind=OperationKind.PURCHASE_ORDER, table=tables.purchase_orders, start_of=_purchase_order)

REGISTERS = (ADJUSTMENTS, TRANSFERS, PURCHASE_ORDERS)
"""All kinds: what Reconcile looks through for operations that lost their workflow."""
