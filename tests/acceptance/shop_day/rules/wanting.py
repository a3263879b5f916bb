"""Strategies for what people want: few pieces or too many, of one SKU or several, from near or far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from tests.acceptance.shop_day.books.places import Place
from tests.acceptance.shop_day.books.wishes import Target, Wanted, Wish, middle

PIECES = st.one_of(st.integers(1, 4), st.integers(1, 80))
ITEMS_MAX = 4
NEAR_DEGREES = 3


@st.composite
def wishes(draw: st.DrawFn) -> Wish:
    """Any wish that is well-formed."""
    day = draw(st.runner())
    books = day.books
    strategy = draw(st.sampled_from(["balanced", "priority", "nearest", "region", "fewest_shipments"]))
    needs_target = strategy in ("nearest", "region")
    target = draw(targets(books.places) if needs_target else st.none() | targets(books.places))
    region = draw(st.sampled_from([None, None, None, *sorted({place.region for place in books.places})]))
    items = draw(st.lists(_wanted(day), min_size=1, max_size=ITEMS_MAX))
    return Wish(tuple(items), strategy, target, region, draw(st.sampled_from([True, True, False])))


@st.composite
def small_wishes(draw: st.DrawFn) -> Wish:
    """A few pieces of one SKU, from wherever they come first."""
    day = draw(st.runner())
    return Wish((Wanted(draw(st.sampled_from(_skus(day))), draw(st.integers(1, 3))),))


@st.composite
def targets(draw: st.DrawFn, places: Sequence[Place]) -> Target:
    """A point near one of the warehouses, its country or its region."""
    place = draw(st.sampled_from(places))
    match draw(st.sampled_from(["point", "country", "region"])):
        case "country":
            return Target(*middle([it for it in places if it.country == place.country]), country=place.country)
        case "region":
            return Target(*middle([it for it in places if it.region == place.region]), region=place.region)
        case _:
            north, east = draw(st.integers(-NEAR_DEGREES, NEAR_DEGREES)), draw(st.integers(-NEAR_DEGREES, NEAR_DEGREES))
            return Target(round(place.latitude + north, 4), round(place.longitude + east, 4))


@st.composite
def _wanted(draw: st.DrawFn, day: Any) -> Wanted:
    sku, pieces = draw(st.sampled_from(_skus(day))), draw(PIECES)
    place = draw(st.sampled_from([shelf.place for shelf in day.books.kept(sku)]))
    match draw(st.sampled_from(["free", "free", "bound", "preferred", "row", "product"])):
        case "bound":
            return Wanted(sku, pieces, bound=place)
        case "preferred":
            return Wanted(sku, pieces, preferred=place)
        case "row":
            return Wanted(sku, pieces, bound=place, by="row")
        case by:
            return Wanted(sku, pieces, by="product" if by == "product" else "sku")


def _skus(day: Any) -> list[str]:
    """SKUs that are kept somewhere: others are not known to a reservation."""
    return list(dict.fromkeys(shelf.sku for shelf in day.books.kept()))
