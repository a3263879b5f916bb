"""What a Restock run may ask of the world, in memory: pages of needs, and a draft for each."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from uuid import UUID

from temporalio import activity
from temporalio.exceptions import ApplicationError

from domain.contracts.restock import DraftedOrder, DraftRequest, Need, ScanPage, ScanRequest
from workflows import ports


def need() -> Need:
    """A warehouse that is short of something."""
    return Need(warehouse_id=uuid.uuid4(), supplier_id=uuid.uuid4())


@dataclass
class FakeRestock(ports.RestockActivities):
    """Each page has two low rows, one of which nobody sells."""

    pages: list[list[Need]]
    broken: set[Need] = field(default_factory=set)
    failing_scans: int = 0
    asked: list[DraftRequest] = field(default_factory=list)

    @property
    def drafted_for(self) -> list[Need]:
        """What was asked for, in order."""
        return [request.need for request in self.asked]

    @property
    def order_ids(self) -> list[UUID]:
        """The orders that there are."""
        return [self.order_id_for(each) for each in dict.fromkeys(self.drafted_for) if each not in self.broken]

    @staticmethod
    def order_id_for(each: Need) -> UUID:
        """The same need, the same order."""
        return uuid.uuid5(each.warehouse_id, str(each.supplier_id))

    @activity.defn(name="scan_for_restock")
    async def scan(self, request: ScanRequest) -> ScanPage:
        """One page."""
        if self.failing_scans:
            self.failing_scans -= 1
            raise ApplicationError("the database cannot answer right now", type="unavailable")
        at = int(request.token or 0)
        following = str(at + 1) if at + 1 < len(self.pages) else None
        return ScanPage(low_rows=2, unsupplied_rows=1, needs=self.pages[at], next_token=following)

    @activity.defn(name="draft_for_restock")
    async def draft(self, request: DraftRequest) -> list[DraftedOrder]:
        """One order."""
        self.asked.append(request)
        if request.need in self.broken:
            raise ApplicationError("the supplier is gone", non_retryable=True)
        number = f"PO-{len(self.order_ids)}"
        return [
            DraftedOrder(
                purchase_order_id=self.order_id_for(request.need), number=number, title=f"{number}: 1 × A", skus=["A"]
            )
        ]
