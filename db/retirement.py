"""Taking rows out of use: what is left of them is written off first, so that ledger, news and actor tell of each piece.

Whether a row may leave, and whether one person may write so much off, is judged by whoever asks, under the row's lock.
"""

from __future__ import annotations

from collections.abc import Collection

from db import movements, stock
from db.engine import WriteSession
from db.movements import Change
from domain.ids import Actor
from domain.stock import RETIRED_REASON, MovementType, StockItem


async def retire(
    session: WriteSession,
    items: Collection[StockItem],
    actor: Actor,
    traceparent: str | None,
    *,
    reason: str = RETIRED_REASON,
    reference: str = "",
) -> None:
    """Take locked rows of which nothing is reserved out of use, for good, with what is left of them."""
    left = [
        Change(
            inventory_id=item.inventory_id,
            delta=-item.quantity_total,
            type=MovementType.ADJUSTMENT,
            reason=reason,
            reference=reference,
        )
        for item in items
        if item.quantity_total
    ]
    if left:
        await movements.apply(session, left, actor, traceparent)
    for item in items:
        await stock.retire(session, item.inventory_id, traceparent)
