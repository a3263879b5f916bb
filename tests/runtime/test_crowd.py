from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from runtime.crowd import LATE_SECONDS_MAX, SECONDS_KEPT_MAX, Crowd

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def test_the_first_of_a_second_wake_on_time_and_the_others_one_after_the_other() -> None:
    crowd = Crowd(wakes_per_second=10)
    late = [crowd.late_seconds(NOON + timedelta(milliseconds=number)) for number in range(30)]
    assert late[:10] == [0.0] * 10
    assert late[10:] == pytest.approx([number / 10 for number in range(1, 21)])


def test_who_is_due_in_another_second_is_no_part_of_the_crowd() -> None:
    crowd = Crowd(wakes_per_second=1)
    assert [crowd.late_seconds(NOON) for _ in range(2)] == [0.0, 1.0]
    assert crowd.late_seconds(NOON + timedelta(seconds=1)) == 0.0


def test_nobody_sleeps_for_longer_than_an_hour() -> None:
    crowd = Crowd(wakes_per_second=1)
    assert max(crowd.late_seconds(NOON) for _ in range(5_000)) == LATE_SECONDS_MAX


def test_no_more_seconds_are_kept_than_it_may() -> None:
    crowd = Crowd(wakes_per_second=1)
    for number in range(SECONDS_KEPT_MAX + 100):
        crowd.late_seconds(NOON + timedelta(seconds=number))
    assert len(crowd._counts) == SECONDS_KEPT_MAX
