"""Lines as people write them: summed by SKU, every wrong field told at once."""

from __future__ import annotations

import pytest

from domain.errors import Unprocessable
from domain.limits import LINES_MAX, QUANTITY_MAX
from domain.lines import pieces_by_sku


def test_a_sku_that_stands_twice_is_summed_and_the_order_is_kept() -> None:
    assert list(pieces_by_sku([("B", 2), ("A", 1), ("B", 3)]).items()) == [("B", 5), ("A", 1)]


def test_no_lines_are_no_pieces() -> None:
    assert pieces_by_sku([]) == {}


def test_every_wrong_field_is_named() -> None:
    with pytest.raises(Unprocessable) as refused:
        pieces_by_sku([("A", 0), ("", 1), ("A" * 51, QUANTITY_MAX + 1), ("A\x00", 1), ("fine", 1)])
    assert [problem["pointer"] for problem in refused.value.extra["errors"]] == [
        "/lines/0/quantity",
        "/lines/1/sku",
        "/lines/2/sku",
        "/lines/2/quantity",
        "/lines/3/sku",
    ]


def test_there_are_only_so_many_lines() -> None:
    assert pieces_by_sku([("A", QUANTITY_MAX)] * LINES_MAX) == {"A": QUANTITY_MAX * LINES_MAX}
    with pytest.raises(Unprocessable) as refused:
        pieces_by_sku([("A", 1)] * (LINES_MAX + 1))
    assert refused.value.extra["errors"][0]["pointer"] == "/lines"
