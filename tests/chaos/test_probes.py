from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from tests.chaos import probes
from tests.chaos.probes import recovery

BEAT_SECONDS = 0.02


def a_service(outcomes: Callable[[int], bool]) -> probes.Probe:
    asked = iter(range(1000))

    async def probe() -> bool:
        return outcomes(next(asked))

    return probe


async def test_a_service_that_never_stopped_has_no_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "PROMPT_SECONDS", probes.WAIT_SECONDS_MAX)  # a machine that stood still is no outage
    found = await recovery(a_service(lambda _: True), BEAT_SECONDS, time.monotonic())
    assert not found.was_interrupted
    assert found.outage_seconds == 0


async def test_one_good_answer_between_bad_ones_is_no_recovery() -> None:
    begun = time.monotonic()
    found = await recovery(a_service(lambda number: number in {0, 1} or number >= 3), BEAT_SECONDS, begun)
    assert found.was_interrupted
    assert found.seconds is not None
    assert found.outage_seconds == found.seconds > 2 * BEAT_SECONDS


async def test_a_probe_that_hangs_holds_none_up_and_counts_as_an_interruption() -> None:
    asked = iter(range(1000))

    async def probe() -> bool:
        if next(asked) == 0:
            await asyncio.Event().wait()
        return True

    found = await recovery(probe, BEAT_SECONDS, time.monotonic())
    assert found.was_interrupted
    assert found.seconds is not None


async def test_a_service_that_stays_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "WAIT_SECONDS_MAX", 0.1)

    async def probe() -> bool:
        raise ConnectionRefusedError

    found = await recovery(probe, BEAT_SECONDS, time.monotonic())
    assert found.seconds is None
    assert found.outage_seconds == probes.WAIT_SECONDS_MAX
