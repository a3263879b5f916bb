"""Reports as CSV: what a spreadsheet reads, written whole, and never half without a sign of it."""

from __future__ import annotations

import asyncio
import csv
import io
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.paging import Page, PageRequest
from domain.errors import NotFound, Unavailable, Unprocessable
from gateway.http.csv_answers import FORMULA_STARTS, lines_of, wants_csv
from gateway.http.routes import ROUTES
from gateway.http.schemas.model import Shape
from tests.gateway.http.face import AT_NOON, EU_NORTH, WAREHOUSE, Face, path_of

PATH = "/api/v1/reports"
REGIONS = (
    "region,warehouses,warehousesActive,skus,skusLow,skusOutOfStock,quantityTotal,quantityReserved,quantityAvailable,"
    "quantityInTransit,quantityOnOrder,valueAtCost,quantityWithoutCost\r\n"
)
STOCK = f"{PATH}/stock-as-of?at=2026-11-23T12:00:00Z&format=csv"


class Word(Shape):
    word: str | None


def rows_of(raw: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(raw.decode(), newline="")))


async def test_a_report_is_csv_with_the_fields_of_its_json_as_columns(face: Face) -> None:
    answer = await face.get(f"{PATH}/regions", headers={"Accept": "text/csv"})
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="regions.csv"'
    assert answer.raw.decode() == REGIONS + "eu-north,2,1,3,2,1,10,3,7,5,6,EUR 12.5000; GBP 3.0000,4\r\n"


@pytest.mark.parametrize("route", [route for route in ROUTES if route.csv_line], ids=lambda route: route.name)
async def test_every_report_says_the_same_in_both_forms(face: Face, route: Any) -> None:
    as_json = (await face.get(path_of(route))).json["items"]
    as_csv = rows_of((await face.get(path_of(route), headers={"Accept": "text/csv"})).raw)
    assert [list(row) for row in as_csv] == [list(item) for item in as_json]
    for row, item in zip(as_csv, as_json, strict=True):
        assert {name: row[name] for name in item if isinstance(item[name], str | int) and item[name] is not True} == {
            name: str(value) for name, value in item.items() if isinstance(value, str | int) and value is not True
        }
        assert [row[name] for name, value in item.items() if value is None] == [""] * list(item.values()).count(None)


async def test_an_answer_carries_what_every_answer_carries(face: Face) -> None:
    answer = await face.get(f"{PATH}/regions?format=csv", headers={"X-Request-Id": "r-1"})
    assert (answer.headers["X-Request-Id"], answer.headers["Server"]) == ("r-1", "holdfast")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_report_without_rows_is_its_header(face: Face) -> None:
    face.reports.answers["regions"] = Page(())
    assert (await face.get(f"{PATH}/regions?format=csv")).raw.decode() == REGIONS


async def test_a_report_is_written_to_its_end_however_many_pages_it_has(face: Face) -> None:
    async def stock_as_of(filters: Any, page: PageRequest) -> Any:
        number = int(page.token or 0)
        return Page((replace(AT_NOON, quantity_total=number),), str(number + 1) if number < 4 else None)

    face.reports.answers["stock_as_of"] = stock_as_of
    answer = await face.get(f"{STOCK}&pageSize=2")
    assert [row["quantityTotal"] for row in rows_of(answer.raw)] == ["0", "1", "2", "3", "4"]
    assert {arguments[1].size for _, arguments, _ in face.reports.asked} == {1_000}
    later = await face.get(f"{STOCK}&pageToken=3")
    assert [row["quantityTotal"] for row in rows_of(later.raw)] == ["3", "4"]


@pytest.mark.parametrize(
    ("error", "status"), [(NotFound("x"), 404), (Unprocessable("x"), 422), (Unavailable("x"), 503)]
)
async def test_what_is_wrong_before_the_first_line_is_a_problem(face: Face, error: Exception, status: int) -> None:
    face.reports.answers["stock_as_of"] = error
    answer = await face.get(STOCK)
    assert answer.status == status
    assert answer.code
    assert (await face.get(f"{PATH}/stock-as-of?format=csv")).code == "malformed_request"


