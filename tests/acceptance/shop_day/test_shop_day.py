"""A day in the shop, short enough for every run of the tests; `python -m tests.acceptance.shop_day` is a longer one."""

from __future__ import annotations

import pytest

from tests.acceptance.shop_day.machine import spend_a_day
from tests.acceptance.shop_day.shop import opened
from tests.acceptance.up import Up


@pytest.mark.timeout(300)
def test_a_day_in_the_shop_ends_as_its_books_say(up: Up) -> None:
    with opened(up) as shop:
        spend_a_day(shop, runs=3, steps=40, seed_=1)
