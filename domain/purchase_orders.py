"""What is ordered from suppliers: drafted, approved by somebody else, sent, received in parts, closed.

Quantities are in pieces, costs in the supplier's currency. What is asked for is checked when the order is drafted;
what arrives is checked against the order when it is received.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from domain.errors import FieldProblem, SupplierInactive, UnknownItem, Unprocessable, WarehouseInactive
from domain.limits import LINES_MAX, TRANSIT_SECONDS_MAX
from domain.operations import Step, Wake, check_four_eyes, check_step
from domain.suppliers import Supplier, SupplierItem
from domain.warehouses import Warehouse


class PurchaseOrderStatus(StrEnum):
    """RECEIVED is complete; CLOSED ended short, after something had arrived; CANCELLED before anything had."""

    DRAFT = "DRAFT"
    APPROVED = "APPROVED"
    SENT = "SENT"
    PARTIALLY_RECEIVED = "PARTIALLY_RECEIVED"
    RECEIVED = "RECEIVED"
    CLOSED = "CLOSED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"


_AT_THE_SUPPLIER = frozenset({PurchaseOrderStatus.SENT, PurchaseOrderStatus.PARTIALLY_RECEIVED})
_NOTHING_ARRIVED = frozenset({PurchaseOrderStatus.DRAFT, PurchaseOrderStatus.APPROVED, PurchaseOrderStatus.SENT})

STEPS: Mapping[Step, frozenset[PurchaseOrderStatus]] = {
    Step.APPROVE: frozenset({PurchaseOrderStatus.DRAFT}),
    Step.REJECT: frozenset({PurchaseOrderStatus.DRAFT}),
    Step.SEND: frozenset({PurchaseOrderStatus.APPROVED}),
    Step.RECEIVE: _AT_THE_SUPPLIER,
    Step.CLOSE: frozenset({PurchaseOrderStatus.PARTIALLY_RECEIVED}),
    Step.CANCEL: _NOTHING_ARRIVED,
    Step.LATE: _NOTHING_ARRIVED | _AT_THE_SUPPLIER,
}
"""Which states take which step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseOrderLine:
    """One SKU of an order. `quantity_outstanding` is what may still come: nothing once the order has ended."""

    sku: str
    quantity: int
    unit_cost: Decimal
    quantity_received: int = 0
    quantity_outstanding: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseOrder:
    """An order with its life. `number` is the one on paper; `late_since` is set when it did not come in time."""

    purchase_order_id: UUID
    order_number: int
    supplier_id: UUID
    warehouse_id: UUID
    currency: str
    reference: str
    status: PurchaseOrderStatus
    lines: tuple[PurchaseOrderLine, ...]
    restock_run: str | None
    expected_at: datetime | None
    late_since: datetime | None
    requested_by: UUID
    requested_by_name: str
    requested_at: datetime
    decided_by: UUID | None
    decided_by_name: str | None
    decided_at: datetime | None
    sent_at: datetime | None
    closed_at: datetime | None
    closing_reason: str
    version: int
    updated_at: datetime

    @property
    def number(self) -> str:
        """What people call it, e.g. `PO-000123`."""
        return f"PO-{self.order_number:06d}"

    @property
    def is_late(self) -> bool:
        """It should have arrived by now, and it is still open."""
        return self.late_since is not None and self.closed_at is None

    @property
    def value(self) -> Decimal:
        """What all of it costs, as ordered."""
        return sum((line.quantity * line.unit_cost for line in self.lines), Decimal(0))

    @property
    def wake(self) -> Wake | None:
        """When the clock acts: it is late once, after it was expected."""
        if self.expected_at is None or self.late_since is not None:
            return None
        return Wake(self.expected_at, Step.LATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedLine:
    """A line as it is asked for; without a cost it has the supplier's."""

    sku: str
    quantity: int
    unit_cost: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPurchaseOrder:
    """An order as it is asked for. The same SKU on two lines is added up."""

    supplier_id: UUID
    warehouse_id: UUID
    lines: tuple[WantedLine, ...]
    reference: str = ""
    expected_at: datetime | None = None


def check_step_of(order: PurchaseOrder, step: Step, actor_id: UUID) -> None:
    """Refuse a step that this order does not take, or not from this person.

    Raises OperationClosed, StepNotAllowed, SelfApproval.
    """
    check_step(order.status, step, STEPS, is_closed=order.closed_at is not None)
    if step is Step.APPROVE:
        check_four_eyes(order.requested_by, actor_id)


def priced_lines(wanted: Sequence[WantedLine], sold: Mapping[str, SupplierItem]) -> list[PurchaseOrderLine]:
    """The lines of a new order, each SKU once, at the given cost or the supplier's.

    Raises UnknownItem naming every SKU that is not sold, Unprocessable naming every other wrong line.
    """
    if not 1 <= len(wanted) <= LINES_MAX:
        raise Unprocessable(fields=[FieldProblem("/lines", f"must have 1 to {LINES_MAX} lines")])
    unknown = [
        FieldProblem(f"/lines/{at}/sku", f"the supplier does not sell {line.sku}")
        for at, line in enumerate(wanted)
        if line.sku not in sold
    ]
    if unknown:
        raise UnknownItem("the supplier does not sell all of this", fields=unknown)
    problems: list[FieldProblem] = []
    lines = [_priced(sku, places, wanted, sold[sku], problems) for sku, places in _places_by_sku(wanted).items()]
    if problems:
        raise Unprocessable("some lines cannot be ordered like this", fields=problems)
    return lines


def check_expected_at(agreed: datetime | None, now: datetime) -> None:
    """Refuse an agreed date that has passed, or is further ahead than any delivery. Raises Unprocessable."""
    if agreed is not None and not now < agreed <= now + timedelta(seconds=TRANSIT_SECONDS_MAX):
        problem = f"must be in the future, by at most {TRANSIT_SECONDS_MAX} seconds"
        raise Unprocessable(fields=[FieldProblem("/expectedAt", problem)])


def expected_at(order: PurchaseOrder, supplier: Supplier, sold: Mapping[str, SupplierItem], now: datetime) -> datetime:
    """When an order that is sent now should be here: as was agreed, else after the longest lead time of its lines.

    A delivery on the same day (0 days) has 24 hours like one of the next: an order is not late as it is sent.
    """
    if order.expected_at is not None:
        return order.expected_at
    own = [item.lead_time_days for line in order.lines if (item := sold.get(line.sku)) is not None]
    days = max((supplier.lead_time_days if each is None else each for each in own), default=supplier.lead_time_days)
    return now + timedelta(days=max(days, 1))


def check_in_use(supplier: Supplier, warehouse: Warehouse) -> None:
    """Refuse to go on with an order when one end of it has gone out of use meanwhile.

    Raises SupplierInactive, WarehouseInactive.
    """
    if not supplier.is_active:
        raise SupplierInactive(f"{supplier.code} is not in use", extra={"supplierId": str(supplier.supplier_id)})
    if not warehouse.is_active:
        raise WarehouseInactive(f"{warehouse.code} is not in use", extra={"warehouseId": str(warehouse.warehouse_id)})


def check_closing(order: PurchaseOrder, reason: str) -> None:
    """Refuse to close short without a word. Raises Unprocessable, OperationClosed, StepNotAllowed."""
    check_step(order.status, Step.CLOSE, STEPS, is_closed=order.closed_at is not None)
    if not reason.strip():
        raise Unprocessable(fields=[FieldProblem("/reason", "an order that is closed short needs a reason")])


def _places_by_sku(wanted: Sequence[WantedLine]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for at, line in enumerate(wanted):
        places.setdefault(line.sku, []).append(at)
    return places


def _priced(
    sku: str, places: list[int], wanted: Sequence[WantedLine], item: SupplierItem, problems: list[FieldProblem]
) -> PurchaseOrderLine:
    quantity = sum(wanted[at].quantity for at in places)
    costs = {cost for at in places if (cost := wanted[at].unit_cost) is not None} or {item.unit_cost}
    good = item.orderable(quantity)
    if good > item.orderable_max:
        problems.append(FieldProblem(f"/lines/{places[0]}/quantity", f"must be at most {item.orderable_max}"))
    elif good != quantity:
        rule = f"{sku} comes in packs of {item.pack_size}, at least {item.minimum_quantity}"
        problems.append(FieldProblem(f"/lines/{places[0]}/quantity", f"must be {good}: {rule}"))
    if len(costs) > 1:
        problems.append(FieldProblem(f"/lines/{places[-1]}/unitCost", f"{sku} has another cost on another line"))
    return PurchaseOrderLine(sku=sku, quantity=quantity, unit_cost=min(costs), quantity_outstanding=quantity)
