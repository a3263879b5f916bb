"""Transfers read back: rows with their lines as the domain sees them, lists, and what their events tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, select

from db.engine import ReadSession
from db.paging import Cursor, Listing, Page, PageRequest
from db.tables import transfer_lines, transfers
from domain.approval import ApprovalReason
from domain.operations import Step
from domain.transfer_lines import TransferLine
from domain.transfers import Transfer, TransferStatus

LISTING = Listing(
    name="transfers",
    orders={"requestedAt": (transfers.c.requested_at, transfers.c.transfer_id)},
    default="requestedAt desc",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFilter:
    """Which transfers to list; None does not narrow. `late` asks for those on the road that should have arrived."""

    status: TransferStatus | None = None
    from_warehouse_id: UUID | None = None
    to_warehouse_id: UUID | None = None
    sku: str | None = None
    late: bool | None = None


async def get(session: ReadSession, transfer_id: UUID) -> Transfer | None:
    """One transfer with its lines."""
    row = (await session.execute(select(transfers).where(transfers.c.transfer_id == transfer_id))).first()
    if row is None:
        return None
    lines = await _lines_of(session, [transfer_id])
    return transfer_of(row, lines[transfer_id])


async def listed(session: ReadSession, filters: TransferFilter, page: PageRequest) -> Page[Transfer]:
    """A page of transfers, newest first. Raises InvalidPageToken, Unprocessable."""
    cursor = LISTING.cursor(page, filters)
    rows = (await session.execute(page_statement(cursor, filters))).all()
    lines = await _lines_of(session, [row.transfer_id for row in rows])
    return cursor.page(rows, lambda row: transfer_of(row, lines[row.transfer_id]))


def page_statement(cursor: Cursor, filters: TransferFilter) -> Select[Any]:
    """The query behind a page, without the lines."""
    return cursor.narrow(select(transfers).where(*_conditions(filters)))


def facts_of(transfer: Transfer) -> dict[str, Any]:
    """What every event of a transfer tells."""
    return {
        "transferId": str(transfer.transfer_id),
        "fromWarehouseId": str(transfer.from_warehouse_id),
        "toWarehouseId": str(transfer.to_warehouse_id),
        "status": transfer.status.value,
        "lines": [_line_facts(line) for line in transfer.lines],
        "reason": transfer.reason,
        "reference": transfer.reference,
        "approvalReason": transfer.approval_reason.value if transfer.approval_reason else None,
        "expectedAt": transfer.expected_at.isoformat() if transfer.expected_at else None,
        "isLate": transfer.is_late,
        "requestedBy": transfer.requested_by_name,
        "decidedBy": transfer.decided_by_name,
    }


def transfer_of(row: Any, lines: tuple[TransferLine, ...]) -> Transfer:
    """A transfer from a row of `transfers` and its lines."""
    values = {name: value for name, value in row._mapping.items() if name in Transfer.__dataclass_fields__}
    return Transfer(
        **{
            **values,
            "status": TransferStatus(row.status),
            "lines": lines,
            "approval_reason": ApprovalReason(row.approval_reason) if row.approval_reason else None,
            "wakes_for": Step(row.wakes_for) if row.wakes_for else None,
        }
    )


async def _lines_of(session: ReadSession, transfer_ids: Collection[UUID]) -> dict[UUID, tuple[TransferLine, ...]]:
    statement = (
        select(transfer_lines).where(transfer_lines.c.transfer_id.in_(transfer_ids)).order_by(transfer_lines.c.sku)
    )
    found: dict[UUID, tuple[TransferLine, ...]] = defaultdict(tuple)
    for row in await session.execute(statement):
        found[row.transfer_id] += (_line_of(row),)
    return found


def _line_of(row: Any) -> TransferLine:
    return TransferLine(
        sku=row.sku,
        from_inventory_id=row.from_inventory_id,
        quantity=row.quantity,
        quantity_shipped=row.quantity_shipped,
        quantity_received=row.quantity_received,
        quantity_lost=row.quantity_lost,
        quantity_returned=row.quantity_returned,
    )


def _line_facts(line: TransferLine) -> dict[str, Any]:
    return {
        "sku": line.sku,
        "quantity": line.quantity,
        "quantityShipped": line.quantity_shipped,
        "quantityReceived": line.quantity_received,
        "quantityLost": line.quantity_lost,
        "quantityReturned": line.quantity_returned,
        "quantityInTransit": line.quantity_in_transit,
    }


def _conditions(filters: TransferFilter) -> list[ColumnElement[bool]]:
    asked = (
        (transfers.c.status, filters.status.value if filters.status else None),
        (transfers.c.from_warehouse_id, filters.from_warehouse_id),
        (transfers.c.to_warehouse_id, filters.to_warehouse_id),
    )
    conditions: list[ColumnElement[bool]] = [column == wanted for column, wanted in asked if wanted is not None]
    if filters.sku is not None:
        conditions.append(
            exists().where(transfer_lines.c.transfer_id == transfers.c.transfer_id, transfer_lines.c.sku == filters.sku)
        )
    if filters.late is not None:
        late = transfers.c.late_since.is_not(None) & transfers.c.closed_at.is_(None)
        conditions.append(late if filters.late else ~late)
    return conditions
