"""Transfers being asked for: recorded, so that their workflow may wait for whoever approves, ships and receives.

The steps that follow a request are taken in activities/transfers.py, what they move is in db/transfer_moves.py.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import insert

from db import audit, operations, stock, warehouses
from db.audit import NewEntry
from db.engine import ReadSession, WriteSession
from db.operations import Advance, News
from db.tables import transfer_lines, transfers
from db.transfer_rows import facts_of, get
from domain.contracts.transfers import TransferRequest
from domain.errors import AlreadyExists, FieldProblem, UnknownItem
from domain.events import Produced
from domain.operations import OperationKind
from domain.transfers import NewTransfer, Transfer, TransferPolicy, TransferStatus, check_new_transfer, check_target
from domain.warehouses import Warehouse

REQUEST = "request"
"""The first step in a transfer's audit trail; the id of its decision is the transfer's own."""


async def request(session: WriteSession, asked: TransferRequest, policy: TransferPolicy) -> Transfer:
    """Record a transfer, or that it waits for an approval; a repeat answers the transfer as it is now.

    Raises Unprocessable, UnknownItem (warehouses, SKUs), WarehouseInactive, and AlreadyExists when the id belongs to
    another transfer.
    """
    made = await get(session, asked.transfer_id) or await _record(session, asked, policy)
    new = asked.new_transfer()
    theirs = (made.from_warehouse_id, made.to_warehouse_id, {line.sku: line.quantity for line in made.lines})
    if theirs != (new.from_warehouse_id, new.to_warehouse_id, dict(new.lines)):
        raise AlreadyExists("this id belongs to another transfer")
    return made


async def _record(session: WriteSession, asked: TransferRequest, policy: TransferPolicy) -> Transfer:
    new, now = asked.new_transfer(), await operations.now(session)
    check_new_transfer(new, now)
    source, target = await _ends(session, new)
    rows = await _rows_asked_from(session, new, source)
    needs = policy.approval_reason(source, target, sum(new.lines.values()))
    to = Advance(
        status=TransferStatus.PENDING_APPROVAL if needs else TransferStatus.REQUESTED,
        event=Produced.TRANSFER_REQUESTED,
        columns={
            "from_warehouse_id": new.from_warehouse_id,
            "to_warehouse_id": new.to_warehouse_id,
            "reason": new.reason,
            "reference": new.reference,
            "approval_reason": needs,
            "transit_seconds": new.transit_seconds,
            "expected_at": new.expected_at,
        },
        wake=policy.patience.wake_after(now, None) if needs else None,
    )
    if await operations.open_rows(session, transfers, [(asked.transfer_id, asked.actor, to)], at=now):
        await session.execute(insert(transfer_lines), [{**row, "transfer_id": asked.transfer_id} for row in rows])
        await _tell_of_request(session, asked, await _existing(session, asked.transfer_id))
    return await _existing(session, asked.transfer_id)


async def _existing(session: ReadSession, transfer_id: UUID) -> Transfer:
    made = await get(session, transfer_id)
    assert made is not None, "it was written in this transaction, or by whoever we waited for"
    return made


async def _ends(session: ReadSession, new: NewTransfer) -> tuple[Warehouse, Warehouse]:
    source = await warehouses.get(session, new.from_warehouse_id)
    target = await warehouses.get(session, new.to_warehouse_id)
    unknown = {"/fromWarehouseId": source, "/toWarehouseId": target}
    if source is None or target is None:
        fields = [FieldProblem(pointer, "no warehouse has this id") for pointer, found in unknown.items() if not found]
        raise UnknownItem(fields=fields)
    check_target(target)
    return source, target


async def _rows_asked_from(session: ReadSession, new: NewTransfer, source: Warehouse) -> list[dict[str, Any]]:
    places = {sku: (sku, source.warehouse_id) for sku in new.lines}
    found = await stock.ids_by_place(session, places.values())
    if unknown := [sku for sku, place in places.items() if place not in found]:
        raise UnknownItem(fields=[FieldProblem("/lines", f"{sku} is not kept in {source.code}") for sku in unknown])
    return [
        {"sku": sku, "from_inventory_id": found[place], "quantity": new.lines[sku]} for sku, place in places.items()
    ]


async def _tell_of_request(session: WriteSession, asked: TransferRequest, made: Transfer) -> None:
    facts = facts_of(made)
    entry = NewEntry(
        subject_kind=OperationKind.TRANSFER,
        subject_id=made.transfer_id,
        decision_id=str(made.transfer_id),
        step=REQUEST,
        source=asked.source,
        actor=asked.actor,
        reason=made.reason,
        status_before=None,
        status_after=made.status,
        details={"lines": [{"sku": line.sku, "quantity": line.quantity} for line in made.lines]},
    )
    await audit.record(session, [entry])
    news = News(
        type=Produced.TRANSFER_REQUESTED,
        operation_id=made.transfer_id,
        sequence=made.version,
        data=facts,
        traceparent=asked.traceparent,
    )
    await operations.tell(session, [news])
