"""CSV files as shops and spreadsheets write them, and every way in which a line can be wrong."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.fields import has_control
from domain.import_file import COLUMNS, ImportFileError, read_lines
from domain.imports import ImportLine, LineOutcome

PRODUCT = "0b8f6c1e-53f5-4c39-9d7c-3f0f6a6a2f10"
HEADER = "sku,product_id,warehouse,quantity"
GOOD = f"TEA,{PRODUCT},HAM-1,12"


def read(text: str | bytes, **options: Any) -> list[ImportLine | LineOutcome]:
    return list(read_lines(text.encode() if isinstance(text, str) else text, **options))


def problems(text: str, **options: Any) -> list[tuple[int, str | None, str]]:
    """Line, column and code of everything that is wrong."""
    wrong = [outcome for outcome in read(text, **options) if isinstance(outcome, LineOutcome)]
    return [(problem.line, problem.column, problem.code) for outcome in wrong for problem in outcome.problems]


def refusal(text: str | bytes, **options: Any) -> str:
    with pytest.raises(ImportFileError) as refused:
        read(text, **options)
    return str(refused.value)


def test_a_line_says_what_its_cells_say() -> None:
    variant = str(uuid.uuid4())
    header = "SKU, product_id ,warehouse,variant_id,quantity,reorder_point,reorder_quantity,unit_cost,currency"
    [line] = read(f"{header}\n TEA , {PRODUCT} ,HAM-1,{variant},+12,3,40,12.50,EUR\n")
    assert line == ImportLine(
        line=2,
        sku="TEA",
        product_id=uuid.UUID(PRODUCT),
        warehouse="HAM-1",
        variant_id=uuid.UUID(variant),
        quantity=12,
        reorder_point=3,
        reorder_quantity=40,
        unit_cost=Decimal("12.50"),
        currency="EUR",
    )


def test_an_empty_cell_says_nothing() -> None:
    [line] = read(f"{','.join(COLUMNS)}\nTEA,{PRODUCT},HAM-1,,,,,,\n")
    assert line == ImportLine(line=2, sku="TEA", product_id=uuid.UUID(PRODUCT), warehouse="HAM-1")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_spreadsheets_may_write_it_their_way(separator: str, ending: str, mark: bytes) -> None:
    text = ending.join([HEADER, GOOD, "", GOOD.replace("TEA", '"TEA 2"')]).replace(",", separator)
    lines = read(mark + text.encode())
    assert [(line.line, line.sku) for line in lines if isinstance(line, ImportLine)] == [(2, "TEA"), (4, "TEA 2")]


def test_a_separator_may_stand_in_a_quoted_cell() -> None:
    [line] = read(f'{HEADER}\n"TEA, green",{PRODUCT},HAM-1,1\n')
    assert isinstance(line, ImportLine)
    assert line.sku == "TEA, green"


def test_a_warehouse_may_be_given_once_for_lines_that_name_none() -> None:
    lines = read(f"sku,product_id\nTEA,{PRODUCT}\n", warehouse="HAM-1")
    named = read(f"sku,product_id,warehouse\nTEA,{PRODUCT},\nCUP,{PRODUCT},BER-1\n", warehouse="HAM-1")
    assert [line.warehouse for line in (*lines, *named) if isinstance(line, ImportLine)] == ["HAM-1", "HAM-1", "BER-1"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: the file must begin with a header"),
        ("\n\n", "line 1: the file must begin with a header"),
        ("sku,quantity\nTEA,1", "the column product_id is missing; the column warehouse is missing"),
        ("sku,product_id,ware_house\n", r"'ware_house' is not known \(is warehouse meant\?\); .*warehouse is missing"),
        ("sku,product_id,warehouse,sku\n", "the column sku is there twice"),
        (f'{HEADER}\n{GOOD}\n"TEA,{PRODUCT}', "line 3: unexpected end of data"),
    ],
)
def test_a_file_that_is_none_of_ours_is_refused_as_a_whole(text: str, said: str) -> None:
    with pytest.raises(ImportFileError, match=said):
        read(text)


def test_text_that_is_not_utf_8_is_told_by_its_line() -> None:
    assert refusal(f"{HEADER}\n{GOOD}\nCAF".encode() + b"\xe9") == "line 3: the file must be UTF-8"


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        (f",{PRODUCT},HAM-1,1", ["sku"]),
        ("TEA,,HAM-1,1", ["product_id"]),
        ("TEA,tea,HAM-1,1", ["product_id"]),
        (f"TEA,{PRODUCT},,1", ["warehouse"]),
        (f"TEA,{PRODUCT},HAM-1,1.5", ["quantity"]),
        (f"TEA,{PRODUCT},HAM-1,ten", ["quantity"]),
        (f"TEA,{PRODUCT},HAM-1,1 000", ["quantity"]),
        (f"T\x00A,{PRODUCT},HAM-1,1", ["sku"]),
        (f"TEA,{PRODUCT},HAM\x7f1,1", ["warehouse"]),
        (f"T\x1bA,{PRODUCT},\x00,x", ["sku", "warehouse", "quantity"]),
        (",tea,,ten", ["sku", "product_id", "warehouse", "quantity"]),
    ],
)
def test_every_wrong_cell_of_a_line_is_told_by_its_column(line: str, wrong: list[str]) -> None:
    told = problems(f"{HEADER}\n{GOOD}\n{line}\n")
    assert told == [(3, column, "validation_failed") for column in wrong]


@pytest.mark.parametrize("cell", ["12,50", "1e3", "EUR 5", "NaN"])
def test_an_amount_is_a_plain_decimal_number(cell: str) -> None:
    text = f"sku;product_id;warehouse;unit_cost\nTEA;{PRODUCT};HAM-1;{cell}\n"
    assert problems(text) == [(2, "unit_cost", "validation_failed")]


@pytest.mark.parametrize("line", [f"TEA,{PRODUCT},HAM-1", f"TEA,{PRODUCT},HAM-1,1,2"])
def test_a_line_has_as_many_cells_as_the_header(line: str) -> None:
    assert problems(f"{HEADER}\n{line}\n") == [(2, None, "malformed_request")]


def test_a_row_is_named_once() -> None:
    lines = [GOOD, GOOD.replace("HAM-1", "BER-1"), GOOD.replace("12", "13")]
    [wrong] = [each for each in read("\n".join([HEADER, *lines])) if isinstance(each, LineOutcome)]
    assert (wrong.line, wrong.problems[0].code) == (4, "duplicate_line")
    assert wrong.problems[0].detail == "line 2 is about TEA in HAM-1 already"


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    text = f'{HEADER}\n"TEA\nof two lines",{PRODUCT},HAM-1,1\nCUP,{PRODUCT},HAM-1,x\n'
    assert problems(text) == [(2, "sku", "validation_failed"), (4, "quantity", "validation_failed")]


@given(
    st.binary(max_size=200)
    | st.text(st.sampled_from('sku,product_id;warehouse"\n\r\x00 1é'), max_size=120).map(str.encode)
)
def test_whatever_bytes_come_are_lines_or_refused_as_a_file(content: bytes) -> None:
    try:
        lines = read(content)
    except ImportFileError:
        return
    for line in lines:
        assert not has_control(line.sku + line.warehouse) if isinstance(line, ImportLine) else line.problems
