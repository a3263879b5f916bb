"""The report of a check in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cluster.report import as_text, write

FIGURE = {"unit": "ms", "yardstick": None, "yardstick_name": "", "notes": ""}


def found(**phases: Any) -> dict[str, Any]:
    return {
        "measuredAt": "2026-11-28T07:00:00+00:00",
        "machine": {"cores": 2},
        "commit": "abc",
        "seconds": 120,
        "seed": 7,
        "engines": {"temporal": "Temporal Server", "kafka": "Apache Kafka"},
        "processes": ["serve", "worker"],
        "settings": {"SERVE_PROCESSES": "2"},
        "held": not any(phase["wrong"] for phase in phases.values()),
        "phases": phases,
    }


def test_what_held_stands_there_with_its_figures(tmp_path: Path) -> None:
    p95 = {"name": "POST", "ours": [3.0, 1.0, 2.0], "budget": "≤ 50 ms", "is_within": True, **FIGURE}
    written = found(acceptance={"passed": 44, "seconds": 400, "wrong": []}, bench={"figures": [p95], "wrong": []})
    write(tmp_path / "reports" / "cluster.json", written)
    assert json.loads((tmp_path / "reports" / "cluster.json").read_text("utf-8")) == written
    text = (tmp_path / "reports" / "cluster.txt").read_text("utf-8")
    assert text.startswith("Cluster check of 2026-11-28T07:00:00+00:00, commit abc, seed 7: all held\n")
    assert "  44 tests passed in 400 s\n" in text
    assert "2.0 (1.0 – 3.0) ms" in text
    assert "within ≤ 50 ms" in text


def test_what_did_not_hold_is_told_in_words_whatever_else_the_phase_has() -> None:
    text = as_text(found(bench={"wrong": ["broken off by StackError: no"]}, acceptance={"wrong": []}))
    assert "NOT ALL HELD" in text
    assert "bench: did not hold\n  WRONG broken off by StackError: no\n" in text
    assert "acceptance: held\n" in text
