"""Who sells to us, and what, in which quantities and at which price."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from domain.fields import FieldProblems
from domain.limits import QUANTITY_MAX, SKU_CHARACTERS_MAX
from domain.money import check_amount, check_currency

CODE_CHARACTERS_MAX = 20
NAME_CHARACTERS_MAX = 255
EMAIL_CHARACTERS_MAX = 254
"""The longest address that fits an SMTP path (RFC 5321, section 4.5.3.1.3)."""

LEAD_TIME_DAYS_DEFAULT = 7
LEAD_TIME_DAYS_MAX = 365

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
"""Enough to catch a name in the wrong field; whether anybody reads it, only writing to it tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplier:
    """Somebody who sells to us, in one `currency`. One that is not active gets no new orders.

    `lead_time_days` is how long a delivery usually takes; `version` grows with every change.
    """

    supplier_id: UUID
    code: str
    name: str
    email: str
    currency: str
    lead_time_days: int
    is_active: bool
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSupplier:
    """A new supplier; `code` is its name in other systems, for good, and so is the currency it is paid in."""

    code: str
    name: str
    currency: str
    email: str = ""
    lead_time_days: int = LEAD_TIME_DAYS_DEFAULT
    is_active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplierChanges:
    """What a PUT carries; None leaves a field as it is. `code` and `currency` may be repeated, not changed: the prices
    of all its items are in that currency."""

    code: str | None = None
    name: str | None = None
    currency: str | None = None
    email: str | None = None
    lead_time_days: int | None = None
    is_active: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On which terms a supplier sells one SKU: `unit_cost` for a piece in the supplier's currency, in whole packs of
    `pack_size` pieces, at least `minimum_quantity` pieces. Without `lead_time_days` the supplier's own holds."""

    unit_cost: Decimal
    pack_size: int = 1
    minimum_quantity: int = 1
    lead_time_days: int | None = None
    is_preferred: bool = False

    def orderable(self, quantity: int) -> int:
        """The least quantity from `quantity` upwards that can be ordered: whole packs, not below the minimum."""
        packs = -(-max(quantity, self.minimum_quantity) // self.pack_size)
        return packs * self.pack_size

    @property
    def orderable_max(self) -> int:
        """The most that fits one line: whole packs, again."""
        return QUANTITY_MAX // self.pack_size * self.pack_size


NOT_SOLD = "this supplier does not sell this SKU"
"""What is said where there are no terms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplierItem(Terms):
    """A SKU that a supplier sells; `version` grows with every change."""

    supplier_id: UUID
    sku: str
    version: int
    created_at: datetime
    updated_at: datetime


def check_new_supplier(new: NewSupplier) -> None:
    """Refuse a new supplier with wrong fields. Raises Unprocessable naming all of them."""
    problems = FieldProblems()
    problems.name("/code", new.code, characters_max=CODE_CHARACTERS_MAX)
    check_currency(problems, "/currency", new.currency)
    _check_fields(problems, new)
    problems.refuse()


def check_supplier_changes(changes: SupplierChanges, supplier: Supplier) -> None:
    """Refuse a PUT with wrong fields, another code or another currency. Raises Unprocessable naming all of them."""
    problems = FieldProblems()
    problems.unchanged("/code", changes.code, supplier.code)
    problems.unchanged("/currency", changes.currency, supplier.currency)
    _check_fields(problems, changes)
    problems.refuse()


def check_terms(sku: str, terms: Terms) -> None:
    """Refuse terms on which nothing could be ordered. Raises Unprocessable naming all wrong fields."""
    problems = FieldProblems()
    problems.name("/sku", sku, characters_max=SKU_CHARACTERS_MAX)
    check_amount(problems, "/unitCost", terms.unit_cost)
    problems.number("/packSize", terms.pack_size, least=1, most=QUANTITY_MAX)
    problems.number("/minimumQuantity", terms.minimum_quantity, least=1, most=QUANTITY_MAX)
    problems.number("/leadTimeDays", terms.lead_time_days, least=0, most=LEAD_TIME_DAYS_MAX)
    problems.refuse()
    if terms.orderable(1) > terms.orderable_max:
        problems.add("/minimumQuantity", f"in whole packs this is more than one order line holds, {QUANTITY_MAX}")
    problems.refuse()


def _check_fields(problems: FieldProblems, given: NewSupplier | SupplierChanges) -> None:
    problems.name("/name", given.name, characters_max=NAME_CHARACTERS_MAX)
    problems.text("/email", given.email, characters_max=EMAIL_CHARACTERS_MAX)
    if given.email and not _EMAIL.fullmatch(given.email):
        problems.add("/email", "must be an e-mail address")
    problems.number("/leadTimeDays", given.lead_time_days, least=0, most=LEAD_TIME_DAYS_MAX)
