"""An explanation that both faces show."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from domain.allocation_terms import Strategy
from domain.destinations import Destination, locate
from domain.distance import Coordinates
from domain.explanations import Allocated, Explanation, Reason, Rejected

EXPLAINED = Explanation(
    strategy=Strategy.NEAREST,
    place=locate(Destination(country="DE"), [Coordinates(51.0, 10.0)]),
    allocated=(
        Allocated(
            inventory_id=UUID(int=11),
            warehouse_id=UUID(int=13),
            sku="TEA-GREEN-250",
            quantity=2,
            distance_km=283.4,
            reasons=(Reason.NEAREST,),
        ),
    ),
    rejected=(
        Rejected(warehouse_id=UUID(int=70), distance_km=444.0, reasons=(Reason.FARTHER,)),
        Rejected(warehouse_id=UUID(int=71), distance_km=None, reasons=(Reason.INACTIVE, Reason.NO_STOCK)),
    ),
)

ONLY_THERE = Explanation(
    allocated=(replace(EXPLAINED.allocated[0], distance_km=None, reasons=(Reason.ONLY_CANDIDATE,)),)
)
"""What is said when nothing was to be chosen."""
