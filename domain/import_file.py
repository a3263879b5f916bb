"""A CSV file of stock as text: its columns, its lines, and what cannot be read in them.

An empty cell says nothing. Knows nothing of what is in the database.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from difflib import get_close_matches
from uuid import UUID

from domain.errors import Malformed, Unprocessable
from domain.fields import has_control
from domain.imports import ImportLine, LineOutcome, LineProblem
from domain.money import amount_from

REQUIRED = ("sku", "product_id", "warehouse")
COLUMNS = (*REQUIRED, "variant_id", "quantity", "reorder_point", "reorder_quantity", "unit_cost", "currency")
SEPARATORS = ",;\t"
"""The one that makes most of the header's names is the file's."""

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,12}")


class ImportFileError(Exception):
    """The file as a whole cannot be read: no text, no CSV, no header, or columns that are missing or not known."""

    def __init__(self, line: int, detail: str) -> None:
        super().__init__(f"line {line}: {detail}")
        self.line = line
        self.detail = detail


def read_lines(content: bytes, *, warehouse: str | None = None) -> Iterator[ImportLine | LineOutcome]:
    """The lines of a file, those that are wrong as their outcome; `warehouse` is the code where a line has none.

    Lines are counted as an editor counts them, the header being 1. Raises ImportFileError.
    """
    text = _text(content)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    try:
        header = _header(next(reader, []), has_warehouse=warehouse is not None)
        seen: dict[tuple[str, str], int] = {}
        while True:
            number = reader.line_num + 1
            cells = next(reader, None)
            if cells is None:
                return
            if any(cell.strip() for cell in cells):
                yield _once(_line(number, header, cells, warehouse), seen)
    except csv.Error as error:
        raise ImportFileError(reader.line_num, str(error)) from None


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ImportFileError(line, "the file must be UTF-8") from None


def _separator(text: str) -> str:
    first = text.lstrip("\r\n").partition("\n")[0]
    return max(SEPARATORS, key=first.count)


def _header(cells: list[str], *, has_warehouse: bool) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    if not any(names):
        raise ImportFileError(1, "the file must begin with a header, e.g. " + ",".join(COLUMNS))
    problems = [_unknown(name) for name in names if name not in COLUMNS]
    problems += [f"the column {name} is there twice" for name in sorted({n for n in names if names.count(n) > 1})]
    optional = {"warehouse"} if has_warehouse else set()
    problems += [f"the column {name} is missing" for name in REQUIRED if name not in {*names, *optional}]
    if problems:
        raise ImportFileError(1, "; ".join(problems))
    return names


def _unknown(name: str) -> str:
    close = get_close_matches(name, COLUMNS, n=1)
    return f"the column {name!r} is not known" + (f" (is {close[0]} meant?)" if close else "")


def _once(read: ImportLine | LineOutcome, seen: dict[tuple[str, str], int]) -> ImportLine | LineOutcome:
    """A line about a SKU in a warehouse that an earlier line was about is refused."""
    if isinstance(read, LineOutcome):
        return read
    first = seen.setdefault((read.sku, read.warehouse), read.line)
    if first == read.line:
        return read
    detail = f"line {first} is about {read.sku} in {read.warehouse} already"
    return _refusal(read.line, {"sku": detail}, code="duplicate_line")


def _line(number: int, header: list[str], cells: list[str], warehouse: str | None) -> ImportLine | LineOutcome:
    if len(cells) != len(header):
        detail = f"has {len(cells)} cells where the header has {len(header)}"
        return _refusal(number, {None: detail}, code=Malformed.code)
    given = {name: cell.strip() for name, cell in zip(header, cells, strict=True) if cell.strip()}
    given.setdefault("warehouse", warehouse or "")
    reading = _Reading(given)
    values = {
        "sku": reading.text("sku"),
        "product_id": reading.uuid("product_id", is_required=True),
        "warehouse": reading.text("warehouse"),
        "variant_id": reading.uuid("variant_id"),
        **{name: reading.whole(name) for name in ("quantity", "reorder_point", "reorder_quantity")},
        "unit_cost": reading.amount("unit_cost"),
        "currency": given.get("currency"),
    }
    if reading.problems:
        return _refusal(number, reading.problems, code=Unprocessable.code)
    return ImportLine(line=number, **values)  # type: ignore[arg-type]


class _Reading:
    """The cells of one line being read, and what is wrong with them, by column."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given
        self.problems: dict[str | None, str] = {}

    def text(self, name: str) -> str:
        text = self._given.get(name, "")
        if not text:
            self.problems[name] = "must not be empty"
        elif has_control(text):
            self.problems[name] = "must not hold control characters"
        return text

    def uuid(self, name: str, *, is_required: bool = False) -> UUID | None:
        text = self.text(name) if is_required else self._given.get(name)
        try:
            return UUID(text) if text else None
        except ValueError:
            self.problems[name] = f"must be a UUID, not {text!r}"
            return None

    def whole(self, name: str) -> int | None:
        text = self._given.get(name)
        if text is not None and not _WHOLE_NUMBER.fullmatch(text):
            self.problems[name] = f"must be a whole number, not {text!r}"
            return None
        return None if text is None else int(text)

    def amount(self, name: str) -> Decimal | None:
        text = self._given.get(name)
        amount = None if text is None else amount_from(text)
        if text is not None and amount is None:
            self.problems[name] = f"must be a plain decimal number such as 12.50, not {text!r}"
        return amount


def _refusal(line: int, details: Mapping[str | None, str], *, code: str) -> LineOutcome:
    problems = tuple(
        LineProblem(line=line, column=column, code=code, detail=detail) for column, detail in details.items()
    )
    return LineOutcome(line=line, problems=problems)
