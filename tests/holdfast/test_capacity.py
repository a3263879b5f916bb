"""The sums of the capacity page: they follow the measured costs, and the page says what the command says."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from holdfast.capacity import Assumptions, as_table, main, measured
from holdfast.capacity.model import Costs, costs_from, needs

PAGE = Path(__file__).parents[2] / "deploy" / "CAPACITY.md"
PARTS = ("serve", "worker", "bridge", "relay", "postgres", "temporal", "broker", "cache")

COSTS = Costs(
    measured_at="2026-11-28",
    source="made up",
    machine="none",
    cpu_seconds=dict.fromkeys(PARTS, 0.006),
    idle_cores=dict.fromkeys(PARTS, 0.1),
    bridge_cpu_seconds_per_order=0.02,
    wal_bytes=4_000,
    flushes=2,
    history_events=12,
    history_bytes=6_000,
    state_transitions=8,
    kafka_events=3,
    kafka_bytes=1_500,
    bytes_per_open=50_000,
)
GIVEN = Assumptions(load_max=0.6, shard_load_max=0.1, shard_transition_seconds=0.005, open_seconds=60, events_share=0.1)


def test_needs_are_costs_times_the_rate_over_what_a_part_may_be_loaded_with() -> None:
    found = needs(COSTS, 1_000, GIVEN)
    assert found["processes"] == {"serve": 12, "worker": 12, "bridge": 4, "relay": 12}
    assert found["postgres"]["cores"] == pytest.approx(10.1)
    assert found["postgres"]["WAL in MB per second"] == pytest.approx(4)
    assert found["temporal"]["state transitions per second"] == 8_000
    assert found["temporal"]["shards"] == 512  # 8 000 × 5 ms ÷ 10 % = 400
    assert found["reservations"]["open at a time"] == 60_000
    assert found["memory"]["of open reservations in GiB"] == pytest.approx(2.79, abs=0.01)


def test_nothing_is_ever_there_once_only() -> None:
    found = needs(COSTS, 0.1, GIVEN)
    assert set(found["processes"].values()) == {2.0}
    assert found["temporal"]["shards"] == 8


def test_a_part_that_idles_near_its_limit_is_not_divided_by_nothing() -> None:
    busy = replace(COSTS, idle_cores=dict.fromkeys(PARTS, 0.9))
    assert needs(busy, 1_000, GIVEN)["processes"]["serve"] == 60


def test_a_cost_that_is_missing_is_no_zero() -> None:
    content = {name: value for name, value in asdict(COSTS).items() if name != "wal_bytes"}
    with pytest.raises(KeyError, match="wal_bytes"):
        costs_from(content)


def test_committed_costs_are_of_every_part_and_name_their_source() -> None:
    costs = measured()
    assert set(costs.cpu_seconds) == set(costs.idle_cores) == set(PARTS)
    assert "lifecycles at" in costs.source
    assert 0.001 < costs.cpu_seconds["serve"] < 0.2
    assert costs.kafka_events >= 2
    assert costs.history_events >= 8


def test_the_page_has_the_table_that_the_command_prints() -> None:
    (shown,) = re.findall(r"<!-- holdfast capacity -->\n(.*?)\n<!-- end -->", PAGE.read_text("utf-8"), re.DOTALL)
    assert shown.strip() == as_table(measured(), (1_000.0, 10_000.0), Assumptions())


def test_json_has_costs_assumptions_and_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([300.0], as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["needs"][0]["reservations"]["per second"] == 300
    assert told["assumptions"]["load_max"] == Assumptions().load_max
    assert told["costsOfOneLifecycle"]["wal_bytes"] > 0
