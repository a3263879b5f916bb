from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from runtime.crowd import BREATH_SECONDS, CROWD_SECONDS, CROWDS_KEPT_MAX, LATE_SECONDS_MAX, Crowd

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def wakes(crowd: Crowd, *due_after_seconds: float) -> list[float]:
    """When those wake who are due so long after noon, in seconds after noon."""
    return [it + crowd.late_seconds(NOON + timedelta(seconds=it)) for it in due_after_seconds]


def test_the_first_of_a_crowd_wake_on_time_and_the_others_after_a_breath_one_after_the_other() -> None:
    found = wakes(Crowd(wakes_per_second=4), *([0.0] * 12))
    later = [BREATH_SECONDS + quarter / 4 for quarter in range(8)]
    assert found == pytest.approx([0, 0, 0, 0, *later], abs=1e-5)


def test_a_herd_of_some_seconds_is_one_crowd() -> None:
    due = [number % CROWD_SECONDS + number / 1_000 for number in range(500)]
    found = sorted(wakes(Crowd(wakes_per_second=5), *due))
    seconds = Counter(int(it + 1e-4) for it in found)
    assert set(seconds.values()) == {5}
    assert found[-1] < 100 + BREATH_SECONDS


def test_nobody_of_a_crowd_wakes_while_its_stock_is_swept() -> None:
    found = wakes(Crowd(wakes_per_second=5), *([0.0] * 500))
    assert [it for it in found if 1 <= it < BREATH_SECONDS] == []


def test_who_finds_room_at_his_own_time_is_not_late_whatever_is_before_or_behind_it() -> None:
    crowd = Crowd(wakes_per_second=2)
    assert wakes(crowd, *([0.0] * 4)) == pytest.approx([0, 0, BREATH_SECONDS, BREATH_SECONDS + 0.5])
    assert wakes(crowd, 5.0, 2.0, -3.0, 3.0) == [5, 2, -3, 3]
    assert wakes(crowd, 0.5) == pytest.approx([BREATH_SECONDS + 1])


def test_a_stream_that_is_too_quick_does_not_get_later_and_later() -> None:
    crowd = Crowd(wakes_per_second=2)
    late = [crowd.late_seconds(NOON + timedelta(seconds=number / 3)) for number in range(3_000)]
    assert BREATH_SECONDS - 1 < max(late) < BREATH_SECONDS + CROWD_SECONDS


def test_deadlines_that_go_on_and_on_are_no_crowd() -> None:
    crowd = Crowd(wakes_per_second=2)
    assert {crowd.late_seconds(NOON + timedelta(seconds=number)) for number in range(1_000)} == {0.0}


def test_who_is_due_at_another_time_is_no_part_of_the_crowd() -> None:
    crowd = Crowd(wakes_per_second=1)
    assert wakes(crowd, *([0.0] * 30))[-1] == pytest.approx(BREATH_SECONDS + 28)
    assert crowd.late_seconds(NOON + timedelta(seconds=CROWD_SECONDS)) == 0.0


def test_nobody_sleeps_for_longer_than_an_hour() -> None:
    crowd = Crowd(wakes_per_second=1)
    assert max(crowd.late_seconds(NOON) for _ in range(5_000)) == LATE_SECONDS_MAX


def test_no_more_crowds_are_kept_than_it_may() -> None:
    crowd = Crowd(wakes_per_second=1)
    for number in range(CROWDS_KEPT_MAX + 100):
        crowd.late_seconds(NOON + timedelta(seconds=number * CROWD_SECONDS))
    assert len(crowd._crowds) == CROWDS_KEPT_MAX
