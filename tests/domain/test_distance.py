"""Distances and middles on the globe."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.distance import EARTH_RADIUS_KM, Coordinates, centre, distance_km

BERLIN = Coordinates(52.5200, 13.4050)
NEW_YORK = Coordinates(40.7128, -74.0060)
degrees = st.builds(Coordinates, st.floats(-90, 90), st.floats(-180, 180))


def test_a_known_distance() -> None:
    """6 385 km between Berlin and New York, as every great-circle calculator says."""
    assert distance_km(BERLIN, NEW_YORK) == pytest.approx(6385, abs=5)


def test_the_other_side_of_the_earth_is_half_way_round() -> None:
    assert distance_km(Coordinates(0, 0), Coordinates(0, 180)) == pytest.approx(math.pi * EARTH_RADIUS_KM)


@given(degrees, degrees)
def test_a_distance_is_the_same_both_ways_and_never_more_than_half_way_round(a: Coordinates, b: Coordinates) -> None:
    assert distance_km(a, b) == pytest.approx(distance_km(b, a))
    assert 0 <= distance_km(a, b) <= math.pi * EARTH_RADIUS_KM + 1e-6


@given(degrees)
def test_nothing_is_far_from_itself(point: Coordinates) -> None:
    assert distance_km(point, point) == 0


def test_the_middle_of_nothing_is_nowhere() -> None:
    assert centre([]) is None


def test_the_middle_of_one_is_itself() -> None:
    assert distance_km(BERLIN, _middle(BERLIN)) == pytest.approx(0, abs=1e-6)


def test_the_middle_of_two_is_half_way_across_the_date_line_too() -> None:
    east, west = Coordinates(0, 179), Coordinates(0, -179)
    assert distance_km(_middle(east, west), Coordinates(0, 180)) == pytest.approx(0, abs=1e-6)


def test_the_middle_around_the_pole_is_the_pole() -> None:
    around = [Coordinates(80, longitude) for longitude in (0, 90, 180, -90)]
    assert _middle(*around).latitude == pytest.approx(90)


def test_opposite_points_have_no_middle() -> None:
    assert centre([Coordinates(0, 0), Coordinates(0, 180)]) is None
    assert centre([Coordinates(90, 0), Coordinates(-90, 0)]) is None


@given(degrees, degrees)
def test_the_middle_of_two_is_equally_far_from_both(a: Coordinates, b: Coordinates) -> None:
    assume(distance_km(a, b) < 0.99 * math.pi * EARTH_RADIUS_KM)
    middle = _middle(a, b)
    assert distance_km(a, middle) == pytest.approx(distance_km(middle, b), abs=1e-3)
    assert distance_km(a, middle) == pytest.approx(distance_km(a, b) / 2, abs=1e-3)


def _middle(*points: Coordinates) -> Coordinates:
    middle = centre(points)
    assert middle is not None
    return middle
