"""What a reservation was asked for, as a fingerprint, and why its stock is where it is when nothing was kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.allocation_terms import Strategy
from domain.destinations import Destination
from domain.distance import Coordinates
from domain.explanations import Explanation, Reason
from domain.reservations import Item, Line, Reservation, ReservationStatus, fingerprint

TEA = Item(sku="A", quantity=2)
BOUND = Item(inventory_id=UUID(int=1), quantity=1, warehouse_id=UUID(int=2))
PRODUCT = Item(product_id=UUID(int=3), variant_id=UUID(int=4), quantity=7)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_fingerprints_of_reservations_without_strategy_and_destination_stay_as_they_were() -> None:
    """Rows hold these: another digest would refuse the repeat of a request that was answered before an update."""
    plain = fingerprint("order-1", [TEA, BOUND], 900)
    assert plain == "c0163fae53afb7be160992fbba7b9fd8e93000dac4e6b855248d6bfe72151129"
    assert fingerprint("order-1", [TEA, BOUND], 900, strategy=Strategy.BALANCED, destination=None) == plain
    regional = fingerprint("order-1", [PRODUCT], None, region="eu", allow_split=False)
    assert regional == "145ec17c01e768d8a7ec758d5869d75af78303be298912600c606c3ab29e5cfd"


def test_everything_that_was_asked_for_tells_one_request_from_another() -> None:
    point = Destination(point=Coordinates(1, 2))
    asked = [
        fingerprint("o", [TEA], 900),
        fingerprint("o", [TEA], 900, strategy=Strategy.NEAREST),
        fingerprint("o", [TEA], 900, destination=point),
        fingerprint("o", [TEA], 900, strategy=Strategy.NEAREST, destination=point),
        fingerprint("o", [TEA], 900, destination=Destination(point=Coordinates(1, 3))),
        fingerprint("o", [TEA], 900, destination=Destination(country="DE")),
        fingerprint("o", [TEA], 900, destination=Destination(region="DE")),
        fingerprint("o", [TEA], 900, region="DE"),
        fingerprint("o", [replace(TEA, preferred_warehouse_id=UUID(int=2))], 900),
        fingerprint("o", [replace(TEA, warehouse_id=UUID(int=2))], 900),
    ]
    assert len(set(asked)) == len(asked)


def test_the_order_of_the_items_does_not_matter() -> None:
    preferring = replace(TEA, preferred_warehouse_id=UUID(int=2))
    assert fingerprint("o", [TEA, preferring], 1) == fingerprint("o", [preferring, TEA], 1)


@pytest.mark.parametrize(
    "lines", [(), (Line(inventory_id=UUID(int=1), warehouse_id=UUID(int=2), sku="A", quantity=3),)]
)
def test_without_a_kept_explanation_every_line_came_from_the_only_candidate(lines: tuple[Line, ...]) -> None:
    held = Reservation(
        reservation_id=UUID(int=9),
        order_id="o",
        status=ReservationStatus.PENDING,
        lines=lines,
        shortages=(),
        fingerprint="",
        release_reason=None,
        extends_count=0,
        sequence=1,
        reserved_at=NOON,
        expires_at=NOON,
        committed_at=None,
        cancelled_at=None,
        expired_at=None,
        returned_at=None,
        created_at=NOON,
        updated_at=NOON,
    )
    told = held.allocation
    assert [(it.inventory_id, it.warehouse_id, it.sku, it.quantity) for it in told.allocated] == [
        (line.inventory_id, line.warehouse_id, line.sku, line.quantity) for line in lines
    ]
    assert all((it.reasons, it.distance_km) == ((Reason.ONLY_CANDIDATE,), None) for it in told.allocated)
    assert told == Explanation(allocated=told.allocated)
    kept = Explanation(allocated=(), strategy=Strategy.NEAREST)
    assert replace(held, explanation=kept).allocation is kept
