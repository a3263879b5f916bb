"""The oracle sees each kind of lie: here it is told one at a time, beside a truth that it believes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from tests.chaos import oracle
from tests.chaos.load import Claims
from tests.chaos.news import News

SENT = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
RESERVED = News(0, 0, 0, "e-1", "inventory.reserved", "r-1", 1, "o-1")
SOLD = News(0, 0, 1, "e-2", "inventory.committed", "r-1", 2, "o-1")


def a_reservation(**changes: Any) -> Any:
    news = {"inventory.reserved": 1, "inventory.committed": 1}
    row = {"id": "r-1", "order_id": "o-1", "status": "COMMITTED", "news": news, "lines": 2, "sales": 2}
    return SimpleNamespace(**{**row, **changes})


def in_outbox(news: News, **changes: Any) -> Any:
    row = {name: getattr(news, name) for name in ("event_id", "type", "stream_id", "sequence", "key")}
    return SimpleNamespace(**{**row, "sent_at": SENT, **changes})


def test_what_a_client_was_told_last_is_so() -> None:
    def broken(told: str, *rows: Any) -> list[str]:
        return list(oracle._broken_claims(rows, Claims(told={"r-1": told})))

    assert broken("COMMITTED", a_reservation()) == broken("PENDING", a_reservation()) == []
    assert broken("COMMITTED", a_reservation(status="EXPIRED"))
    assert broken("PENDING")


@pytest.mark.parametrize(
    "lie",
    [
        {"news": {"inventory.reserved": 1, "inventory.committed": 2}},
        {"news": {"inventory.reserved": 1, "inventory.committed": 1, "inventory.released": 1}},
        {"news": {"inventory.committed": 1}},
        {"sales": 4},
        {"status": "CANCELLED"},
    ],
)
def test_a_hold_is_settled_once(lie: dict[str, Any]) -> None:
    assert list(oracle._not_settled_once([a_reservation()])) == []
    assert list(oracle._not_settled_once([a_reservation(**lie)]))


def test_an_order_has_one_reservation_and_who_paid_is_served_or_told() -> None:
    paid = Claims(paid_by_event={"o-1"})
    expired, refusal = a_reservation(status="EXPIRED"), SimpleNamespace(type="inventory.commit_refused", key="o-1")
    assert list(oracle._wrong_orders([a_reservation()], paid, [])) == []
    assert list(oracle._wrong_orders([expired], paid, [refusal])) == []
    assert list(oracle._wrong_orders([expired], paid, []))
    assert list(oracle._wrong_orders([], paid, []))
    assert list(oracle._wrong_orders([a_reservation(), a_reservation(id="r-2")], Claims(), []))


def test_what_there_was_less_what_was_sold_is_there() -> None:
    rows = [SimpleNamespace(sku="S", now=7, sold=3)]
    assert list(oracle._wrong_stock(rows, {"S": 10})) == []
    assert list(oracle._wrong_stock(rows, {"S": 9}))


def test_a_change_has_one_id_and_an_id_one_change() -> None:
    outbox = [in_outbox(RESERVED), in_outbox(SOLD)]
    repeated = replace(RESERVED, offset=2)
    assert list(oracle._not_one_id_each(outbox, [RESERVED, SOLD, repeated])) == []
    for lie in (
        replace(RESERVED, offset=2, event_id="e-3"),
        replace(RESERVED, offset=2, event_id="e-2"),
        replace(RESERVED, offset=2, event_id="e-3", stream_id="r-2"),
    ):
        assert list(oracle._not_one_id_each(outbox, [RESERVED, SOLD, lie]))


def test_streams_are_in_order_but_for_repeats() -> None:
    repeated = replace(RESERVED, offset=2)
    assert list(oracle._out_of_order([RESERVED, SOLD, repeated])) == []
    assert list(oracle._out_of_order([SOLD, RESERVED]))


def test_an_event_that_was_never_read_is_excused_only_by_a_broker_that_forgot_just_then() -> None:
    def judged(*lost_at: datetime, sent_at: datetime | None = SENT) -> Any:
        evidence = oracle.Evidence({}, Claims(), [RESERVED], set(), lost_at)
        return oracle._not_read([in_outbox(RESERVED), in_outbox(SOLD, sent_at=sent_at)], evidence)

    soon, late = SENT + timedelta(seconds=1), SENT + timedelta(seconds=60)
    assert (judged(soon).inexcusable, judged(soon).excused) == ([], 1)
    assert judged().inexcusable
    assert judged(late).inexcusable
    assert judged(SENT - timedelta(seconds=2)).inexcusable
    assert judged(soon, sent_at=None).inexcusable
