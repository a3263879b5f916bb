from __future__ import annotations

import asyncio
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.waiting import WAIT_SECONDS_MAX
from workers.lanes import Lanes
from workers.offsets import OffsetTracker


async def test_jobs_of_one_lane_run_one_after_the_other_and_lanes_beside_each_other() -> None:
    lanes, log, gate = Lanes(jobs_at_once=4), [], asyncio.Event()

    async def job(name: str, *, waits: bool = False) -> None:
        if waits:
            await gate.wait()
        log.append(name)
        if name == "b1":
            gate.set()

    lanes.submit("a", partial(job, "a1", waits=True))
    lanes.submit("a", partial(job, "a2"))
    lanes.submit("b", partial(job, "b1"))
    done = asyncio.Event()
    lanes.submit("a", lambda: _set(done))
    await asyncio.wait_for(done.wait(), WAIT_SECONDS_MAX)
    assert log == ["b1", "a1", "a2"]
    await lanes.close()


async def _set(event: asyncio.Event) -> None:
    event.set()


async def test_no_more_jobs_than_allowed_run_at_once() -> None:
    lanes, running, most = Lanes(jobs_at_once=2), 0, 0
    done = asyncio.Event()

    async def job(last: bool) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        if last:
            done.set()

    for number in range(10):
        lanes.submit(f"lane {number}", partial(job, number == 9))
    assert len(lanes) == 10
    await asyncio.wait_for(done.wait(), WAIT_SECONDS_MAX)
    assert most == 2
    await lanes.close()


async def test_a_job_that_fails_is_heard_of() -> None:
    lanes = Lanes(jobs_at_once=1)

    async def stumble() -> None:
        raise ZeroDivisionError

    lanes.submit("a", stumble)
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(lanes.failed(), WAIT_SECONDS_MAX)
    await lanes.close()
    assert len(lanes) == 0


@given(st.permutations(range(5, 13)), st.integers(0, 8))
def test_an_offset_is_committed_when_all_before_it_are_done(order: list[int], finished: int) -> None:
    tracker = OffsetTracker()
    for offset in range(5, 13):
        tracker.take(offset)
    for offset in order[:finished]:
        tracker.finish(offset)
    first_open = min(set(range(5, 14)) - set(order[:finished]))
    assert tracker.to_commit() == (first_open if first_open > 5 else None)


def test_what_is_committed_is_not_committed_again() -> None:
    tracker = OffsetTracker()
    tracker.take(0)
    tracker.finish(0)
    tracker.committed(1)
    assert tracker.to_commit() is None
