"""Warehouses on a map and what stands in them, for tests of allocation."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from domain.allocation import Demand, Level, Plan, Rules, Strategy
from domain.destinations import Destination, locate
from domain.distance import Coordinates

SKUS = ("A", "B", "C")
REGIONS = ("north", "south")
COUNTRIES = ("DE", "FR")


def warehouse_id(number: int) -> UUID:
    return UUID(int=number + 1)


def numbers(made: Plan) -> list[tuple[int, str, int]]:
    """The picks as (warehouse, SKU, pieces)."""
    return sorted((pick.warehouse_id.int - 1, pick.sku, pick.quantity) for pick in made.picks)


def used(made: Plan) -> set[int]:
    """The numbers of the warehouses that serve."""
    return {number for number, _, _ in numbers(made)}


@dataclass(frozen=True)
class Site:
    """A warehouse; `east` are degrees along the equator from where most destinations of these tests lie."""

    number: int
    east: float | None = None
    priority: int = 1
    region: str = "north"
    country: str = "DE"
    is_active: bool = True

    @property
    def location(self) -> Coordinates | None:
        return None if self.east is None else Coordinates(0, self.east)

    def level(self, sku: str, quantity: int) -> Level:
        return Level(
            inventory_id=uuid.uuid5(warehouse_id(self.number), sku),
            warehouse_id=warehouse_id(self.number),
            sku=sku,
            quantity_available=quantity,
            priority=self.priority,
            region=self.region,
            country=self.country,
            location=self.location,
            is_active=self.is_active,
        )


def to_point(east: float = 0.0) -> Any:
    """The place of a destination on the equator."""
    return locate(Destination(point=Coordinates(0, east)), ())


def want(sku: str, quantity: int, **more: Any) -> Demand:
    return Demand(sku=sku, quantity=quantity, **more)


def rules(strategy: Strategy = Strategy.BALANCED, **more: Any) -> Rules:
    """Rules towards degree 0 unless another place is given."""
    return Rules(**{"strategy": strategy, "place": to_point(), **more})


@dataclass(frozen=True)
class Case:
    """A drawn question."""

    sites: Sequence[Site]
    levels: Sequence[Level]
    demands: Sequence[Demand]

    def of(self, sku: str) -> Iterable[Level]:
        return (level for level in self.levels if level.sku == sku)


@st.composite
def cases(draw: st.DrawFn, *, least: int = 1, most: int = 5, bound: bool = True, pieces: int = 6) -> Case:
    """Warehouses of which some have no coordinates, with levels of some SKUs, and demands of some."""
    count = draw(st.integers(least, most))
    sites = [
        Site(
            number,
            east=draw(st.none() | st.integers(-90, 90).map(lambda tenths: tenths / 10)),
            priority=draw(st.integers(1, 3)),
            region=draw(st.sampled_from(REGIONS)),
            country=draw(st.sampled_from(COUNTRIES)),
        )
        for number in range(count)
    ]
    quantities = draw(st.lists(st.integers(0, pieces), min_size=count * len(SKUS), max_size=count * len(SKUS)))
    levels = [
        site.level(sku, quantities[site.number * len(SKUS) + n])
        for site in sites
        for n, sku in enumerate(SKUS)
        if quantities[site.number * len(SKUS) + n] != pieces  # that many means: not kept there
    ]
    place = st.none() | st.sampled_from([warehouse_id(number) for number in range(count)]) if bound else st.none()
    demands = draw(
        st.lists(
            st.builds(Demand, sku=st.sampled_from(SKUS), quantity=st.integers(1, pieces), warehouse_id=place),
            min_size=1,
            max_size=4,
        )
    )
    return Case(sites, levels, demands)
