"""What all rules of the day share: an aisle and its books, what a step has touched, and the comparison after it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

from hypothesis import stateful
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition

from tests.acceptance.shop_day.books import Books, Hold, Request, Shelf
from tests.acceptance.shop_day.floor import Answer, Person, same
from tests.acceptance.shop_day.proof import Extent, violations_in
from tests.acceptance.shop_day.shop import Shop, quantities_in, quantities_of

T = TypeVar("T")

HOLD_SECONDS = 100_000
"""Longer than any day of ours, where a rule does not say otherwise."""


class Day(RuleBasedStateMachine):
    """One run in an aisle of its own. Rules say what they touched; `must_agree` looks at it after each step."""

    def __init__(self, shop: Shop) -> None:
        super().__init__()
        self.shop = shop
        self.floor = shop.floor
        self.books: Books = shop.enter()
        self.touched: list[Shelf | Hold | Request] = []

    def ask(self, person: Person, method: str, path: str, body: Any = None, **how: Any) -> Answer:
        """One request; see Floor.ask."""
        return self.floor.ask(person, method, path, body, **how)

    def touch(self, *things: Shelf | Hold | Request) -> None:
        """These may have changed, or must not have."""
        self.touched += things

    @invariant()
    def must_agree(self) -> None:
        """What the step touched is as the books say, over REST; and the invariants hold in the aisle."""
        touched = list(dict.fromkeys(self.touched))
        self.touched.clear()
        with self.shop.timed("(comparing)"):
            self._compare(touched)

    def _compare(self, touched: Sequence[Shelf | Hold | Request]) -> None:
        for thing in touched:
            if isinstance(thing, Hold):
                self._compare_hold(thing)
            elif isinstance(thing, Request):
                self._compare_request(thing)
        for sku in dict.fromkeys(it.sku for thing in touched for it in shelves_of(thing)):
            self._compare_sku(sku)
        if touched:
            assert self.floor.run(violations_in(self.floor.database, self._extent())) == []

    def teardown(self) -> None:
        """At the end of a run the whole aisle is compared, with its ledgers and its news; and every invariant holds."""
        if sys.exception() is not None:  # a step failed, and says why
            self.shop.leave_in_doubt(self.books)
            return
        with self.shop.timed("(comparing the aisle)"):
            self.touch(*self.books.shelves, *self.books.holds, *self.books.requests)
            self.must_agree()
            for shelf in self.books.shelves:
                self._compare_ledger(shelf)
            self._compare_news()
            assert self.shop.violations() == []

    def _compare_sku(self, sku: str) -> None:
        rows = self.floor.pages(f"/inventory/sku/{sku}")
        seen = {row["inventoryId"]: (quantities_of(row), row["reorderPoint"]) for row in rows}
        kept = {shelf.inventory_id: (quantities_in(shelf), shelf.reorder_point) for shelf in self.books.kept(sku)}
        same(seen, kept)
        told = sorted(
            (it["subjectId"], it["kind"], it["status"], it["resolution"] or "")
            for it in self.floor.pages("/alerts", sku=sku, pageSize=200)
        )
        assert told == sorted(
            (shelf.inventory_id, alert.kind, alert.status, alert.resolution or "")
            for shelf in self.books.shelves
            if shelf.sku == sku
            for alert in shelf.alerts
        )

    def _compare_hold(self, hold: Hold) -> None:
        check_hold(self.floor.look(f"/reservations/{hold.reservation_id}"), hold)

    def _compare_request(self, request: Request) -> None:
        seen = self.floor.look(f"/adjustments/{request.adjustment_id}")
        said = (seen["status"], seen["delta"], seen["type"], seen["requestedByName"], seen["decidedByName"])
        assert said == (request.status, request.delta, request.type, request.asked_by, request.decided_by)
        assert seen["inventoryId"] == request.shelf.inventory_id

    def _compare_ledger(self, shelf: Shelf) -> None:
        if shelf.is_retired:
            return
        lines = self.floor.pages(f"/inventory/{shelf.inventory_id}/movements", pageSize=200)
        seen = [(it["type"], it["quantity"], it["totalAfter"], it["reference"]) for it in reversed(lines)]
        same(seen, [(it.type, it.pieces, it.total_after, it.reference) for it in shelf.ledger], shelf)

    def _compare_news(self) -> None:
        """Every change was told once, in order, with its numbers; every crossing; every step of a reservation."""
        of_row = {shelf.inventory_id: shelf for shelf in self.books.shelves}
        count = sum(len(shelf.steps) for shelf in of_row.values())
        updates = self.floor.heard(
            lambda it: it.type == "inventory.stock_updated" and it.body["inventoryId"] in of_row, count
        )
        for inventory_id, shelf in of_row.items():
            told = sorted(
                (it.body["sequence"], it.body["oldTotal"], it.body["newTotal"], it.body["reserved"])
                for it in updates
                if it.body["inventoryId"] == inventory_id
            )
            steps = [(n, it.total_before, it.total, it.reserved) for n, it in enumerate(shelf.steps, 1)]
            same(told, steps, shelf)
        self._compare_crossings(of_row)
        self._compare_orders()

    def _compare_crossings(self, of_row: dict[str, Shelf]) -> None:
        kinds = ("inventory.low_stock", "inventory.out_of_stock")
        count = sum(len(shelf.crossings) for shelf in of_row.values())
        told = self.floor.heard(lambda it: it.type in kinds and it.body["inventoryId"] in of_row, count)
        seen = sorted((it.body["inventoryId"], it.type) for it in told)
        assert seen == sorted((it, f"inventory.{kind}") for it, shelf in of_row.items() for kind in shelf.crossings)

    def _compare_orders(self) -> None:
        of_hold = {hold.reservation_id: hold for hold in self.books.holds}
        told = self.floor.heard(
            lambda it: it.body.get("reservationId") in of_hold and it.type != "inventory.commit_refused",
            sum(len(hold.news) for hold in of_hold.values()),
        )
        for reservation_id, hold in of_hold.items():
            own = sorted((it.body["sequence"], it.type) for it in told if it.body["reservationId"] == reservation_id)
            same(own, list(enumerate(hold.news, 1)), hold)

    def _extent(self) -> Extent:
        books = self.books
        works = (*(hold.reservation_id for hold in books.holds), *books.adjustments)
        return Extent([shelf.inventory_id for shelf in books.shelves], works)


def check_hold(seen: dict[str, Any], hold: Hold) -> None:
    """A reservation as the service tells it against the books."""
    lines = {it["inventoryId"]: (it["quantity"], it.get("quantityReturned", 0)) for it in seen["lines"]}
    assert lines == {shelf.inventory_id: (pieces, hold.returned.get(shelf, 0)) for shelf, pieces in hold.lines.items()}
    said = (seen["status"], seen["orderId"], seen["releaseReason"], seen["extendsCount"])
    assert said == (hold.status, hold.order_id, hold.release_reason, hold.extends)
    assert (seen["returnedAt"] is not None) == hold.is_whole
    check_shortages(seen.get("shortages", []), hold.shortages)


def check_shortages(told: Sequence[dict[str, Any]], right: Any) -> None:
    """Shortages as the service tells them against the right ones."""
    assert {it["sku"]: (it["requested"], it["available"]) for it in told} == dict(right)
    assert len(told) == len(right)


def shelves_of(thing: Shelf | Hold | Request) -> list[Shelf]:
    """The shelves that something is about."""
    if isinstance(thing, Hold):
        return list(thing.lines)
    return [thing.shelf] if isinstance(thing, Request) else [thing]


def rule(**strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Any]:
    """Hypothesis's own, with a count of what is run and how long it takes."""

    def make(function: Callable[..., None]) -> Any:
        @wraps(function)
        def counted(day: Day, **given: Any) -> None:
            with day.shop.timed(function.__name__):
                function(day, **given)

        return stateful.rule(**strategies)(counted)

    return make


def one_of(candidates: Callable[[Any], Sequence[T]]) -> st.SearchStrategy[T]:
    """One of what there is at this moment; `there_are` the precondition that goes with it."""
    return st.runner().flatmap(lambda day: st.sampled_from(candidates(day)))


def there_are(candidates: Callable[[Any], Sequence[T]]) -> Callable[[Any], Any]:
    """Only while there are any."""
    return precondition(lambda day: bool(candidates(day)))


def pending(day: Day) -> list[Hold]:
    """Holds that are not settled."""
    return [hold for hold in day.books.holds if hold.status == "PENDING"]


def settled(day: Day) -> list[Hold]:
    """Those that are."""
    return [hold for hold in day.books.holds if hold.status != "PENDING"]


def sold(day: Day) -> list[Hold]:
    """Sales of which something is still out."""
    return [hold for hold in day.books.holds if hold.status == "COMMITTED" and not hold.is_whole]


def kept(day: Day) -> list[Shelf]:
    """Shelves in use."""
    return day.books.kept()
