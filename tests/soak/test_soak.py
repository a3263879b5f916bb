"""The soak's own reckoning: rates by tenth, who is cold, what is wrong in the end, what misses its budget."""

from __future__ import annotations

import json
import uuid

import pytest

from runtime.settings import Settings
from tests.soak.drain import News, Sale
from tests.soak.figures import moments_of, percentile, rates_by_tenth
from tests.soak.found import Plan, Row, Soak
from tests.soak.herd import Commits, Herd, choose
from tests.soak.report import Figure, as_json, as_text
from tests.soak.shop import AMPLE, SCARCE, Held
from tests.soak.verdict import wrong_ends
from tests.soak.watching import Watch

DUE_AT = 1_000.0


def _herd(count: int) -> Herd:
    skus = [*SCARCE, *AMPLE * (count // len(AMPLE) + 1)][:count]
    return Herd(DUE_AT, [Held(uuid.UUID(int=number), sku, 0.0, 0.01, DUE_AT) for number, sku in enumerate(skus)])


def test_rates_tell_each_tenth_by_itself() -> None:
    steady = [number / 10 for number in range(1, 101)]
    assert rates_by_tenth(steady, begin=0.0) == pytest.approx([10.0] * 10)
    collapsing = [*steady[:90], *(9.0 + number for number in range(1, 11))]
    assert rates_by_tenth(collapsing, begin=0.0)[-2:] == pytest.approx([10.0, 1.0])
    assert rates_by_tenth([], begin=0.0) == []


def test_what_went_between_two_looks_went_evenly() -> None:
    assert moments_of([(0.0, 4), (1.0, 4), (2.0, 2), (3.0, 3)]) == [1.5, 2.0]


def test_a_percentile_is_one_of_the_values() -> None:
    assert [percentile([3.0, 1.0, 2.0], share) for share in (0.0, 0.5, 0.95)] == [1.0, 2.0, 3.0]
    assert percentile([], 0.5) == 0.0


def test_cold_ones_are_older_than_any_cache_and_warm_ones_are_in_it() -> None:
    herd = _herd(1_000)
    place = {held.reservation_id: number for number, held in enumerate(herd.held)}
    cold, warm = choose(herd, 50, cached=200, seed=7)
    assert len(cold) == len(warm) == 50
    assert max(place[held.reservation_id] for held in cold) < 800
    assert min(place[held.reservation_id] for held in warm) >= 900
    assert not {held.sku for held in cold} & set(SCARCE)


@pytest.fixture
def ended_well() -> Soak:
    """Four reservations: one paid cold, one warm, two expired and told."""
    herd = _herd(4)
    paid, expired = herd.held[:2], herd.held[2:]
    rows = [Row(str(held.reservation_id), "COMMITTED", DUE_AT, None) for held in paid]
    rows += [Row(str(held.reservation_id), "EXPIRED", DUE_AT, DUE_AT + 3) for held in expired]
    news = News({str(held.reservation_id): DUE_AT + 3 for held in expired})
    return Soak(Plan(4, 1, 7), herd, cold=Commits(paid[:1]), warm=Commits(paid[1:]), news=news, rows=rows)


def test_a_herd_that_ended_as_its_customers_were_told_has_nothing_wrong(ended_well: Soak) -> None:
    assert wrong_ends(ended_well) == []


@pytest.mark.parametrize("flaw", ["sale lost", "reservation lost", "row from nowhere", "nobody told", "sale released"])
def test_an_end_that_is_not_what_was_told_is_wrong(ended_well: Soak, flaw: str) -> None:
    rows, seen, paid = ended_well.rows, ended_well.news.seen_at, ended_well.rows[0].reservation_id
    if flaw == "sale lost":
        rows[0] = Row(paid, "EXPIRED", DUE_AT, DUE_AT)
        seen[paid] = DUE_AT
    elif flaw == "reservation lost":
        seen.pop(rows.pop().reservation_id)
    elif flaw == "row from nowhere":
        rows.append(Row(str(uuid.uuid4()), "PENDING", DUE_AT, None))
    elif flaw == "nobody told":
        seen.pop(rows[-1].reservation_id)
    else:
        seen[paid] = DUE_AT
    assert wrong_ends(ended_well)


def test_the_report_tells_what_was_wrong_what_was_missed_and_the_memory(ended_well: Soak) -> None:
    ended_well.herd.answered_at = [900.0, 901.0, 902.0, 903.0]
    ended_well.herd.begun_at = 899.0
    ended_well.closed_at = DUE_AT + 4
    ended_well.watch = Watch({"serve": 1}, {"temporal": 2})
    ended_well.watch.memory = [(898.0, {"serve": 100.0, "temporal": 50.0}), (950.0, {"serve": 700.0, "temporal": 90.0})]
    ended_well.watch.workflows = [(DUE_AT - 1, 2), (DUE_AT + 2, 1), (DUE_AT + 4, 0)]
    ended_well.wrong = ["something was lost"]
    asked = {-5: 0.3, 3: 0.4, 12: 0.02, 30: 0.03}
    ended_well.sales = [Sale(DUE_AT + at, seconds, 0.1) for at, seconds in asked.items()]
    told = as_json(ended_well, Settings())
    text = as_text(told)
    assert "something was lost" in text
    missed = [line for line in text.splitlines() if line.endswith("MISSED")]
    assert [line.split("  ")[0] for line in missed] == ["memory of serve, most"]
    assert [it["p95Ms"] for it in told["newHoldsAfterDeadline"]] == [400.0, 20.0, 30.0]
    assert told["memoryMiB"]["start"] == {"serve": 100, "temporal": 50}
    assert json.loads(json.dumps(told)) == told


def test_a_figure_misses_its_budget_on_either_side_and_none_without_one() -> None:
    assert Figure("slow", 101.0, "ms", most=100.0).is_missed
    assert not Figure("quick", 100.0, "ms", most=100.0).is_missed
    assert Figure("few", 9.0, "", least=10.0).is_missed
    assert not Figure("any", 9.0, "").is_missed
