"""Lists a page at a time, by key and not by offset: a page costs the same wherever it is, and rows that come or go
meanwhile never make one appear twice.

A token is opaque to callers: base64url JSON that is bound to the list, its filters and its order. It carries only the
key of the last row, which is read as typed values, so a forged one can do no more than start elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import ColumnClause, ColumnElement, FromClause, Select, literal, tuple_

from domain.errors import FieldProblem, InvalidPageToken, Unprocessable
from domain.fields import has_control
from domain.limits import PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX

T = TypeVar("T")

TOKEN_CHARACTERS_MAX = 1_000
BIGINT_MAX = 2**63 - 1


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list that can be paged: its name, and for each public order the columns that make it unambiguous together.

    `default` is an order, with ` desc` for the other way round. Each order has an index, or says why not. `rows_max` is
    more than a caller may ask for where we walk the list ourselves.
    """

    name: str
    orders: Mapping[str, Sequence[ColumnClause[Any]]]
    default: str
    rows_max: int = PAGE_ROWS_MAX

    def cursor(self, page: PageRequest, filters: Any) -> Cursor:
        """Where to go on; `filters` is a dataclass. Raises InvalidPageToken, and Unprocessable for size or order."""
        if not 1 <= page.size <= self.rows_max:
            raise Unprocessable(fields=[FieldProblem("/pageSize", f"must be from 1 to {self.rows_max}")])
        order = page.order_by or self.default
        name, _, direction = order.partition(" ")
        if name not in self.orders or direction not in {"", "asc", "desc"}:
            allowed = ", ".join(f"{known}, {known} desc" for known in self.orders)
            raise Unprocessable(fields=[FieldProblem("/orderBy", f"must be one of: {allowed}")])
        columns = tuple(self.orders[name])
        binding = _digest([self.name, asdict(filters), name, direction == "desc"])
        after = _decode(page.token, binding, columns) if page.token else None
        return Cursor(columns, direction == "desc", page.size, after, binding)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in an ordered list. Rows must carry the key columns under their own names."""

    columns: tuple[ColumnClause[Any], ...]
    descending: bool
    size: int
    after: tuple[Any, ...] | None
    binding: str

    def narrow(self, statement: Select[Any]) -> Select[Any]:
        """The rows after the cursor in its order, one more than a page: the extra one tells whether more follow."""
        if self.after is not None:
            statement = statement.where(self._beyond(self.after))
        return self.ordered(statement, None)

    def ordered(self, statement: Select[Any], source: FromClause | None) -> Select[Any]:
        """Only the order and the limit, for rows that come from `source`, a subquery that was narrowed already."""
        keys = [source.c[column.name] if source is not None else column for column in self.columns]
        return statement.order_by(*(key.desc() if self.descending else key.asc() for key in keys)).limit(self.size + 1)

    def page(self, rows: Sequence[Any], read: Callable[[Any], T]) -> Page[T]:
        """The rows of a narrowed statement as a page."""
        shown = rows[: self.size]
        more = len(rows) > self.size
        return Page(tuple(read(row) for row in shown), self._token_after(shown[-1]) if more else None)

    def _beyond(self, after: tuple[Any, ...]) -> ColumnElement[bool]:
        values = [literal(value, column.type) for value, column in zip(after, self.columns, strict=True)]
        here, there = (self.columns[0], values[0]) if len(values) == 1 else (tuple_(*self.columns), tuple_(*values))
        beyond: ColumnElement[bool] = here < there if self.descending else here > there
        return beyond

    def _token_after(self, row: Any) -> str:
        keys = [_plain(getattr(row, column.name)) for column in self.columns]
        return base64.urlsafe_b64encode(json.dumps([self.binding, *keys]).encode()).decode().rstrip("=")


def _digest(parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | str) else value.isoformat() if isinstance(value, datetime) else str(value)


def _decode(token: str, binding: str, columns: Sequence[ColumnClause[Any]]) -> tuple[Any, ...]:
    try:
        if len(token) > TOKEN_CHARACTERS_MAX:
            raise ValueError("too long for one of ours")
        bound, *keys = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
        if bound != binding or len(keys) != len(columns):
            raise ValueError("for another list")
        return tuple(_typed(key, column.type.python_type) for key, column in zip(keys, columns, strict=True))
    except (ValueError, TypeError, RecursionError):
        raise InvalidPageToken from None


def _typed(key: Any, kind: type) -> Any:
    """A key as its column's type; raises ValueError or TypeError for anything that Postgres would stumble over."""
    if kind is int:
        if type(key) is not int or abs(key) > BIGINT_MAX:
            raise ValueError("not a number of ours")
        return key
    if not isinstance(key, str) or has_control(key):
        raise ValueError("not a text of ours")
    if kind is datetime:
        moment = datetime.fromisoformat(key)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return UUID(key) if kind is UUID else key
