"""Many changes of stock in one transaction: all rows locked at once in one order, then item after item by the rules.

Items see what the items before them did. Their adjustments get ids derived from the batch's, which is how a repeat is
told from a first run: a batch that left any behind is answered from them and never applied again.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from db import adjustment_rows, movements, stock, warehouses
from db.adjustments import Judged, judge, record
from db.engine import WriteSession
from db.locks import lock_stock
from db.movements import Change
from domain.adjustments import Adjusted, AdjustmentPolicy, BatchResult, StockAdjustment
from domain.errors import (
    ApprovalRequired,
    BatchRefused,
    Conflict,
    FieldProblem,
    HoldfastError,
    RefusedItem,
    UnknownItem,
    Unprocessable,
)
from domain.limits import LINES_MAX
from domain.stock import Movement, StockItem, StockUpdate
from domain.stock_fields import check_update
from domain.warehouses import Warehouse
from gateway.auth import Caller
from gateway.commands.stock_change import adjustment_request


def check_batch(updates: Sequence[StockUpdate]) -> None:
    """Refuse an empty or too long batch. Raises Unprocessable."""
    if not 1 <= len(updates) <= LINES_MAX:
        raise Unprocessable(fields=[FieldProblem("/items", f"must hold 1 to {LINES_MAX} items")])


async def apply_batch(
    session: WriteSession,
    updates: Sequence[StockUpdate],
    caller: Caller,
    *,
    atomic: bool,
    batch_id: UUID,
    policy: AdjustmentPolicy,
) -> list[BatchResult]:
    """Apply a batch in the caller's transaction; answers in the order of the items. Raises BatchRefused."""
    ids = await _named_rows(session, updates)
    known = {inventory_id for inventory_id in ids if inventory_id is not None}
    await lock_stock(session, known)
    rows = await stock.by_ids(session, known)
    places = await warehouses.by_ids(session, {item.warehouse_id for item in rows.values()})
    own_ids = [uuid.uuid5(batch_id, str(position)) for position in range(len(updates))]
    done = await adjustment_rows.by_ids(session, own_ids)
    run = _Run(rows, places, caller, policy, is_repeat=bool(done))
    outcomes = [
        done[own_id] if own_id in done else run.decide(inventory_id, update, own_id)
        for inventory_id, update, own_id in zip(ids, updates, own_ids, strict=True)
    ]
    if atomic and not done:
        _refuse_all(outcomes)
    await _write(session, run.judged, caller, policy)
    return _results(
        outcomes,
        await stock.by_ids(session, known),
        await adjustment_rows.by_ids(session, own_ids),
        await movements.by_ids(session, own_ids),
    )


_Outcome = HoldfastError | StockAdjustment | Judged | StockItem
"""Of one item: why not; what an earlier run made of it; what to do; or the row of a count that found what was
expected."""


@dataclass(slots=True)
class _Run:
    """The rows as the items so far leave them, and the changes to be made, in order."""

    rows: dict[UUID, StockItem]
    places: Mapping[UUID, Warehouse]
    caller: Caller
    policy: AdjustmentPolicy
    is_repeat: bool
    judged: list[Judged] = field(default_factory=list)

    def decide(self, inventory_id: UUID | None, update: StockUpdate, own_id: UUID) -> _Outcome:
        """What becomes of an item."""
        try:
            check_update(update)
            item = self.rows.get(inventory_id) if inventory_id is not None else None
            if item is None:
                raise UnknownItem("no inventory row has this id, or this sku in this warehouse")
            return self._judge(item, update, own_id)
        except HoldfastError as error:
            return error

    def _judge(self, item: StockItem, update: StockUpdate, own_id: UUID) -> _Outcome:
        if update.quantity_total == item.quantity_total:
            return item
        if self.is_repeat:
            raise Conflict("this item was not applied when the batch first ran, and is not applied now")
        asked = adjustment_request(update, item, self.caller, own_id)
        judged = judge(item, self.places[item.warehouse_id], asked, self.policy)
        if not judged.needs:
            self.rows[item.inventory_id] = replace(item, quantity_total=item.quantity_total + asked.delta)
        self.judged.append(judged)
        return judged


async def _named_rows(session: WriteSession, updates: Sequence[StockUpdate]) -> list[UUID | None]:
    places = {(u.sku, u.warehouse_id) for u in updates if u.sku is not None and u.warehouse_id is not None}
    found = await stock.ids_by_place(session, places)
    return [
        update.inventory_id
        if update.inventory_id is not None or update.sku is None or update.warehouse_id is None
        else found.get((update.sku, update.warehouse_id))
        for update in updates
    ]


async def _write(session: WriteSession, judged: Sequence[Judged], caller: Caller, policy: AdjustmentPolicy) -> None:
    """Make the changes that may be made, those of one row one after another, and record all."""
    lines: list[Movement] = []
    rounds: list[list[Change]] = []
    seen: dict[UUID, int] = {}
    for change in (one.change for one in judged if not one.needs):
        number = seen[change.inventory_id] = seen.get(change.inventory_id, -1) + 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(change)
    for together in rounds:
        lines += await movements.apply(session, together, caller.actor, caller.traceparent)
    if judged:
        await record(session, judged, lines, policy)


def _refuse_all(outcomes: Sequence[_Outcome]) -> None:
    refusals = {position: _refusal(outcome) for position, outcome in enumerate(outcomes)}
    refused = [RefusedItem(f"/items/{place}", error.code, error.detail) for place, error in refusals.items() if error]
    if refused:
        raise BatchRefused(refused)


def _refusal(outcome: _Outcome) -> HoldfastError | None:
    """Why an item keeps an all-or-nothing batch from being applied now."""
    if isinstance(outcome, HoldfastError):
        return outcome
    if isinstance(outcome, Judged) and outcome.needs:
        return ApprovalRequired(f"a change of {outcome.request.delta:+d} pieces needs an approval of its own")
    return None


def _results(
    outcomes: Sequence[_Outcome],
    rows: Mapping[UUID, StockItem],
    made: Mapping[UUID, StockAdjustment],
    lines: Mapping[UUID, Movement],
) -> list[BatchResult]:
    def result(outcome: _Outcome) -> BatchResult:
        match outcome:
            case HoldfastError():
                return BatchResult(error=outcome)
            case StockItem():
                return BatchResult(adjusted=Adjusted(item=rows[outcome.inventory_id]))
            case StockAdjustment():
                own_id, inventory_id = outcome.adjustment_id, outcome.inventory_id
            case Judged():
                own_id, inventory_id = outcome.request.adjustment_id, outcome.item.inventory_id
        if inventory_id not in rows:
            return BatchResult(error=UnknownItem("the row was retired since this batch was applied"))
        adjusted = Adjusted(item=rows[inventory_id], movement=lines.get(own_id), adjustment=made[own_id])
        return BatchResult(adjusted=adjusted)

    return [result(outcome) for outcome in outcomes]
