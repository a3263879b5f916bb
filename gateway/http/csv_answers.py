"""A list as CSV (RFC 4180), written to its end page by page: whoever saves a report wants all of it.

The columns are the fields of an item. Holds one page at a time, and no transaction between pages. What goes wrong
before the first line is a problem like any other; later it cuts the connection, so that half is not taken for a whole.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from aiohttp import web

from gateway.http.schemas.model import Shape
from gateway.http.schemas.pages import Listing
from runtime.logs import get_logger

CONTENT_TYPE = "text/csv; charset=utf-8; header=present"
WRITE_SECONDS_MAX = 600.0
"""For the whole answer: a reader that stands still is let go."""

FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")
"""What makes a spreadsheet take text for a formula (OWASP, CSV Injection), the full-width twins included."""

Pages = Callable[[str | None], Awaitable[Listing[Any]]]
"""A page by its token; None is where to begin."""

_log = get_logger(__name__)


def columns_of(line: type[Shape]) -> list[str]:
    """The columns of a CSV whose lines tell of these."""
    return [field.alias or name for name, field in line.model_fields.items()]


def lines_of(line: type[Shape], items: Iterable[Shape]) -> str:
    """Lines for items, each ended by CRLF; without the header."""
    columns = columns_of(line)
    return _written([_cell(values.get(name)) for name in columns] for values in map(_values, items))


def wants_csv(chosen: str | None, accept: str) -> bool:
    """Whether a caller prefers CSV to JSON: by the `format` he chose, else by his Accept header (RFC 9110, 12.5.1)."""
    if chosen is not None:
        return chosen == "csv"
    qualities = _qualities(accept)
    as_csv = _quality(qualities, "text/csv")
    as_json = _quality(qualities, "application/json")
    is_named = "text/csv" in qualities and "application/json" not in qualities
    return as_csv > as_json or (is_named and as_csv == as_json > 0)


async def answer_csv(request: web.Request, name: str, line: type[Shape], pages: Pages) -> web.StreamResponse:
    """Write every page from the first on. Raises what the first page raises; HEAD reads no other."""
    page = await pages(None)
    response = web.StreamResponse(
        headers={
            "Content-Type": CONTENT_TYPE,
            "Content-Disposition": f'attachment; filename="{name}.csv"',
            "Cache-Control": "no-store",
        }
    )
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    try:
        async with asyncio.timeout(WRITE_SECONDS_MAX):
            await response.write(_written([columns_of(line)]).encode())
            await _write_pages(response, line, page, pages)
    except ConnectionError:
        _log.info("csv_not_wanted_any_more", report=name)
    except Exception:  # the answer has begun: nothing can be told any more
        _log.exception("csv_cut_off", report=name)
        _cut(request)
    return response


async def _write_pages(response: web.StreamResponse, line: type[Shape], page: Listing[Any], pages: Pages) -> None:
    await response.write(lines_of(line, page.items).encode())
    while page.next_page_token is not None:
        page = await pages(page.next_page_token)
        await response.write(lines_of(line, page.items).encode())
    await response.write_eof()


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _values(item: Shape) -> Mapping[str, Any]:
    """The item's values as its JSON has them."""
    return item.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "; ".join(" ".join(map(str, entry.values())) for entry in value)
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA_STARTS) else text


def _written(rows: Iterable[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def _qualities(accept: str) -> dict[str, float]:
    """Media ranges with their q; one that cannot be read is left out."""
    qualities = {}
    for part in accept.split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weights = [parameter.removeprefix("q=") for parameter in parameters if parameter.startswith("q=")]
        try:
            qualities[media] = float(weights[0]) if weights else 1.0
        except ValueError:
            continue
    return qualities


def _quality(qualities: Mapping[str, float], media: str) -> float:
    """The q of the most specific range that covers `media`."""
    ranges = (media, f"{media.partition('/')[0]}/*", "*/*")
    return next((qualities[one] for one in ranges if one in qualities), 0.0)
