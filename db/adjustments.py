"""Asking for an adjustment: applied at once when it is small, else recorded to wait for a decision.

The steps that follow a request are taken in activities/adjustments.py. The movement that an adjustment becomes has
the adjustment's own id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from db import audit, movements, operations, stock, warehouses
from db.adjustment_rows import by_ids, facts_of, get
from db.audit import NewEntry
from db.engine import WriteSession
from db.locks import lock_stock
from db.movements import Change
from db.operations import Advance, News
from db.tables import adjustments
from domain.adjustments import (
    AdjustmentPolicy,
    AdjustmentStatus,
    StockAdjustment,
    check_reason_code,
    reason_code_of,
)
from domain.approval import ApprovalReason
from domain.contracts.adjustments import AdjustmentRequest
from domain.errors import AlreadyExists, NotFound
from domain.events import Produced
from domain.ids import Actor
from domain.operations import OperationKind, Wake
from domain.stock import Movement, StockItem, check_adjustment, check_takeable
from domain.warehouses import Warehouse

REQUEST = "request"
"""The first step in an adjustment's audit trail; the id of its decision is the adjustment's own."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A change of a locked row that passed its rules. `needs` says why one person is not enough, None when one is."""

    request: AdjustmentRequest
    item: StockItem
    needs: ApprovalReason | None

    @property
    def change(self) -> Change:
        """The change of the row's total."""
        return as_change(self.request)


def as_change(asked: AdjustmentRequest | StockAdjustment) -> Change:
    """An adjustment as a change of its row, under its own id."""
    return Change(
        inventory_id=asked.inventory_id,
        delta=asked.delta,
        type=asked.type,
        reason=asked.reason,
        reference=asked.reference,
        movement_id=asked.adjustment_id,
    )


def judge(item: StockItem, warehouse: Warehouse, asked: AdjustmentRequest, policy: AdjustmentPolicy) -> Judged:
    """Judge a change of a row by all rules. Raises Unprocessable, InsufficientStock."""
    check_adjustment(asked.type, asked.delta)
    if asked.reason_code is not None:
        check_reason_code(asked.reason_code, asked.type, asked.delta)
    check_takeable(item, asked.delta)
    return Judged(asked, item, policy.approval_reason(item, warehouse, asked.delta))


async def request(session: WriteSession, asked: AdjustmentRequest, policy: AdjustmentPolicy) -> StockAdjustment:
    """Lock the row, then `make`; a repeat answers the adjustment as it is now.

    Raises NotFound, what `judge` raises, and AlreadyExists when the id belongs to another change.
    """
    await lock_stock(session, [asked.inventory_id])
    made = await get(session, asked.adjustment_id)
    if made is None:
        item = await stock.get(session, asked.inventory_id)
        if item is None:
            raise NotFound("no inventory row has this id")
        made = await make(session, item, asked, policy)
    check_same(made, asked)
    return made


async def make(
    session: WriteSession, item: StockItem, asked: AdjustmentRequest, policy: AdjustmentPolicy
) -> StockAdjustment:
    """Judge a change of a locked row, and apply it or leave it to somebody else. Raises what `judge` raises."""
    warehouse = await warehouses.get(session, item.warehouse_id)
    assert warehouse is not None, "a row stands in a warehouse"
    judged = judge(item, warehouse, asked, policy)
    lines = [] if judged.needs else await movements.apply(session, [judged.change], actor_of(asked), asked.traceparent)
    [made] = await record(session, [judged], lines, policy)
    return made


def check_same(made: StockAdjustment, asked: AdjustmentRequest) -> None:
    """Raises AlreadyExists when an adjustment that was made before is not the one that is asked for."""
    if (made.inventory_id, made.delta, made.type) != (asked.inventory_id, asked.delta, asked.type):
        raise AlreadyExists("this id belongs to another adjustment")


async def record(
    session: WriteSession, judged: Sequence[Judged], lines: Sequence[Movement], policy: AdjustmentPolicy
) -> list[StockAdjustment]:
    """Write adjustments with their audit lines and events: APPLIED those that have a ledger line, PENDING the rest."""
    applied = {line.movement_id: line for line in lines}
    now = await operations.now(session)
    wake = policy.patience.wake_after(now, None)
    states = [_first_state(one, applied.get(one.request.adjustment_id), wake) for one in judged]
    opening = [(one.request.adjustment_id, actor_of(one.request), to) for one, to in zip(judged, states, strict=True)]
    await operations.open_rows(session, adjustments, opening, at=now)
    made = await by_ids(session, [one.request.adjustment_id for one in judged])
    written = [made[one.request.adjustment_id] for one in judged]
    await audit.record(session, [_entry(one.request, row) for one, row in zip(judged, written, strict=True)])
    await operations.tell(
        session,
        [_news(one.request, to.event, row) for one, to, row in zip(judged, states, written, strict=True)],
    )
    return written


def _first_state(judged: Judged, line: Movement | None, wake: Wake) -> Advance:
    """APPLIED with its ledger line, or PENDING."""
    columns = {**_columns(judged), "applied_total_before": None, "total_after": None}
    if line is None:
        return Advance(status=AdjustmentStatus.PENDING, event=Produced.ADJUSTMENT_REQUESTED, columns=columns, wake=wake)
    around = {"applied_total_before": line.total_after - line.quantity, "total_after": line.total_after}
    return Advance(
        status=AdjustmentStatus.APPLIED,
        event=Produced.ADJUSTMENT_APPLIED,
        columns={**columns, **around},
        is_closed=True,
    )


def _columns(judged: Judged) -> dict[str, Any]:
    asked, item = judged.request, judged.item
    return {
        "inventory_id": asked.inventory_id,
        "delta": asked.delta,
        "type": asked.type.value,
        "reason_code": (asked.reason_code or reason_code_of(asked.type, asked.delta)).value,
        "reason": asked.reason,
        "reference": asked.reference,
        "approval_reason": judged.needs,
        "unit_cost": item.unit_cost,
        "currency": item.currency,
        "total_before": item.quantity_total,
    }


def _entry(asked: AdjustmentRequest, made: StockAdjustment) -> NewEntry:
    return NewEntry(
        subject_kind=OperationKind.ADJUSTMENT,
        subject_id=made.adjustment_id,
        decision_id=str(made.adjustment_id),
        step=REQUEST,
        source=asked.source,
        actor=actor_of(asked),
        reason=asked.reason,
        status_before=None,
        status_after=made.status.value,
        details={"delta": made.delta, "totalBefore": made.total_before, "totalAfter": made.total_after},
    )


def _news(asked: AdjustmentRequest, event: str, made: StockAdjustment) -> News:
    return News(
        type=event,
        operation_id=made.adjustment_id,
        sequence=made.version,
        data=facts_of(made),
        traceparent=asked.traceparent,
    )


def actor_of(asked: AdjustmentRequest) -> Actor:
    """Who asks."""
    return Actor(asked.actor_id, asked.actor_name)
