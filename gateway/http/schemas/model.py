"""What every shape shares: camelCase names, strictness, and the kinds of field that occur again and again.

Types and ranges only; rules between things belong to domain/.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from domain.fields import has_control
from domain.limits import (
    ORDER_ID_CHARACTERS_MAX,
    QUANTITY_MAX,
    REASON_CHARACTERS_MAX,
    REFERENCE_CHARACTERS_MAX,
    REGION_CHARACTERS_MAX,
    SKU_CHARACTERS_MAX,
    STOCK_TOTAL_MAX,
)
from domain.money import AMOUNT_DECIMALS, AMOUNT_MAX, CURRENCY_PATTERN, amount_from, amount_text

WRONG = "wrong"
"""The error type of our own checks: readable, but wrong."""

_CONTROL_IN_PROSE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")


def _title(name: str, _field: object) -> str:
    return to_camel(name)


class Body(BaseModel):
    """A request body: exact JSON types, no field that we do not know."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=False,
        strict=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        field_title_generator=_title,
    )


class Query(BaseModel):
    """Query parameters, each a string when it comes in; no parameter that we do not know."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=False, extra="forbid", frozen=True)


class Shape(BaseModel):
    """What we answer, made from our own values. A field that was not set is left out."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, from_attributes=True, field_title_generator=_title
    )


def wrong(detail: str) -> PydanticCustomError:
    """An error for a value that can be read but is not right."""
    return PydanticCustomError(WRONG, "{detail}", {"detail": detail})


def _one_line(text: str) -> str:
    if has_control(text) or not text.strip():
        raise wrong("must be readable text on one line")
    return text


def _prose(text: str) -> str:
    if _CONTROL_IN_PROSE.search(text):
        raise wrong("must not contain control characters")
    return text


def _whole_number(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    if not _WHOLE_NUMBER.fullmatch(text):
        raise PydanticCustomError("int_parsing", "must be a whole number")
    return int(text)


def _truth(text: Any) -> Any:
    if text is None:
        return None
    if text not in ("true", "false", True, False):
        raise PydanticCustomError("bool_parsing", "must be true or false")
    return text in ("true", True)


def _moment(text: Any) -> Any:
    if not isinstance(text, str) or not _MOMENT.fullmatch(text):
        raise PydanticCustomError("datetime_parsing", "must be an RFC 3339 time with an offset, e.g. Z")
    return text


def _amount(value: Any) -> Any:
    """A decimal text is exact; a JSON number is what its shortest text says."""
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(text, str):
        return value
    if (amount := amount_from(text)) is None:
        raise wrong("must be a plain decimal number, e.g. 12.50")
    return amount


def _amount_text(value: Any) -> Any:
    return amount_text(value) if isinstance(value, Decimal) else value


ONE_LINE = AfterValidator(_one_line)
PROSE = AfterValidator(_prose)
FROM_DIGITS = BeforeValidator(_whole_number)
FROM_WORD = BeforeValidator(_truth)
"""Validators stand last in an Annotated: what stands after one does not reach the JSON schema."""

Id = Annotated[UUID, Field(strict=False)]

OrderId = Annotated[str, Field(min_length=1, max_length=ORDER_ID_CHARACTERS_MAX), ONE_LINE]
Sku = Annotated[str, Field(min_length=1, max_length=SKU_CHARACTERS_MAX), ONE_LINE]
Region = Annotated[str, Field(min_length=1, max_length=REGION_CHARACTERS_MAX), ONE_LINE]
Reason = Annotated[str, Field(max_length=REASON_CHARACTERS_MAX), PROSE]
Reference = Annotated[str, Field(max_length=REFERENCE_CHARACTERS_MAX), PROSE]

Quantity = Annotated[int, Field(ge=1, le=QUANTITY_MAX)]
Delta = Annotated[int, Field(ge=-QUANTITY_MAX, le=QUANTITY_MAX)]
Total = Annotated[int, Field(ge=0, le=STOCK_TOTAL_MAX)]

Amount = Annotated[
    Decimal, Field(ge=0, le=AMOUNT_MAX, decimal_places=AMOUNT_DECIMALS, examples=["12.50"]), BeforeValidator(_amount)
]
"""Money on its way in: a decimal text, or a number."""

AmountText = Annotated[str, Field(examples=["12.5000"]), BeforeValidator(_amount_text)]
"""Money on its way out: a decimal text, because a JSON number may lose digits on its way."""

Currency = Annotated[str, Field(pattern=CURRENCY_PATTERN, description="ISO 4217.", examples=["EUR"])]

Moment = Annotated[datetime, Field(strict=False), BeforeValidator(_moment)]
