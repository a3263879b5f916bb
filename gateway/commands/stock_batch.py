"""Many changes of stock in one transaction: all rows locked at once in one order, then item after item by the rules.

Items see what the items before them did. The ledger lines get ids derived from the batch's, which is how a repeat is
told from a first run: a batch that left any line behind is answered from its lines and never applied again.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from db import movements, stock
from db.engine import WriteSession
from db.locks import lock_stock
from db.movements import Change
from domain.errors import (
    AlreadyExists,
    BatchRefused,
    Conflict,
    FieldProblem,
    HoldfastError,
    RefusedItem,
    UnknownItem,
    Unprocessable,
)
from domain.limits import LINES_MAX
from domain.stock import COUNT_REASON, Adjusted, BatchResult, Movement, StockItem, StockUpdate, change_of
from domain.stock_fields import check_update
from gateway.auth import Caller


def check_batch(updates: Sequence[StockUpdate]) -> None:
    """Refuse an empty or too long batch. Raises Unprocessable."""
    if not 1 <= len(updates) <= LINES_MAX:
        raise Unprocessable(fields=[FieldProblem("/items", f"must hold 1 to {LINES_MAX} items")])


def repeated(item: StockItem, done: Movement) -> Adjusted:
    """The answer to a change that was made before: its ledger line, and the row as it is now.

    Raises AlreadyExists when the line's id belongs to a change of another row.
    """
    if done.inventory_id != item.inventory_id:
        raise AlreadyExists("this id belongs to a change of another row")
    return Adjusted(item=item, movement=done)


async def apply_batch(
    session: WriteSession,
    updates: Sequence[StockUpdate],
    caller: Caller,
    *,
    atomic: bool,
    batch_id: UUID,
    threshold: int,
) -> list[BatchResult]:
    """Apply a batch in the caller's transaction; answers in the order of the items. Raises BatchRefused."""
    ids = await _named_rows(session, updates)
    known = {inventory_id for inventory_id in ids if inventory_id is not None}
    await lock_stock(session, known)
    rows = await stock.by_ids(session, known)
    lines = [uuid.uuid5(batch_id, str(position)) for position in range(len(updates))]
    done = await movements.by_ids(session, lines)
    run = _Run(rows, threshold, is_repeat=bool(done))
    outcomes = [
        done[line] if line in done else run.decide(inventory_id, update, line)
        for inventory_id, update, line in zip(ids, updates, lines, strict=True)
    ]
    if atomic and not done:
        _refuse_all(outcomes)
    written = await _write(session, run.changes, caller)
    rows = await stock.by_ids(session, known)
    return [_result(outcome, rows, written) for outcome in outcomes]


_Outcome = HoldfastError | Movement | Change | StockItem
"""Of one item: why not; the line of an earlier run; what to do; or the row of a count that found what was expected."""


@dataclass(slots=True)
class _Run:
    """The rows as the items so far leave them, and the changes to be made, in order."""

    rows: dict[UUID, StockItem]
    threshold: int
    is_repeat: bool
    changes: list[Change] = field(default_factory=list)

    def decide(self, inventory_id: UUID | None, update: StockUpdate, line: UUID) -> _Outcome:
        """What becomes of an item."""
        try:
            check_update(update)
            item = self.rows.get(inventory_id) if inventory_id is not None else None
            if item is None:
                raise UnknownItem("no inventory row has this id, or this sku in this warehouse")
            return self._change(item, update, line)
        except HoldfastError as error:
            return error

    def _change(self, item: StockItem, update: StockUpdate, line: UUID) -> _Outcome:
        delta = change_of(item, update, threshold=self.threshold)
        if delta == 0:
            return item
        if self.is_repeat:
            raise Conflict("this item was not applied when the batch first ran, and is not applied now")
        change = Change(
            inventory_id=item.inventory_id,
            delta=delta,
            type=update.type,
            reason=update.reason or COUNT_REASON,
            reference=update.reference,
            movement_id=line,
        )
        self.rows[item.inventory_id] = replace(item, quantity_total=item.quantity_total + delta)
        self.changes.append(change)
        return change


async def _named_rows(session: WriteSession, updates: Sequence[StockUpdate]) -> list[UUID | None]:
    places = {(u.sku, u.warehouse_id) for u in updates if u.sku is not None and u.warehouse_id is not None}
    found = await stock.ids_by_place(session, places)
    return [
        update.inventory_id
        if update.inventory_id is not None or update.sku is None or update.warehouse_id is None
        else found.get((update.sku, update.warehouse_id))
        for update in updates
    ]


async def _write(session: WriteSession, changes: Sequence[Change], caller: Caller) -> dict[UUID, Movement]:
    """Make the changes, those of one row one after another; answers the ledger lines by id."""
    written: dict[UUID, Movement] = {}
    rounds: list[list[Change]] = []
    seen: dict[UUID, int] = {}
    for change in changes:
        number = seen[change.inventory_id] = seen.get(change.inventory_id, -1) + 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(change)
    for together in rounds:
        lines = await movements.apply(session, together, caller.actor, caller.traceparent)
        written |= {line.movement_id: line for line in lines}
    return written


def _refuse_all(outcomes: Sequence[_Outcome]) -> None:
    refused = [
        RefusedItem(f"/items/{position}", outcome.code, outcome.detail)
        for position, outcome in enumerate(outcomes)
        if isinstance(outcome, HoldfastError)
    ]
    if refused:
        raise BatchRefused(refused)


def _result(outcome: _Outcome, rows: Mapping[UUID, StockItem], written: Mapping[UUID, Movement]) -> BatchResult:
    match outcome:
        case HoldfastError():
            return BatchResult(error=outcome)
        case StockItem():
            return BatchResult(adjusted=Adjusted(item=rows[outcome.inventory_id], movement=None))
        case Change():
            assert outcome.movement_id is not None, "every change of a batch was given its id"
            line = written[outcome.movement_id]
            return BatchResult(adjusted=Adjusted(item=rows[outcome.inventory_id], movement=line))
        case Movement():
            return _remembered(outcome, rows)


def _remembered(line: Movement, rows: Mapping[UUID, StockItem]) -> BatchResult:
    item = rows.get(line.inventory_id)
    if item is None:
        return BatchResult(error=UnknownItem("the row was retired since this batch was applied"))
    return BatchResult(adjusted=Adjusted(item=item, movement=line))
