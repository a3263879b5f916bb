"""Lists a page at a time, by key and not by offset: a page costs the same wherever it is, and rows that come or go
meanwhile never make one appear twice.

A token is opaque to callers: base64url JSON that is bound to the list, its filters and its order. It carries only the
key of the last row, which is read as typed values, so a forged one can do no more than start elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import BigInteger, Column, ColumnElement, DateTime, Integer, Uuid, tuple_

from domain.errors import FieldProblem, InvalidPageToken, Unprocessable
from domain.limits import PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX

T = TypeVar("T")

TOKEN_CHARACTERS_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """Which page: up to `size` rows, after `token` (None for the first), by `order_by` (None for the list's own)."""

    size: int = PAGE_ROWS_DEFAULT
    token: str | None = None
    order_by: str | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page; `next_token` asks for the following one, None means that this was the last."""

    items: tuple[T, ...]
    next_token: str | None = None
