from __future__ import annotations

import asyncio
import threading

import pytest

from runtime.rendezvous import Rendezvous


async def test_the_activity_hands_its_answer_to_the_waiting_request() -> None:
    rendezvous: Rendezvous[str] = Rendezvous()
    with rendezvous.expect("r-1") as answer:
        assert rendezvous.resolve("r-1", "held")
        assert await answer == "held"
    assert len(rendezvous) == 0


async def test_an_answer_that_nobody_expects_is_dropped() -> None:
    rendezvous: Rendezvous[str] = Rendezvous()
    assert not rendezvous.resolve("r-1", "held")
    with rendezvous.expect("r-1") as answer:
        assert not answer.done()


async def test_answers_reach_only_their_own_key() -> None:
    rendezvous: Rendezvous[str] = Rendezvous()
    with rendezvous.expect("r-1") as first, rendezvous.expect("r-2") as second:
        rendezvous.resolve("r-2", "held")
        assert await second == "held"
        assert not first.done()


async def test_a_request_that_gives_up_leaves_nothing_behind() -> None:
    rendezvous: Rendezvous[str] = Rendezvous()
    with pytest.raises(TimeoutError), rendezvous.expect("r-1") as answer:
        await asyncio.wait_for(answer, 0.001)
    assert len(rendezvous) == 0
    assert not rendezvous.resolve("r-1", "held")


async def test_one_of_two_requests_giving_up_does_not_take_the_other_along() -> None:
    rendezvous: Rendezvous[str] = Rendezvous()
    with rendezvous.expect("r-1") as patient:
        with pytest.raises(TimeoutError), rendezvous.expect("r-1") as hasty:
            await asyncio.wait_for(hasty, 0.001)
        assert rendezvous.resolve("r-1", "held")
        assert await patient == "held"


async def test_two_requests_for_one_reservation_hear_the_same_answer() -> None:
    rendezvous: Rendezvous[str] = Rendezvous()
    with rendezvous.expect("r-1") as first, rendezvous.expect("r-1") as second:
        rendezvous.resolve("r-1", "held")
        assert await first == await second == "held"


async def test_a_repeated_answer_changes_nothing() -> None:
    rendezvous: Rendezvous[str] = Rendezvous()
    with rendezvous.expect("r-1") as answer:
        assert rendezvous.resolve("r-1", "held")
        assert not rendezvous.resolve("r-1", "expired")
        assert await answer == "held"


async def test_an_answer_from_another_thread_wakes_the_request() -> None:
    rendezvous: Rendezvous[str] = Rendezvous()
    with rendezvous.expect("r-1") as answer:
        thread = threading.Thread(target=rendezvous.resolve, args=("r-1", "held"))
        thread.start()
        assert await asyncio.wait_for(answer, 5) == "held"
        thread.join()


async def test_answers_racing_from_many_threads_leave_one_winner() -> None:
    rendezvous: Rendezvous[int] = Rendezvous()
    with rendezvous.expect("r-1") as answer:
        threads = [threading.Thread(target=rendezvous.resolve, args=("r-1", number)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert await asyncio.wait_for(answer, 5) in range(20)
