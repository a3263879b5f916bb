"""Amounts of money, exact: bounds of the amounts and currencies that a row carries, and amounts read from text.

An amount is a Decimal and stands beside its currency (ISO 4217); nothing here converts one currency into another.
"""

from __future__ import annotations

import re
from decimal import Decimal

from domain.fields import FieldProblems

AMOUNT_DECIMALS = 4
AMOUNT_MAX = Decimal("9999999999.9999")
"""What `numeric(14, 4)` holds; four decimals, because a piece may cost less than a cent."""

CURRENCY_PATTERN = r"^[A-Z]{3}$"
"""The shape of an ISO 4217 code. The list itself changes by decree and is not ours to keep."""

_AMOUNT = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20})?")
_STEP = Decimal(1).scaleb(-AMOUNT_DECIMALS)


def amount_from(text: str) -> Decimal | None:
    """The amount that a plain decimal text such as `12.50` says; None for any other text."""
    return Decimal(text) if _AMOUNT.fullmatch(text) else None


def amount_text(amount: Decimal) -> str:
    """An amount as callers see it: plain, with all four decimals."""
    return f"{amount:.{AMOUNT_DECIMALS}f}"


def check_amount(problems: FieldProblems, pointer: str, amount: Decimal | None) -> None:
    """An amount that a row can hold as it is: not negative, not rounded."""
    if amount is None:
        return
    if not 0 <= amount <= AMOUNT_MAX:
        problems.add(pointer, f"must be from 0 to {AMOUNT_MAX}")
    elif amount % _STEP:
        problems.add(pointer, f"must have at most {AMOUNT_DECIMALS} decimals")


def check_currency(problems: FieldProblems, pointer: str, currency: str | None) -> None:
    """A currency's code."""
    if currency is not None and not re.fullmatch(CURRENCY_PATTERN, currency, re.ASCII):
        problems.add(pointer, "must be three capital letters, e.g. EUR")
