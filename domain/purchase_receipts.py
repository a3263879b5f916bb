"""What arrives for a purchase order: how much of it is taken in, and what the order becomes by it."""

from __future__ import annotations

from collections.abc import Mapping

from domain.errors import ExceededLine, ReceiptExceedsOrder, UnknownItem
from domain.purchase_orders import PurchaseOrder, PurchaseOrderLine, PurchaseOrderStatus


def receivable(order: PurchaseOrder, arrived: Mapping[str, int], *, over_percent: int) -> Mapping[str, int]:
    """What is taken in, by SKU: what `arrived`, all that is outstanding when it names nothing.

    A line takes up to `over_percent` of its quantity more than was ordered. Raises UnknownItem for a SKU that was not
    ordered, ReceiptExceedsOrder listing every line that would take too much.
    """
    if not arrived:
        return {line.sku: line.quantity_outstanding for line in order.lines if line.quantity_outstanding}
    most = {line.sku: _room(line, over_percent) for line in order.lines}
    if strangers := sorted(arrived.keys() - most.keys()):
        raise UnknownItem(f"not ordered with {order.number}: {', '.join(strangers)}", extra={"skus": strangers})
    exceeded = [ExceededLine(sku, quantity, most[sku]) for sku, quantity in arrived.items() if quantity > most[sku]]
    if exceeded:
        raise ReceiptExceedsOrder(exceeded)
    return arrived


def status_after_receipt(order: PurchaseOrder, taken: Mapping[str, int]) -> PurchaseOrderStatus:
    """RECEIVED when no line is short any more."""
    complete = all(line.quantity_received + taken.get(line.sku, 0) >= line.quantity for line in order.lines)
    return PurchaseOrderStatus.RECEIVED if complete else PurchaseOrderStatus.PARTIALLY_RECEIVED


def _room(line: PurchaseOrderLine, over_percent: int) -> int:
    """Pieces that a line still takes; none when it has more than is allowed by now."""
    return max(0, line.quantity * (100 + over_percent) // 100 - line.quantity_received)
