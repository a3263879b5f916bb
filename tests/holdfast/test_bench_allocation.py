"""The orders that allocation is measured on: large, servable, the same every time; and their figure."""

from __future__ import annotations

from domain.allocation import plan
from holdfast.bench import allocation
from holdfast.bench.budgets import judged
from tests.holdfast.bench_figures import measured


def test_every_order_is_large_and_can_be_served() -> None:
    for demands, levels, rules in allocation.orders(12):
        assert len({demand.sku for demand in demands}) == 20
        assert len({level.warehouse_id for level in levels}) == 50
        assert len({level.inventory_id for level in levels}) == len(levels)
        assert plan(demands, levels, rules).shortages == ()


def test_the_same_orders_are_measured_every_time() -> None:
    assert list(allocation.orders(6)) == list(allocation.orders(6))


def test_each_order_is_timed_and_judged_by_the_budget() -> None:
    timed = allocation.timed(6)
    assert len(timed.plans) == len(timed.reasons) == 6
    for seconds, is_within in ((0.009, True), (0.011, False)):
        [row] = [row for row in judged(measured(plans=[[seconds] * 20])) if row.name.startswith("allocation")]
        assert (row.is_within, row.notes) == (is_within, "to say why takes 2.0 ms more")
