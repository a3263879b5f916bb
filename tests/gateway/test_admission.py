"""How many holds are let in: fewer while work is slow, more again when it is quick, never none."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Saturated
from gateway import admission
from gateway.admission import LIMIT_MIN, Admission

SLOW, QUICK = 2.0, 0.1


@contextmanager
def crowded(gate: Admission, count: int) -> Iterator[None]:
    """So much in work at once."""
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(gate.settling())
        yield


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Admission:
    """A gate for 100 holds that expects them within a second; every slow one counts as an episode of its own."""
    monkeypatch.setattr(admission, "DECREASE_PAUSE_SECONDS", -1.0)
    return Admission(in_work_max=100, target_seconds=1.0)


async def test_as_many_pass_as_the_limit_says_and_the_next_is_sent_away_at_once() -> None:
    gate = Admission(in_work_max=2, target_seconds=1.0)
    with gate.hold(), gate.hold(), pytest.raises(Saturated) as refusal, gate.hold():
        pass
    assert refusal.value.retry_after_seconds == pytest.approx(1)
    with gate.hold():
        pass


async def test_one_that_fails_or_is_given_up_makes_room_again() -> None:
    gate = Admission(in_work_max=1, target_seconds=1.0)
    with pytest.raises(ValueError, match="broken"), gate.hold():
        raise ValueError("broken")

    async def wait() -> None:
        with gate.hold():
            await asyncio.Future()

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    with gate.hold():
        pass


def test_a_crowd_that_is_sent_away_is_told_to_come_back_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, now = Admission(in_work_max=1, target_seconds=1.0), time.monotonic()
    monkeypatch.setattr(admission.time, "monotonic", lambda: now)
    told: list[float] = []
    with gate.settling():
        for _ in range(10_000):
            with pytest.raises(Saturated) as refusal:
                gate.check()
            told.append(refusal.value.retry_after_seconds or 0)
        assert told[:3] == pytest.approx([1.0, 1.01, 1.02], abs=1e-3)
        assert max(told) == pytest.approx(admission.RETURN_SECONDS_MAX)
        now += 60
        with pytest.raises(Saturated) as later:
            gate.check()
        assert later.value.retry_after_seconds == pytest.approx(1)


def test_commits_and_cancels_always_pass_and_leave_no_room_for_holds() -> None:
    gate = Admission(in_work_max=2, target_seconds=1.0)
    with gate.settling(), gate.settling(), gate.settling(), pytest.raises(Saturated):
        gate.check()
    gate.check()


def test_no_more_wait_for_others_than_may_work_and_they_take_no_room_from_a_hold() -> None:
    gate = Admission(in_work_max=2, target_seconds=1.0)
    with gate.waiting(), gate.waiting():
        with pytest.raises(Saturated) as refusal, gate.waiting():
            pass
        assert refusal.value.retry_after_seconds == pytest.approx(1)
        with gate.hold():
            pass
    with gate.waiting():
        pass


def test_slow_work_leaves_less_room_for_new_holds(gate: Admission) -> None:
    with crowded(gate, 100):
        gate.observe(SLOW)
        assert gate.limit == 80
        gate.observe(SLOW)
        assert gate.limit == 64


def test_a_limit_that_was_never_met_shrinks_to_what_was_in_work(gate: Admission) -> None:
    with crowded(gate, 20):
        gate.observe(SLOW)
        assert gate.limit == 16
        with pytest.raises(Saturated):
            gate.check()


def test_what_is_slow_counts_before_it_is_done(gate: Admission, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.perf_counter()
    monkeypatch.setattr(admission.time, "perf_counter", lambda: now)
    with crowded(gate, 20):
        gate.check()
        assert gate.limit == 100
        now += SLOW
        with pytest.raises(Saturated):
            gate.check()
        assert gate.limit == 16


def test_quick_ones_win_it_back_step_by_step(gate: Admission) -> None:
    with crowded(gate, 100):
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


def test_one_episode_of_slowness_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, now = Admission(in_work_max=100, target_seconds=1.0), time.monotonic()
    monkeypatch.setattr(admission.time, "monotonic", lambda: now)
    with crowded(gate, 100):
        for _ in range(50):
            gate.observe(SLOW)
        assert gate.limit == 80
        now += 2 * admission.DECREASE_PAUSE_SECONDS
        gate.observe(SLOW)
        assert gate.limit == 64


def test_holds_commits_and_cancels_are_observed_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "DECREASE_PAUSE_SECONDS", -1.0)
    for work in (Admission.hold, Admission.settling):
        gate = Admission(in_work_max=100, target_seconds=0.0)
        with work(gate):
            pass
        assert gate.limit < 100


@given(st.lists(st.floats(min_value=0, max_value=100)), st.integers(min_value=1, max_value=50))
def test_the_limit_stays_between_its_bounds(durations_seconds: list[float], in_work_max: int) -> None:
    gate = Admission(in_work_max=in_work_max, target_seconds=1.0)
    for seconds in durations_seconds:
        gate.observe(seconds)
        assert min(LIMIT_MIN, in_work_max) <= gate.limit <= in_work_max
