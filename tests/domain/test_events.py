from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import Consumed, Effect, OrderReservation, Step, TooEarly, steps_for
from domain.reservations import ReservationStatus as Status

OWN = UUID(int=99)
START = datetime(2026, 1, 1, tzinfo=UTC)
DECISIONS = (Consumed.PAYMENT_SUCCESSFUL, Consumed.PAYMENT_FAILED, Consumed.ORDER_CANCELLED)


def known(number: int, status: Status, **more: bool) -> OrderReservation:
    return OrderReservation(
        reservation_id=UUID(int=number), status=status, reserved_at=START + timedelta(minutes=number), **more
    )


def effects(event: Consumed, *order: OrderReservation) -> list[tuple[Effect, int]]:
    return [(step.effect, step.reservation_id.int) for step in steps_for(event, order, own_id=OWN)]


PENDING, OVERDUE = known(1, Status.PENDING), known(2, Status.PENDING, is_overdue=True)
SOLD, RETURNED = known(3, Status.COMMITTED), known(4, Status.COMMITTED, is_returned=True)
CANCELLED, EXPIRED, REJECTED = (
    known(n, s) for n, s in ((5, Status.CANCELLED), (6, Status.EXPIRED), (7, Status.REJECTED))
)


@pytest.mark.parametrize("live", [PENDING, SOLD])
def test_a_created_order_attaches_to_what_is_held_or_sold(live: OrderReservation) -> None:
    assert effects(Consumed.ORDER_CREATED, EXPIRED, live) == []


@pytest.mark.parametrize("dead", [OVERDUE, RETURNED, CANCELLED, EXPIRED, REJECTED])
def test_a_created_order_gets_a_new_hold_where_only_dead_ones_are(dead: OrderReservation) -> None:
    assert effects(Consumed.ORDER_CREATED, dead) == [(Effect.HOLD, OWN.int)]


@pytest.mark.parametrize("status", list(Status))
def test_a_created_order_that_comes_again_repeats_its_verdict(status: Status) -> None:
    assert effects(Consumed.ORDER_CREATED, known(OWN.int, status)) == []


@pytest.mark.parametrize("event", DECISIONS)
def test_a_decision_about_nothing_is_too_early(event: Consumed) -> None:
    with pytest.raises(TooEarly):
        steps_for(event, [], own_id=OWN)


@pytest.mark.parametrize(
    ("event", "order", "expected"),
    [
        (Consumed.PAYMENT_SUCCESSFUL, [PENDING, OVERDUE], [(Effect.COMMIT, 1), (Effect.COMMIT, 2)]),
        (Consumed.PAYMENT_SUCCESSFUL, [EXPIRED, PENDING], [(Effect.COMMIT, 1)]),
        (Consumed.PAYMENT_SUCCESSFUL, [SOLD, EXPIRED], []),
        (Consumed.PAYMENT_SUCCESSFUL, [CANCELLED, REJECTED, EXPIRED], [(Effect.REFUSE, 7)]),
        (Consumed.PAYMENT_SUCCESSFUL, [RETURNED], [(Effect.REFUSE, 4)]),
        (Consumed.PAYMENT_FAILED, [PENDING, SOLD, OVERDUE], [(Effect.CANCEL, 1), (Effect.CANCEL, 2)]),
        (Consumed.PAYMENT_FAILED, [CANCELLED], []),
        (Consumed.ORDER_CANCELLED, [SOLD, PENDING], [(Effect.CANCEL, 1), (Effect.RETURN, 3)]),
        (Consumed.ORDER_CANCELLED, [RETURNED, EXPIRED, REJECTED], []),
    ],
)
def test_a_decision_means_something_else_for_each_state(
    event: Consumed, order: list[OrderReservation], expected: list[tuple[Effect, int]]
) -> None:
    assert effects(event, *order) == expected


@given(
    st.sampled_from(DECISIONS),
    st.lists(
        st.builds(
            known, st.integers(1, 50), st.sampled_from(Status), is_overdue=st.booleans(), is_returned=st.booleans()
        ),
        min_size=1,
        unique_by=lambda it: it.reservation_id,
    ),
)
def test_steps_come_in_the_order_of_ids_one_at_most_for_each_and_never_revive(
    event: Consumed, order: list[OrderReservation]
) -> None:
    steps = steps_for(event, order, own_id=OWN)
    ids = [step.reservation_id for step in steps]
    by_id = {it.reservation_id: it for it in order}
    assert ids == sorted(set(ids))
    for step in steps:
        it = by_id[step.reservation_id]
        assert it.is_open == (step.effect in {Effect.COMMIT, Effect.CANCEL})
        assert step.effect is not Effect.RETURN or it.is_sold
    assert steps == steps_for(event, order[::-1], own_id=OWN)
    if event is Consumed.PAYMENT_SUCCESSFUL and not steps:
        assert any(it.is_sold for it in order)
    assert Step(Effect.HOLD, OWN) not in steps
