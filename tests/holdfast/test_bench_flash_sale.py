"""A flash sale is judged by what was told and what the books say; its buyers come back when they are sent away."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import Any, cast

import pytest

from holdfast.bench import flash_sale
from holdfast.bench.figures import Row
from holdfast.bench.flash_run import Books, is_exact, rows
from holdfast.bench.flash_sale import Buyers, Fates, Sale
from holdfast.bench.service_load import Shop

SALE = Sale(units=10, buyers=100)
SOLD_OUT = (409, {"code": "insufficient_stock"})
HELD = (201, {"reservationId": "r-1"})
FULL = (503, {"code": "saturated"})
UNKNOWN = (503, {"code": "outcome_unknown", "reservationId": "r-7"})
DONE = (200, {})
SILENCE = (0, {})


def fates(**counts: int) -> Fates:
    told = {"sold by REST": 8, "sold by event": 2, "refused by REST": 80, "refused by event": 10}
    return Fates(counts=Counter(told | {name.replace("_", " "): count for name, count in counts.items()}))


def books(**fields: Any) -> Books:
    exact = {"committed": 10, "left_over": 0, "sold_by_ledger": 10, "workflows": 10, "violations": []}
    return Books(**{**exact, **fields})


def test_a_sale_is_exact_when_told_and_sold_are_what_there_was() -> None:
    assert is_exact(SALE, fates(), books())


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ({}, {"committed": 11}),
        ({}, {"sold_by_ledger": 9}),
        ({}, {"left_over": 1}),
        ({}, {"violations": ["reserved"]}),
        ({"refused_by_REST": 79}, {}),
        ({"sold_by_event": 3}, {}),
    ],
)
def test_it_is_not_when_anything_differs(told: dict[str, int], kept: dict[str, Any]) -> None:
    assert not is_exact(SALE, fates(**told), books(**kept))


def test_a_workflow_for_one_who_is_refused_is_counted() -> None:
    def row_of(workflows: int) -> Row:
        return next(row for row in rows(SALE, fates(), books(workflows=workflows)) if row.name == "workflows started")

    assert row_of(10).is_within
    assert not row_of(11).is_within
    assert row_of(11).notes == "1 more than pieces, for 90 refusals"


class Till:
    """Answers in turn, and remembers what it was asked."""

    def __init__(self, *answers: tuple[int, dict[str, str]]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, Any]] = []

    async def post(self, path: str, body: Any = None) -> tuple[int, Any]:
        status, answer, _ = await self.ask(path, body)
        return status, answer

    async def ask(self, path: str, body: Any = None) -> tuple[int, Any, float]:
        self.asked.append((path, dict(body or {})))
        status, answer = self._answers.pop(0)
        if status == 0:
            raise TimeoutError
        return status, answer, 3.0


async def buying(monkeypatch: pytest.MonkeyPatch, *answers: tuple[int, dict[str, str]]) -> tuple[Till, Fates]:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(flash_sale.asyncio, "sleep", pause)
    till, found, now = Till(*answers), Fates(), time.perf_counter()
    await Buyers(cast("Shop", till), "SKU-1", found, random.Random(1), now).buy(now)
    found.told.extend(pauses)
    return till, found


async def test_who_is_sent_away_comes_back_when_he_was_told_and_pays_for_what_he_gets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    till, found = await buying(monkeypatch, FULL, FULL, HELD, DONE)
    assert (len(found.shed), len(found.held), found.counts["sold by REST"]) == (2, 1, 1)
    assert till.asked[-1][0] == "/reservations/r-1/commit"
    _, first, second, payment = found.told
    assert 3 <= first <= 4
    assert 3 <= second <= 4
    assert payment == flash_sale.PAYMENT_SECONDS


async def test_who_hears_nothing_asks_for_the_same_reservation(monkeypatch: pytest.MonkeyPatch) -> None:
    till, found = await buying(monkeypatch, SILENCE, UNKNOWN, SOLD_OUT)
    assert len({body["reservationId"] for _, body in till.asked}) == 1
    assert (found.counts["refused by REST"], found.counts["asked without an answer"]) == (1, 1)


async def test_an_answer_that_no_buyer_should_see_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    _, found = await buying(monkeypatch, (500, {"code": "broken"}))
    assert not is_exact(SALE, found, books())
    assert "unexpected answer" in found.first_failure
