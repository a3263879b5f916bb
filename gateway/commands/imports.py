"""Stock from a file: rows that are not there are made, those that are there are counted, a batch in one transaction.

An import deals with a row once: that is recorded in the same commit, and the line is passed over when it comes again.
A dry run is the same transaction, undone, so that its answers are exact.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from db import adjustments, imports, movements, stock, warehouses
from db.adjustments import Judged, judge
from db.availability_view import AvailabilityView
from db.engine import Database, WriteSession
from db.locks import lock_stock
from db.movements import Change
from domain.adjustments import AdjustmentPolicy
from domain.errors import ApprovalRequired, FieldProblem, HoldfastError, StockInUse, UnknownItem
from domain.imports import ImportLine, LineOutcome, LineResult
from domain.limits import LINES_MAX
from domain.stock import OPENING_REASON, MovementType, NewStockItem, StockItem, StockUpdate
from domain.stock_fields import check_changes, check_new_item
from domain.warehouses import Warehouse
from gateway.auth import Caller
from gateway.commands.stock_change import adjustment_request
from runtime.policies import adjustment_policy
from runtime.settings import Settings


class ImportCommands:
    """The command that imports stock. A line that is refused is answered, not raised."""

    def __init__(self, database: Database, view: AvailabilityView, settings: Settings) -> None:
        self._database = database
        self._view = view
        self._policy = adjustment_policy(settings)

    async def apply(
        self, import_id: UUID, lines: Sequence[ImportLine], caller: Caller, *, dry_run: bool = False
    ) -> list[LineOutcome]:
        """Apply up to 200 lines, each about a row of its own; answers in their order. Raises Unavailable.

        With `dry_run` the answers are those that would be given, and nothing is changed.
        """
        assert len(lines) <= LINES_MAX, "whoever reads the file cuts it into batches"

        async def work(session: WriteSession) -> list[LineOutcome]:
            outcomes = await _Batch(session, import_id, caller, self._policy).apply(lines)
            if dry_run:
                raise _Undone(outcomes)
            return outcomes

        try:
            outcomes = await self._database.writing(work, idempotent=True)
        except _Undone as undone:
            return undone.outcomes
        await self._view.forget(sorted({line.sku for line in lines}))
        return outcomes


class _Undone(Exception):
    """Ends the transaction of a dry run without a trace; carries what it found."""

    def __init__(self, outcomes: list[LineOutcome]) -> None:
        super().__init__()
        self.outcomes = outcomes


@dataclass(slots=True)
class _Batch:
    """A batch in its transaction: the places and locked rows it is about, and what is decided about them so far."""

    session: WriteSession
    import_id: UUID
    caller: Caller
    policy: AdjustmentPolicy
    places: Mapping[str, Warehouse] = field(default_factory=dict)
    made: set[UUID] = field(default_factory=set)
    before: set[UUID] = field(default_factory=set)
    openings: list[Change] = field(default_factory=list)
    counts: list[Judged] = field(default_factory=list)
    dealt_with: dict[UUID, int] = field(default_factory=dict)

    async def apply(self, lines: Sequence[ImportLine]) -> list[LineOutcome]:
        """What becomes of each line."""
        self.places = await warehouses.by_codes(self.session, {line.warehouse for line in lines})
        await self._make_missing(lines)
        rows = await self._locked(lines)
        self.before = await imports.dealt_with(
            self.session, self.import_id, [row.inventory_id for row in rows.values()]
        )
        outcomes = [await self._outcome(line, rows.get((line.sku, line.warehouse))) for line in lines]
        await self._write()
        return outcomes

    async def _make_missing(self, lines: Sequence[ImportLine]) -> None:
        """Make the rows that are not there, in one order whoever else imports the same."""
        there = await self._ids_by_place(lines)
        missing: dict[UUID, NewStockItem] = {}
        for line in sorted(lines, key=lambda line: (line.sku, line.warehouse)):
            if (line.sku, line.warehouse) not in there and not self._why_not_new(line):
                missing[uuid.uuid4()] = line.new_item(self.places[line.warehouse].warehouse_id)
        self.made = await stock.add_all(self.session, missing)

    async def _locked(self, lines: Sequence[ImportLine]) -> dict[tuple[str, str], StockItem]:
        """The rows of the lines by SKU and warehouse code, ours to change."""
        ids = await self._ids_by_place(lines)
        await lock_stock(self.session, ids.values())
        rows = await stock.by_ids(self.session, ids.values())
        return {place: rows[inventory_id] for place, inventory_id in ids.items() if inventory_id in rows}

    async def _ids_by_place(self, lines: Iterable[ImportLine]) -> dict[tuple[str, str], UUID]:
        known = [(line.sku, self.places[line.warehouse]) for line in lines if line.warehouse in self.places]
        found = await stock.ids_by_place(self.session, [(sku, place.warehouse_id) for sku, place in known])
        return {
            (sku, place.code): found[sku, place.warehouse_id]
            for sku, place in known
            if (sku, place.warehouse_id) in found
        }

    async def _outcome(self, line: ImportLine, row: StockItem | None) -> LineOutcome:
        try:
            if row is None:
                raise self._why_not_new(line) or UnknownItem("the row was retired at this moment")
            result = await self._deal_with(line, row)
        except HoldfastError as error:
            return line.refused(error)
        if result is not LineResult.REPEATED:
            self.dealt_with[row.inventory_id] = line.line
        return LineOutcome(line=line.line, result=result)

    def _why_not_new(self, line: ImportLine) -> HoldfastError | None:
        """Why the line cannot make a row; None when it can."""
        place = self.places.get(line.warehouse)
        if place is None or not place.is_active:
            problem = f"no warehouse has the code {line.warehouse}" if place is None else "this warehouse is not in use"
            return UnknownItem(fields=[FieldProblem("/warehouse", problem)])
        try:
            check_new_item(line.new_item(place.warehouse_id))
        except HoldfastError as error:
            return error
        return None

    async def _deal_with(self, line: ImportLine, row: StockItem) -> LineResult:
        if row.inventory_id in self.made:
            self._open(line, row)
            return LineResult.CREATED
        if row.inventory_id in self.before:
            return LineResult.REPEATED
        changes = line.changes(row)
        check_changes(changes, row)
        is_counted = line.quantity not in (None, row.quantity_total)
        if is_counted:
            self._count(line, row)
        if details := changes.details(row):
            await stock.set_details(self.session, row, details, self.caller.traceparent)
        return LineResult.CHANGED if is_counted or details else LineResult.UNCHANGED

    def _open(self, line: ImportLine, row: StockItem) -> None:
        if line.quantity:
            self.openings.append(
                Change(
                    inventory_id=row.inventory_id,
                    delta=line.quantity,
                    type=MovementType.INBOUND,
                    reason=OPENING_REASON,
                    reference=self._reference,
                )
            )

    def _count(self, line: ImportLine, row: StockItem) -> None:
        """The difference to what the row says, as an adjustment.

        Raises what `judge` raises, StockInUse for fewer pieces than are reserved, and ApprovalRequired.
        """
        if line.quantity is not None and line.quantity < row.quantity_reserved:
            raise StockInUse(f"{row.quantity_reserved} pieces are reserved, and {line.quantity} were counted")
        update = StockUpdate(quantity_total=line.quantity, reference=self._reference)
        own_id = uuid.uuid5(self.import_id, str(row.inventory_id))
        asked = adjustment_request(update, row, self.caller, own_id)
        judged = judge(row, self.places[line.warehouse], asked, self.policy)
        if judged.needs:
            problem = f"a change of {asked.delta:+d} pieces needs an approval: ask for it as an adjustment"
            raise ApprovalRequired(fields=[FieldProblem("/quantity", problem)])
        self.counts.append(judged)

    async def _write(self) -> None:
        """Change the stock and record it, with what the import has dealt with."""
        changes = [*self.openings, *(judged.change for judged in self.counts)]
        if changes:
            lines = await movements.apply(self.session, changes, self.caller.actor, self.caller.traceparent)
        if self.counts:
            await adjustments.record(self.session, self.counts, lines, self.policy)
        await imports.record(self.session, self.import_id, self.dealt_with, self.caller.actor)

    @property
    def _reference(self) -> str:
        return f"import {self.import_id}"
