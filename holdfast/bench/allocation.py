"""Allocating a large order over many warehouses: the pure function alone, without a server.

The orders are the same in every run and on every machine. Stock is dense, sparse or scarce in turn, since that decides
how much there is to search; every order can be served. The default strategy is measured: no other searches more.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from domain.allocation import Demand, Level, Rules, plan
from domain.allocation_reasons import explain
from domain.destinations import Destination, locate
from domain.distance import Coordinates

LINES, WAREHOUSES = 20, 50
KEPT_IN = (0.6, 0.3, 0.15)
"""The share of warehouses that keep a SKU."""

PIECES_WANTED_MAX, PIECES_THERE_MAX = 10, 12


@dataclass(frozen=True, slots=True)
class Timed:
    """Seconds for each order: to plan it, and to say why."""

    plans: list[float]
    reasons: list[float]


def timed(count: int) -> Timed:
    """Plan and explain so many orders."""
    plans, reasons = [], []
    for demands, levels, rules in orders(count):
        begin = time.perf_counter()
        planned = plan(demands, levels, rules)
        middle = time.perf_counter()
        explain(planned)
        reasons.append(time.perf_counter() - middle)
        plans.append(middle - begin)
        assert planned.picks, "every order can be served"
    return Timed(plans, reasons)


def orders(count: int) -> Iterator[tuple[list[Demand], list[Level], Rules]]:
    """Orders to Central Europe, from warehouses all over the world; half of them may not split a line."""
    draw = random.Random(20_26)  # noqa: S311 - a shop to measure on, no secret
    place = locate(Destination(point=Coordinates(50.1, 8.7)), ())
    for number in range(count):
        rules = Rules(place=place, allow_split=number % 2 == 0)
        yield _demands(draw), _levels(draw, KEPT_IN[number % len(KEPT_IN)]), rules


def _demands(draw: random.Random) -> list[Demand]:
    return [Demand(sku=f"SKU-{line}", quantity=draw.randint(1, PIECES_WANTED_MAX)) for line in range(LINES)]


def _levels(draw: random.Random, kept_in: float) -> list[Level]:
    levels = []
    for number in range(WAREHOUSES):
        location = Coordinates(draw.uniform(-40, 60), draw.uniform(-120, 120))
        priority = draw.randint(1, 4)
        for line in range(LINES):
            is_full = number % LINES == line  # so that every order can be served
            if is_full or draw.random() < kept_in:
                levels.append(
                    Level(
                        inventory_id=uuid.UUID(int=number * LINES + line),
                        warehouse_id=uuid.UUID(int=number),
                        sku=f"SKU-{line}",
                        quantity_available=PIECES_WANTED_MAX if is_full else draw.randint(0, PIECES_THERE_MAX),
                        priority=priority,
                        location=location,
                    )
                )
    return levels
