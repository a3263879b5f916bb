"""Which changes of stock one person may not make alone."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum


class ApprovalReason(StrEnum):
    """Why somebody else has to agree."""

    QUANTITY = "quantity"
    VALUE = "value"
    REGION = "region"


def needs_approval(
    delta: int,
    unit_cost: Decimal | None,
    threshold_quantity: int | None,
    threshold_value: Decimal | None,
) -> ApprovalReason | None:
    """Why a change by `delta` pieces is too large for one person; None when it is not.

    A threshold is the most that one person may change, up or down: pieces, and pieces times `unit_cost` in the
    currency of the row. None sets no limit; a row without a cost is judged by its pieces alone.
    """
    if threshold_quantity is not None and abs(delta) > threshold_quantity:
        return ApprovalReason.QUANTITY
    if threshold_value is not None and unit_cost is not None and abs(delta) * unit_cost > threshold_value:
        return ApprovalReason.VALUE
    return None
