"""How many holds are let in: fewer while commits are slow, more again when they are quick, never none."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Saturated
from gateway import admission
from gateway.admission import LIMIT_MIN, Admission

SLOW, QUICK = 2.0, 0.1


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Admission:
    """A gate for 100 holds that expects them within a second; every slow one counts as an episode of its own."""
    monkeypatch.setattr(admission, "DECREASE_PAUSE_SECONDS", -1.0)
    return Admission(holds_max=100, target_seconds=1.0)


async def test_as_many_pass_as_the_limit_says_and_the_next_is_sent_away_at_once() -> None:
    gate = Admission(holds_max=2, target_seconds=1.0)
    async with gate.hold(), gate.hold():
        with pytest.raises(Saturated) as refusal:
            async with gate.hold():
                pass
    assert refusal.value.retry_after_seconds == 1
    async with gate.hold():
        pass


async def test_one_that_fails_or_is_given_up_makes_room_again() -> None:
    gate = Admission(holds_max=1, target_seconds=1.0)
    with pytest.raises(ValueError, match="broken"):
        async with gate.hold():
            raise ValueError("broken")

    async def wait() -> None:
        async with gate.hold():
            await asyncio.Future()

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    async with gate.hold():
        pass


def test_slow_commits_leave_less_room_for_new_holds(gate: Admission) -> None:
    gate.observe(SLOW)
    assert gate.limit == 80
    gate.observe(SLOW)
    assert gate.limit == 64


def test_quick_ones_win_it_back_step_by_step(gate: Admission) -> None:
    for _ in range(3):
        gate.observe(SLOW)
    before = gate.limit
    for _ in range(before):
        gate.observe(QUICK)
    assert gate.limit == before + 1 or gate.limit == before
    for _ in range(10_000):
        gate.observe(QUICK)
    assert gate.limit == 100


def test_some_holds_are_let_in_however_slow_it_is(gate: Admission) -> None:
    for _ in range(100):
        gate.observe(SLOW)
    assert gate.limit == LIMIT_MIN


def test_one_episode_of_slowness_counts_once() -> None:
    gate = Admission(holds_max=100, target_seconds=1.0)
    for _ in range(50):
        gate.observe(SLOW)
    assert gate.limit == 80


async def test_holds_themselves_are_observed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Admission(holds_max=100, target_seconds=0.0)
    begin = time.perf_counter()
    async with gate.hold():
        assert time.perf_counter() >= begin
    assert gate.limit == 80


@given(st.lists(st.floats(min_value=0, max_value=100)))
def test_the_limit_stays_between_its_bounds(durations_seconds: list[float]) -> None:
    gate = Admission(holds_max=50, target_seconds=1.0)
    for seconds in durations_seconds:
        gate.observe(seconds)
        assert LIMIT_MIN <= gate.limit <= 50
