"""The pieces of a transfer: how many were asked for, left, arrived, went missing or came back, and what a step does.

Of every line, always: in transit = shipped − received − lost − returned, never negative, and shipped ≤ asked for. The
same stands as CHECK constraints in db/migrations and as queries in db/invariants.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from domain.errors import ExceededLine, ReceiptExceedsShipment, ShipmentExceedsRequest, UnknownItem


class Discrepancy(StrEnum):
    """What became of pieces that did not arrive: gone for good, arrived after all, or back at the source."""

    LOST = "lost"
    FOUND = "found"
    RETURN = "return"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferLine:
    """Pieces of one SKU, by what became of them. `from_inventory_id` is the row that they were asked from."""

    sku: str
    from_inventory_id: UUID
    quantity: int
    quantity_shipped: int = 0
    quantity_received: int = 0
    quantity_lost: int = 0
    quantity_returned: int = 0

    @property
    def quantity_in_transit(self) -> int:
        """Pieces that have left the source and are not accounted for."""
        return self.quantity_shipped - self.quantity_received - self.quantity_lost - self.quantity_returned


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChange:
    """What one step does to one line, in pieces."""

    line: TransferLine
    shipped: int = 0
    received: int = 0
    lost: int = 0
    returned: int = 0

    @property
    def is_nothing(self) -> bool:
        """The step does not touch this line."""
        return not (self.shipped or self.received or self.lost or self.returned)

    @property
    def after(self) -> TransferLine:
        """The line when the step is done."""
        return replace(
            self.line,
            quantity_shipped=self.line.quantity_shipped + self.shipped,
            quantity_received=self.line.quantity_received + self.received,
            quantity_lost=self.line.quantity_lost + self.lost,
            quantity_returned=self.line.quantity_returned + self.returned,
        )


def shipment(lines: Sequence[TransferLine], asked: Mapping[str, int]) -> list[LineChange]:
    """What leaves when `asked` pieces by SKU are shipped; all that was asked for when it names none.

    Raises UnknownItem, ShipmentExceedsRequest.
    """
    most = {line.sku: line.quantity for line in lines}
    if exceeded := _exceeded(asked, most):
        raise ShipmentExceedsRequest(exceeded)
    wanted = asked or most
    return [LineChange(line=line, shipped=wanted[line.sku]) for line in lines if line.sku in wanted]


def receipt(lines: Sequence[TransferLine], arrived: Mapping[str, int], gap: Discrepancy | None) -> list[LineChange]:
    """What a receipt of `arrived` pieces by SKU does; of all that is in transit when it names none.

    With `gap` it is the last receipt: that became of whatever is still in transit afterwards, on every line.
    Raises UnknownItem, ReceiptExceedsShipment.
    """
    received = _on_the_road(lines, arrived)
    missing = {line.sku: line.quantity_in_transit - received.get(line.sku, 0) if gap else 0 for line in lines}
    return _accounted(lines, received, missing, gap)


def resolution(lines: Sequence[TransferLine], asked: Mapping[str, int], gap: Discrepancy) -> list[LineChange]:
    """What a decision about `asked` pieces by SKU does; about all that is in transit when it names none.

    Raises UnknownItem, ReceiptExceedsShipment.
    """
    return _accounted(lines, {}, _on_the_road(lines, asked), gap)


def _on_the_road(lines: Sequence[TransferLine], asked: Mapping[str, int]) -> Mapping[str, int]:
    most = {line.sku: line.quantity_in_transit for line in lines}
    if exceeded := _exceeded(asked, most):
        raise ReceiptExceedsShipment(exceeded)
    return asked or most


def _exceeded(asked: Mapping[str, int], most: Mapping[str, int]) -> list[ExceededLine]:
    if strangers := sorted(asked.keys() - most.keys()):
        raise UnknownItem(f"not on this transfer: {', '.join(strangers)}")
    return [ExceededLine(sku, quantity, most[sku]) for sku, quantity in asked.items() if quantity > most[sku]]


def _accounted(
    lines: Sequence[TransferLine], received: Mapping[str, int], missing: Mapping[str, int], gap: Discrepancy | None
) -> list[LineChange]:
    changes = []
    for line in lines:
        pieces = missing.get(line.sku, 0)
        change = LineChange(
            line=line,
            received=received.get(line.sku, 0) + (pieces if gap is Discrepancy.FOUND else 0),
            lost=pieces if gap is Discrepancy.LOST else 0,
            returned=pieces if gap is Discrepancy.RETURN else 0,
        )
        if not change.is_nothing:
            changes.append(change)
    return changes
