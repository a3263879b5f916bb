"""What grows old on its way to a shelf: transfers on the road and purchase orders that are not closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Ageing(StrEnum):
    """What grows old on its way to a shelf."""

    TRANSFER = "transfer"
    PURCHASE_ORDER = "purchase-order"


AGE_DAYS_BOUNDS = (8, 15, 31)
"""Whole days at which the second, third and fourth age group begin: a week, a fortnight, a month is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnTheWay:
    """A transfer that is on the road, or a purchase order that is not closed, with what is still to come.

    `since` is when it was shipped or sent, or, for an order that was not sent yet, asked for. `age_days` are whole days
    since then, `days_late` since it was expected: negative while it is not late, None when nobody said when it comes. A
    transfer has the warehouse that it left, an order the supplier.
    """

    kind: Ageing
    operation_id: UUID
    status: str
    from_warehouse_id: UUID | None
    from_warehouse_code: str | None
    from_region: str | None
    supplier_id: UUID | None
    supplier_code: str | None
    warehouse_id: UUID
    warehouse_code: str
    region: str
    since: datetime
    expected_at: datetime | None
    age_days: int
    days_late: int | None
    quantity_outstanding: int

    @property
    def is_cross_region(self) -> bool:
        """Whether it goes from one region to another."""
        return self.from_region is not None and self.from_region != self.region


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeCounts:
    """How much there is of one age."""

    operations: int = 0
    operations_late: int = 0
    quantity_outstanding: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeGroup(AgeCounts):
    """What is of the same kind and about the same age: `age_days_max` is None in the oldest group."""

    kind: Ageing
    age_days_min: int
    age_days_max: int | None


def age_groups(found: Mapping[tuple[Ageing, int], AgeCounts]) -> list[AgeGroup]:
    """Every kind and every group, those without anything included; `found` is by kind and number of the group."""
    starts, ends = (0, *AGE_DAYS_BOUNDS), (*(bound - 1 for bound in AGE_DAYS_BOUNDS), None)
    return [
        AgeGroup(kind=kind, age_days_min=start, age_days_max=end, **asdict(found.get((kind, number), AgeCounts())))
        for kind in Ageing
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]
