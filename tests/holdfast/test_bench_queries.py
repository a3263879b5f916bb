"""Every query that is measured can be asked, and becomes a figure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from db.plans import Access
from holdfast.bench import queries
from holdfast.bench.dataset import Size, fill
from holdfast.bench.figures import Row
from holdfast.bench.query_figures import Query, is_as_it_should_be
from holdfast.bench.report import Report, write_report
from runtime.settings import Settings

SMALL = Size(warehouses=5, skus=20, movements=5_000, reservations=1_200, pending=100)


@pytest.fixture(scope="module")
async def figures(database: Settings) -> list[Row]:
    await fill(database, SMALL)
    return await queries.measure(database, SMALL, 2, lambda line: None, asked_max=3)


def test_each_query_has_a_figure_for_each_run(figures: list[Row]) -> None:
    assert len({row.name for row in figures}) == len(figures) >= 17
    for row in figures:
        assert len(row.ours.values) == 2, row.name
        assert row.ours.lowest > 0, row.name
        assert (row.is_within is None) == (row.budget == ""), row.name


def test_each_says_how_it_reached_what_it_read(figures: list[Row]) -> None:
    said = {row.name: row.notes for row in figures}
    assert "by no index" not in said["rows of a SKU, p95"]
    assert "reads whole: inventory" in said["stock by region now, p95"]
    assert [name for name, notes in said.items() if "; by " not in notes] == [
        "invariants, everything (holdfast doctor), p95"
    ]


def test_a_query_must_use_its_index_and_read_no_big_table_whole() -> None:
    async def ask() -> None: ...

    query = Query("some", ask, by=frozenset({"inventory_sku"}), whole=frozenset({"inventory"}))
    for indexes, whole, is_right in (
        ({"inventory_sku", "warehouses_pkey"}, {"warehouses", "inventory"}, True),
        ({"warehouses_pkey"}, set(), False),
        ({"inventory_sku"}, {"stock_movements"}, False),
    ):
        access = Access(frozenset(indexes), frozenset(whole))
        assert is_as_it_should_be(query, access) is is_right


def test_lists_reports_and_invariants_are_among_them(figures: list[Row]) -> None:
    for words in ("rows of a region", "ledger", "availability", "stock as of", "days of cover", "invariants"):
        assert any(words in row.name for row in figures), words


def test_the_figures_are_written_for_programs_and_for_people(figures: list[Row], tmp_path: Path) -> None:
    as_json, as_text = write_report(tmp_path / "queries.json", Report("Queries", figures, 2))
    written = json.loads(as_json.read_text())
    assert [figure["name"] for figure in written["figures"]] == [row.name for row in figures]
    spread = figures[0].ours
    assert written["figures"][0]["ours"] == list(spread.values)
    assert written["figures"][0]["median"] == spread.middle
    assert written["software"]["commit"]
    assert all(row.name in as_text.read_text() for row in figures)
