"""A short storm; `python -m tests.chaos.run` makes long ones."""

from __future__ import annotations

from holdfast.processes import NAMES
from tests.chaos.storm import Weather, storm


async def test_every_process_dies_under_mixed_load_and_everything_stays_true() -> None:
    weather = Weather(
        seconds=3, seed=20261123, customers=8, kill_every_seconds=(0.5, 0.8), kills=NAMES, patience_seconds=3
    )
    outcome = await storm(weather)
    assert outcome.wrong == []
    assert set(outcome.left.values()) == {0}
    assert sum(outcome.kills.values()) >= 2
    assert outcome.statuses
