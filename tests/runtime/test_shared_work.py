from __future__ import annotations

import asyncio

import pytest

from runtime.shared_work import Once, SharedWork


class Work:
    """Work that waits to be let go, and counts how often it was begun."""

    def __init__(self) -> None:
        self.begun = 0
        self.may_end = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> str:
        self.begun += 1
        await self.may_end.wait()
        if self.error is not None:
            raise self.error
        return f"done {self.begun}"


@pytest.fixture
def work() -> Work:
    return Work()


async def test_work_that_two_want_is_done_once_for_both(work: Work) -> None:
    once = Once(work)
    both = asyncio.gather(once.outcome(), once.outcome())
    work.may_end.set()
    assert await both == ["done 1", "done 1"]
    assert await once.outcome() == "done 1"


async def test_who_gives_up_waiting_leaves_the_work_to_the_other(work: Work) -> None:
    once = Once(work)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(once.outcome(), 0.001)
    work.may_end.set()
    assert await once.outcome() == "done 1"


async def test_work_that_failed_is_begun_again_by_the_next_who_asks(work: Work) -> None:
    once = Once(work)
    work.may_end.set()
    work.error = OSError("away")
    with pytest.raises(OSError, match="away"):
        await once.outcome()
    work.error = None
    assert await once.outcome() == "done 2"


async def test_what_is_offered_is_taken_once_and_begun_by_nobody_before(work: Work) -> None:
    shared: SharedWork[str, str] = SharedWork(kept_seconds=60)
    offered = shared.offer("r-1", work)
    assert shared.take("r-2") is None
    assert (shared.take("r-1"), shared.take("r-1")) == (offered, None)
    assert work.begun == 0


async def test_what_nobody_takes_is_forgotten_in_time_and_a_newer_offer_is_not(work: Work) -> None:
    shared: SharedWork[str, str] = SharedWork(kept_seconds=0)
    shared.offer("r-1", work)
    newer = shared.offer("r-1", work)
    assert shared.take("r-1") is newer
    shared.offer("r-1", work)
    await asyncio.to_thread(lambda: None)
    assert len(shared) == 0
