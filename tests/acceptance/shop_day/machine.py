"""The whole day: every rule of every noun in one machine."""

from __future__ import annotations

import warnings

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.errors import HypothesisDeprecationWarning
from hypothesis.stateful import run_state_machine_as_test

from tests.acceptance.shop_day.rules.advancing import Advancing
from tests.acceptance.shop_day.rules.browsing import Browsing
from tests.acceptance.shop_day.rules.calling import Calling
from tests.acceptance.shop_day.rules.counting import Counting
from tests.acceptance.shop_day.rules.mistaking import Mistaking
from tests.acceptance.shop_day.rules.ordering import Ordering
from tests.acceptance.shop_day.rules.queueing import Queueing
from tests.acceptance.shop_day.rules.returning import Returning
from tests.acceptance.shop_day.shop import Shop


class ShopDay(Mistaking, Ordering, Calling, Browsing, Counting, Returning, Advancing, Queueing):
    """One run of steps in one aisle."""


def spend_a_day(shop: Shop, *, runs: int, steps: int, seed_: int) -> None:
    """Run the machine so often, so many steps each. Raises what a step found, with the steps that lead there."""

    @seed(seed_)
    def day() -> ShopDay:
        return ShopDay(shop)

    how = settings(
        max_examples=runs,
        stateful_step_count=steps,
        phases=[Phase.generate],  # a failed run is played again as it was; making it smaller would take its time
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    with warnings.catch_warnings():
        # The clients in the floor's thread may throw dice while Hypothesis draws.
        warnings.filterwarnings("ignore", "Do not use the `random` module", HypothesisDeprecationWarning)
        run_state_machine_as_test(day, settings=how)
    with shop.timed("(comparing every row)"):
        assert shop.differences() == []