@pytest.mark.parametrize("error", [Unavailable("Postgres went away"), AssertionError("our mistake")])
async def test_half_a_report_is_not_taken_for_a_whole_one(face: Face, error: Exception) -> None:
    async def stock_as_of(filters: Any, page: PageRequest) -> Any:
        if page.token:
            raise error
        return Page((AT_NOON,), "more")

    face.reports.answers["stock_as_of"] = stock_as_of
    with pytest.raises(aiohttp.ClientPayloadError):
        await face.get(STOCK)
    assert (await face.get(f"{PATH}/regions")).status == 200


async def test_who_hangs_up_is_not_written_to(face: Face) -> None:
    asked = asyncio.Event()
    gone = asyncio.Event()

    async def stock_as_of(filters: Any, page: PageRequest) -> Any:
        if page.token == "9":
            asked.set()
            await gone.wait()
        return Page((AT_NOON,), str(int(page.token or 0) + 1) if page.token != "9999" else None)

    face.reports.answers["stock_as_of"] = stock_as_of
    async with face.session.get(STOCK, headers=face.headers) as answer:
        await asked.wait()
        answer.close()
    gone.set()
    assert (await face.get(f"{PATH}/regions")).status == 200
    assert len(face.reports.asked) < 9_000


async def test_a_head_of_it_reads_one_page(face: Face) -> None:
    face.reports.answers["stock_as_of"] = Page((AT_NOON,), "more")
    answer = await face.ask("HEAD", STOCK)
    assert (answer.status, answer.raw) == (200, b"")
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert len(face.reports.asked) == 1


async def test_other_routes_are_json_whatever_is_accepted(face: Face) -> None:
    answer = await face.get("/api/v1/inventory", headers={"Accept": "text/csv"})
    assert answer.headers["Content-Type"] == "application/json"
    assert (await face.get("/api/v1/inventory?format=csv")).status == 400


@pytest.mark.parametrize(
    ("chosen", "accept", "is_csv"),
    [
        (None, "", False),
        (None, "*/*", False),
        (None, "application/json", False),
        (None, "text/csv", True),
        (None, "TEXT/CSV; charset=utf-8", True),
        (None, "text/csv, */*", True),
        (None, "text/csv, application/json", False),
        (None, "text/csv;q=0.9, application/json;q=0.8", True),
        (None, "text/csv;q=0.1, */*", False),
        (None, "text/csv;q=0", False),
        (None, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        (None, "text/csv;q=many", False),
        ("csv", "application/json", True),
        ("json", "text/csv", False),
    ],
)
def test_the_form_is_the_one_that_was_asked_for(chosen: str | None, accept: str, is_csv: bool) -> None:
    assert wants_csv(chosen, accept) is is_csv


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_no_text_is_a_formula(start: str) -> None:
    [[cell]] = csv.reader(io.StringIO(lines_of(Word, [Word(word=f"{start}HYPERLINK(1)")]), newline=""))
    assert cell == f"'{start}HYPERLINK(1)"


def test_a_negative_number_stays_a_number(face: Face) -> None:
    class Change(Shape):
        quantity: int

    assert lines_of(Change, [Change(quantity=-3)]) == "-3\r\n"


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), min_size=1))
def test_any_text_is_read_back_as_it_is(words: list[str]) -> None:
    lines = lines_of(Word, [Word(word=word) for word in words])
    read = [cell for [cell] in csv.reader(io.StringIO(lines, newline=""))]
    assert [cell.removeprefix("'") for cell in read] == [word.removeprefix("'") for word in words]
    assert all(not cell.startswith(FORMULA_STARTS) for cell in read)


async def test_a_region_with_a_comma_and_quotes_is_one_cell(face: Face) -> None:
    face.reports.answers["regions"] = Page((replace(EU_NORTH, region='north, "far"'),))
    assert rows_of((await face.get(f"{PATH}/regions?format=csv")).raw)[0]["region"] == 'north, "far"'
    assert str(WAREHOUSE) in (await face.get(f"{PATH}/regions/x?format=csv")).raw.decode()
