"""Amounts of money: exact from text to text, and never more than a row can hold."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Unprocessable
from domain.fields import FieldProblems
from domain.money import AMOUNT_MAX, amount_from, amount_text, check_amount, check_currency


def refusal(amount: Decimal | None = None, currency: str | None = None) -> list[str]:
    """What is wrong with an amount and a currency."""
    problems = FieldProblems()
    check_amount(problems, "/amount", amount)
    check_currency(problems, "/currency", currency)
    try:
        problems.refuse()
    except Unprocessable as refused:
        return [problem["pointer"] for problem in refused.extra["errors"]]
    return []


@given(st.decimals(0, AMOUNT_MAX, places=4))
def test_an_amount_survives_its_way_through_text(amount: Decimal) -> None:
    assert amount_from(amount_text(amount)) == amount
    assert refusal(amount) == []


@pytest.mark.parametrize(
    "text", ["", " 1", "1 ", "1,5", "1e3", "NaN", "Infinity", "0x1", ".5", "5.", "١", "1_000", "1" * 21]
)
def test_only_a_plain_decimal_text_is_an_amount(text: str) -> None:
    assert amount_from(text) is None


@pytest.mark.parametrize(
    "amount", [Decimal("-0.0001"), Decimal("0.00001"), AMOUNT_MAX + 1, AMOUNT_MAX + Decimal("0.00001")]
)
def test_what_a_row_would_round_or_refuse_is_refused(amount: Decimal) -> None:
    assert refusal(amount) == ["/amount"]


def test_zeros_at_the_end_round_nothing() -> None:
    assert refusal(Decimal("1.5000000")) == []


@pytest.mark.parametrize("currency", ["", "EU", "EURO", "eur", "E R", "ÄÖÜ", "EUR\n"])
def test_a_currency_is_three_capital_letters(currency: str) -> None:
    assert refusal(currency="EUR") == []
    assert refusal(currency=currency) == ["/currency"]
