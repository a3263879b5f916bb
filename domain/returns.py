"""What was sold and comes back: which pieces of a sale a return means, and that it never means more than was sold.

A damaged piece comes back and is written off at once, so that it is never promised to anybody.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.errors import ExcessReturn, ReturnExceedsSale
from domain.fields import FieldProblems
from domain.limits import LINES_MAX, QUANTITY_MAX, REASON_CHARACTERS_MAX, SKU_CHARACTERS_MAX
from domain.reservations import Line

RETURN_REASON = "returned"
"""The ledger's word where the caller gives none."""


class Condition(StrEnum):
    """Whether a returned piece can be sold again."""

    SELLABLE = "sellable"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnItem:
    """Pieces that came back, as told: of exactly one of sku or inventory_id."""

    quantity: int
    sku: str | None = None
    inventory_id: UUID | None = None
    condition: Condition = Condition.SELLABLE

    @property
    def name(self) -> str:
        """What it is called in a message."""
        return self.sku or str(self.inventory_id)

    def names(self, line: Line) -> bool:
        """Whether this line of the sale is meant."""
        return line.sku == self.sku if self.inventory_id is None else line.inventory_id == self.inventory_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnRequest:
    """A return as asked for. No items: everything that is not back yet, sellable. The id makes it happen once."""

    return_id: UUID
    items: tuple[ReturnItem, ...] = ()
    reason: str = ""

    @property
    def fingerprint(self) -> str:
        """What comes back, as a SHA-256 hex digest: the order of the items does not matter, nor does the reason."""
        asked = sorted([item.name, item.condition.value, str(item.quantity)] for item in self.items)
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


@dataclass(frozen=True, slots=True, order=True)
class ReturnPart:
    """Pieces of one line of the sale that come back in one condition."""

    inventory_id: UUID
    condition: Condition
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnLine:
    """Pieces that came back to one inventory row, with their lines in the ledger: damaged ones have two."""

    inventory_id: UUID
    warehouse_id: UUID
    sku: str
    quantity: int
    condition: Condition
    movement_id: UUID
    damage_movement_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """A return as it was recorded, for good. `is_complete`: with it, all that was sold had come back."""

    return_id: UUID
    reservation_id: UUID
    order_id: str
    lines: tuple[ReturnLine, ...]
    fingerprint: str
    reason: str
    is_complete: bool
    sequence: int
    performed_by: UUID
    performed_by_name: str
    created_at: datetime


def check_return(request: ReturnRequest) -> None:
    """Refuse a return with wrong fields. Raises Unprocessable naming all of them."""
    problems = FieldProblems()
    if len(request.items) > LINES_MAX:
        problems.add("/lines", f"must hold 1 to {LINES_MAX} lines")
    for number, item in enumerate(request.items[:LINES_MAX]):
        if (item.sku is None) == (item.inventory_id is None):
            problems.add(f"/lines/{number}", "give exactly one of sku, inventoryId")
        problems.text(f"/lines/{number}/sku", item.sku, characters_max=SKU_CHARACTERS_MAX, required=True)
        problems.number(f"/lines/{number}/quantity", item.quantity, least=1, most=QUANTITY_MAX)
    problems.text("/reason", request.reason, characters_max=REASON_CHARACTERS_MAX)
    problems.refuse()


def plan_return(lines: Sequence[Line], items: Sequence[ReturnItem]) -> list[ReturnPart]:
    """The parts of a sale that come back, by row and condition; without items all that is still out.

    Items that name their row are served before those that name a SKU, whose pieces may stand in several rows.
    Raises ReturnExceedsSale with every item that is too much.
    """
    still_out = {line.inventory_id: line.quantity - line.quantity_returned for line in lines}
    wanted = items or [ReturnItem(inventory_id=row, quantity=pieces) for row, pieces in still_out.items() if pieces]
    if not wanted:
        raise ReturnExceedsSale([])
    parts: Counter[tuple[UUID, Condition]] = Counter()
    excess: dict[int, ExcessReturn] = {}
    for number, item in sorted(enumerate(wanted), key=lambda numbered: numbered[1].inventory_id is None):
        missing = item.quantity
        for line in filter(item.names, lines):
            taken = min(missing, still_out[line.inventory_id])
            still_out[line.inventory_id] -= taken
            parts[line.inventory_id, item.condition] += taken
            missing -= taken
        if missing:
            returnable = item.quantity - missing
            excess[number] = ExcessReturn(f"/lines/{number}/quantity", item.name, item.quantity, returnable)
    if excess:
        raise ReturnExceedsSale([excess[number] for number in sorted(excess)])
    return sorted(ReturnPart(row, condition, pieces) for (row, condition), pieces in parts.items() if pieces)
