"""One change of one locked row as an adjustment: asked for, applied or left waiting, and told from its repeat."""

from __future__ import annotations

from uuid import UUID

from db import adjustment_rows, adjustments, movements, stock
from db.engine import WriteSession
from domain.adjustments import Adjusted, AdjustmentPolicy
from domain.contracts.adjustments import AdjustmentRequest
from domain.errors import AlreadyExists
from domain.stock import COUNT_REASON, MovementType, ReasonCode, StockItem, StockUpdate, delta_of
from gateway.auth import Caller


def adjustment_request(
    update: StockUpdate, item: StockItem, caller: Caller, adjustment_id: UUID, reason_code: ReasonCode | None = None
) -> AdjustmentRequest:
    """An update of a row as the adjustment that it is; a count becomes the difference to what the row says."""
    return AdjustmentRequest(
        adjustment_id=adjustment_id,
        inventory_id=item.inventory_id,
        delta=delta_of(item, update),
        type=update.type,
        reason=update.reason or COUNT_REASON,
        reason_code=reason_code or (ReasonCode.COUNT_CORRECTION if _is_count(update) else None),
        reference=update.reference,
        source=caller.source,
        actor_id=caller.actor.actor_id,
        actor_name=caller.actor.name,
        request_id=caller.request_id,
        traceparent=caller.traceparent,
    )


async def apply_update(
    session: WriteSession,
    item: StockItem,
    update: StockUpdate,
    caller: Caller,
    policy: AdjustmentPolicy,
    *,
    adjustment_id: UUID,
    reason_code: ReasonCode | None = None,
) -> Adjusted:
    """Make one change of a locked row, or leave it to somebody's approval; nothing when a count was right.

    Raises Unprocessable, InsufficientStock.
    """
    if update.quantity_total == item.quantity_total:
        return Adjusted(item=item)
    asked = adjustment_request(update, item, caller, adjustment_id, reason_code)
    await adjustments.make(session, item, asked, policy)
    return await _answer(session, item, adjustment_id)


async def repeated(session: WriteSession, item: StockItem, adjustment_id: UUID) -> Adjusted | None:
    """The answer to a change that was asked for before; None when it was not.

    Raises AlreadyExists when the id belongs to a change of another row.
    """
    made = await adjustment_rows.get(session, adjustment_id)
    if made is None:
        return None
    if made.inventory_id != item.inventory_id:
        raise AlreadyExists("this id belongs to a change of another row")
    return await _answer(session, item, adjustment_id)


async def _answer(session: WriteSession, item: StockItem, adjustment_id: UUID) -> Adjusted:
    now = await stock.get(session, item.inventory_id)
    made = await adjustment_rows.get(session, adjustment_id)
    line = (await movements.by_ids(session, [adjustment_id])).get(adjustment_id)
    assert now is not None, "the row is locked"
    return Adjusted(item=now, movement=line, adjustment=made)


def _is_count(update: StockUpdate) -> bool:
    return update.quantity_total is not None and update.type is MovementType.ADJUSTMENT
