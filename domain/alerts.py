"""What staff should look at: a condition that was crossed, until it is over or somebody says so.

Whatever changes a subject raises and resolves its alerts in the same transaction: the SQL functions for stock, the
steps of transfers and purchase orders for theirs. This module says what the words mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain.fields import FieldProblems
from domain.limits import REASON_CHARACTERS_MAX


class AlertKind(StrEnum):
    """What is wrong."""

    LOW_STOCK = "low_stock"
    OUT_OF_STOCK = "out_of_stock"
    TRANSFER_LATE = "transfer_late"
    PURCHASE_ORDER_LATE = "purchase_order_late"


STOCK_ALERTS = (AlertKind.LOW_STOCK, AlertKind.OUT_OF_STOCK)
"""The kinds whose subject is an inventory row."""


class AlertStatus(StrEnum):
    """OPEN until somebody has seen it, ACKNOWLEDGED until it is over."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Resolution(StrEnum):
    """How an alert ended: by hand, or because what it told of was over."""

    BY_HAND = "by_hand"
    RESTOCKED = "restocked"
    RELEASED = "released"
    RULE_CHANGED = "rule_changed"
    RETIRED = "retired"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert. `details` is what its kind has to tell; `resolved_by` is None when nobody resolved it by hand."""

    alert_id: UUID
    kind: AlertKind
    subject_id: UUID
    status: AlertStatus
    sku: str | None
    warehouse_id: UUID | None
    details: Mapping[str, Any]
    raised_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: UUID | None
    acknowledged_by_name: str | None
    resolved_at: datetime | None
    resolved_by: UUID | None
    resolved_by_name: str | None
    resolution: Resolution | None
    reason: str
    version: int


def check_reason(reason: str) -> None:
    """Refuse a reason that no row can hold. Raises Unprocessable."""
    problems = FieldProblems()
    problems.text("/reason", reason, characters_max=REASON_CHARACTERS_MAX)
    problems.refuse()
