from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from runtime.crowd import CROWD_SECONDS, CROWDS_KEPT_MAX, LATE_SECONDS_MAX, Crowd

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def test_the_first_of_a_crowd_wake_on_time_and_the_others_one_after_the_other() -> None:
    crowd = Crowd(wakes_per_second=1)
    late = [crowd.late_seconds(NOON + timedelta(milliseconds=number)) for number in range(3 * CROWD_SECONDS)]
    assert late[:CROWD_SECONDS] == [0.0] * CROWD_SECONDS
    assert late[CROWD_SECONDS:] == pytest.approx([float(number) for number in range(1, 2 * CROWD_SECONDS + 1)])


def test_a_herd_of_some_seconds_is_one_crowd() -> None:
    crowd = Crowd(wakes_per_second=1)
    for number in range(CROWD_SECONDS):
        assert crowd.late_seconds(NOON + timedelta(seconds=number)) == 0.0
    assert crowd.late_seconds(NOON + timedelta(seconds=CROWD_SECONDS - 1)) == 1.0
    assert crowd.late_seconds(NOON - timedelta(seconds=CROWD_SECONDS - 1)) == 2.0


def test_deadlines_that_go_on_and_on_are_no_crowd() -> None:
    crowd = Crowd(wakes_per_second=2)
    assert {crowd.late_seconds(NOON + timedelta(seconds=number)) for number in range(1_000)} == {0.0}


def test_who_is_due_at_another_time_is_no_part_of_the_crowd() -> None:
    crowd = Crowd(wakes_per_second=1)
    assert [crowd.late_seconds(NOON) for _ in range(CROWD_SECONDS + 1)][-1] == 1.0
    assert crowd.late_seconds(NOON + timedelta(seconds=CROWD_SECONDS)) == 0.0


def test_nobody_sleeps_for_longer_than_an_hour() -> None:
    crowd = Crowd(wakes_per_second=1)
    assert max(crowd.late_seconds(NOON) for _ in range(5_000)) == LATE_SECONDS_MAX


def test_no_more_crowds_are_kept_than_it_may() -> None:
    crowd = Crowd(wakes_per_second=1)
    for number in range(CROWDS_KEPT_MAX + 100):
        crowd.late_seconds(NOON + timedelta(seconds=number * CROWD_SECONDS))
    assert len(crowd._crowds) == CROWDS_KEPT_MAX
