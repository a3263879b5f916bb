"""Which changes one person may not make alone: more pieces, or more value, than the threshold."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.approval import ApprovalReason, needs_approval

QUANTITY, VALUE = ApprovalReason.QUANTITY, ApprovalReason.VALUE
COST = Decimal("2.5")


@pytest.mark.parametrize(
    ("delta", "unit_cost", "pieces", "value", "reason"),
    [
        (100, None, 100, None, None),
        (-100, None, 100, None, None),
        (101, None, 100, None, QUANTITY),
        (-101, None, 100, None, QUANTITY),
        (1, COST, 0, None, QUANTITY),
        (4, COST, 100, Decimal(10), None),
        (5, COST, 100, Decimal(10), VALUE),
        (-5, COST, 100, Decimal(10), VALUE),
        (5, None, 100, Decimal(10), None),
        (5, Decimal(0), 100, Decimal(0), None),
        (101, COST, 100, Decimal(10), QUANTITY),
        (1_000_000, COST, None, None, None),
        (1_000_000, COST, None, Decimal(10), VALUE),
    ],
)
def test_a_threshold_is_the_most_that_one_person_may_change(
    delta: int, unit_cost: Decimal | None, pieces: int | None, value: Decimal | None, reason: ApprovalReason | None
) -> None:
    assert needs_approval(delta, unit_cost, pieces, value) is reason


@given(
    st.integers(1, 1_000_000), st.decimals(0, 10_000, places=4), st.integers(0, 1_000), st.decimals(0, 10_000, places=4)
)
def test_direction_does_not_matter_and_less_never_needs_more(
    delta: int, unit_cost: Decimal, pieces: int, value: Decimal
) -> None:
    reason = needs_approval(delta, unit_cost, pieces, value)
    assert needs_approval(-delta, unit_cost, pieces, value) is reason
    if reason is None:
        assert needs_approval(delta - 1, unit_cost, pieces, value) is None
