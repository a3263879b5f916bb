"""What a PurchaseOrder workflow is started with. Stored in histories: it only grows, with defaults."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseOrderRequest:
    """An order whose row is there already; `title` is what operators read in Temporal UI."""

    purchase_order_id: UUID
    title: str
