"""Where goods go: how a destination is found on the map."""

from __future__ import annotations

import pytest

from domain.destinations import Destination, Location, locate
from domain.distance import Coordinates


def test_a_point_is_where_it_is_whatever_stands_around() -> None:
    point = Coordinates(48.1, 11.6)
    place = locate(Destination(point=point), [Coordinates(0, 0)])
    assert (place.point, place.location) == (point, Location.GIVEN)
    assert not place.destination.is_area


@pytest.mark.parametrize("area", [Destination(country="DE"), Destination(region="eu-north")])
def test_an_area_is_the_centre_of_its_warehouses(area: Destination) -> None:
    place = locate(area, [Coordinates(50, 10), Coordinates(50, 10)])
    assert area.is_area
    assert place.location is Location.CENTRE
    assert place.point is not None
    assert (place.point.latitude, place.point.longitude) == (pytest.approx(50), pytest.approx(10))


def test_an_area_without_warehouses_on_the_map_is_unknown() -> None:
    place = locate(Destination(country="XX"), [])
    assert (place.point, place.location) == (None, Location.UNKNOWN)
