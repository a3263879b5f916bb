"""What a bench says about what it measured: within or not, beside which yardstick, as table, JSON and pictures."""

from __future__ import annotations

import json
import time
import xml.etree.ElementTree
from pathlib import Path

from holdfast.bench import load_curve, plots
from holdfast.bench.budgets import DBOS, DBOS_MISSING, judged
from holdfast.bench.figures import Compared, Row
from holdfast.bench.load import offer
from holdfast.bench.report import Report, machine_facts, software_facts, write_report
from tests.holdfast.bench_figures import measured, outcome


def rows(**fields: object) -> dict[str, Row]:
    return {row.name.strip(): row for row in judged(measured(**fields))}


def past_saturation(done: float, *, held: float = 0.2, settled: float = 0.4, failed: int = 0) -> dict[str, Row]:
    twice = outcome(80, done=done, held=held, settled=settled)
    twice.failed = failed
    return rows(curve={1.0: [outcome(40)], 2.0: [twice]})


def test_past_saturation_as_much_must_be_done_as_at_the_peak() -> None:
    name = "lifecycles at 2 × saturation, 80/s offered"
    assert past_saturation(done=37)[name].is_within
    assert not past_saturation(done=35)[name].is_within
    assert not past_saturation(done=37, failed=1)[name].is_within
    assert "of 800 holds 430 shed with 503" in past_saturation(done=37)[name].notes


def test_past_saturation_what_is_admitted_must_stay_quick() -> None:
    assert past_saturation(40, held=0.25)["admitted holds, p95, at 2 ×"].is_within
    assert not past_saturation(40, held=0.26)["admitted holds, p95, at 2 ×"].is_within
    assert past_saturation(40, settled=0.5)["commits, p95, at 2 ×"].is_within
    assert not past_saturation(40, settled=0.51)["commits, p95, at 2 ×"].is_within


def test_an_answer_after_a_second_is_late() -> None:
    slow = outcome(40, held=1.5)
    assert slow.late == slow.lifecycles
    assert outcome(40, held=0.9).late == 0


def test_dbos_is_a_yardstick_where_it_is_installed_and_missed_where_it_is_not() -> None:
    without = rows()
    assert DBOS_MISSING in {row.notes for row in without.values()}
    both = Compared(ours=[outcome()], eager_path=[outcome()], dbos=[outcome(held=0.005)])
    assert rows(latency=both, capacity=both)["held, 15/s, p95"].yardstick_name == DBOS


def test_a_hold_must_be_answered_in_time_and_in_twice_the_time_of_the_eager_path() -> None:
    name = "POST /reservations, 15/s, p95"
    for held, path, is_within in ((0.02, 0.01, True), (0.026, 0.02, False), (0.021, 0.01, False)):
        runs = Compared(ours=[outcome(held=held)], eager_path=[outcome(held=path)])
        assert rows(latency=runs)[name].is_within == is_within


def test_the_report_has_the_curve_the_machine_and_the_versions(tmp_path: Path) -> None:
    found = measured()
    report = Report("Bench", judged(found), 1, details={"loadCurve": load_curve.as_json(found)})
    as_json, _ = write_report(tmp_path / "bench.json", report)
    written = json.loads(as_json.read_text())
    assert [point["multiple"] for point in written["loadCurve"]] == [0.5, 1.0, 2.0]
    assert written["loadCurve"][0]["heldMs"] == {"p50": 200.0, "p95": 200.0, "p99": 200.0}
    assert written["machine"] == machine_facts()
    assert written["software"] == software_facts()


def test_the_curve_is_drawn_where_it_can_be_without_asking_anybody_for_anything(tmp_path: Path) -> None:
    drawn = plots.write(tmp_path / "bench.json", measured())
    names = ["bench-holds.svg", "bench-commits.svg", "bench-answers.svg"]
    assert [path.name for path in drawn] == (names if plots.can_draw() else [])
    for path in drawn:
        assert path.read_text().count("<script") == 0
        xml.etree.ElementTree.parse(path)


async def test_time_counts_from_when_a_request_was_due_even_if_the_load_itself_was_busy() -> None:
    waited: list[float] = []

    async def one(_number: int, due: float) -> None:
        waited.append(time.perf_counter() - due)
        if len(waited) == 1:
            time.sleep(0.2)

    await offer(2, 100, one)
    assert waited[1] > 0.15
