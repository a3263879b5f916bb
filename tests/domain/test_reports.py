from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Unprocessable
from domain.reports import Cover, check_instant

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def cover(available: int, sold: int, days: int = 28) -> Cover:
    return Cover(
        inventory_id=UUID(int=1),
        sku="TEA",
        warehouse_id=UUID(int=2),
        warehouse_code="HAM-1",
        region="eu-north",
        quantity_available=available,
        quantity_sold=sold,
        days_observed=days,
    )


def test_stock_lasts_as_long_as_it_takes_to_sell_it_at_the_same_rate() -> None:
    assert (cover(14, 28).average_daily_sales, cover(14, 28).days_of_cover) == (1.0, 14.0)
    assert (cover(10, 3).average_daily_sales, cover(10, 3).days_of_cover) == (0.107, 93.3)
    assert cover(0, 28).days_of_cover == 0.0


@pytest.mark.parametrize("sold", [0, -1])
def test_what_nobody_buys_lasts_nobody_knows_how_long(sold: int) -> None:
    assert cover(14, sold).days_of_cover is None


@given(st.integers(0, 2_000_000_000), st.integers(1, 2_000_000_000), st.integers(1, 92))
def test_more_stock_lasts_longer_and_more_sales_shorter(available: int, sold: int, days: int) -> None:
    lasts = cover(available, sold, days).days_of_cover
    more, faster = cover(available + 1, sold, days).days_of_cover, cover(available, sold + 1, days).days_of_cover
    assert lasts is not None
    assert more is not None
    assert faster is not None
    assert faster <= lasts <= more


def test_the_past_and_the_present_can_be_told_and_the_future_cannot() -> None:
    check_instant(NOW, NOW)
    check_instant(NOW - timedelta(days=9999), NOW)
    with pytest.raises(Unprocessable) as refused:
        check_instant(NOW + timedelta(microseconds=1), NOW)
    assert refused.value.extra["errors"][0]["pointer"] == "/query/at"
