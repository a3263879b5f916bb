"""What all rules of the day share: an aisle and its books, what a step has touched, and the comparison after it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import wraps
from typing import Any, TypeVar

from hypothesis import stateful
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition

from tests.acceptance.shop_day.books.aisle import Books
from tests.acceptance.shop_day.books.holds import Hold, Waiter
from tests.acceptance.shop_day.books.shelves import Shelf
from tests.acceptance.shop_day.books.wishes import Wanted, Wish, mistakes_in
from tests.acceptance.shop_day.floor import Answer, Person, same
from tests.acceptance.shop_day.proof import Aisle, violations_in
from tests.acceptance.shop_day.rules.comparing import Thing, compare, compare_ledger, compare_news, compare_sku, skus_of
from tests.acceptance.shop_day.shop import Shop

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
        self.touched: list[Thing] = []
        self.instants: list[tuple[str, dict[Shelf, int]]] = []

    def ask(self, person: Person, method: str, path: str, body: Any = None, **how: Any) -> Answer:
        """One request; see Floor.ask."""
        return self.floor.ask(person, method, path, body, **how)

    def touch(self, *things: Thing) -> None:
        """These may have changed, or must not have."""
        self.touched += things

    @invariant()
    def must_agree(self) -> None:
        """What the step touched is as the books say, over REST; and the invariants hold in the aisle."""
        self.serve_the_line()
        touched = list(dict.fromkeys(self.touched))
        self.touched.clear()
        if touched:
            with self.shop.timed("(comparing)"):
                self._compare(touched)
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        self.instants.append((now, {shelf: shelf.total for shelf in self.books.kept()}))

    def teardown(self) -> None:
        """At the end of a run the whole aisle is compared, with its ledgers and its news; and every invariant holds."""
        if sys.exception() is not None:  # a step failed, and says why
            self.shop.leave_in_doubt(self.books)
            return
        with self.shop.timed("(comparing the aisle)"):
            books = self.books
            works = (*books.requests, *books.transfers, *books.purchases, *books.line)
            self._compare([*books.shelves, *books.holds, *works])
            for shelf in books.kept():
                compare_ledger(self.floor, shelf)
            compare_news(self.floor, books)
            same(self.shop.violations(), [])

    def serve_the_line(self) -> None:
        """Who waits for what is free by now gets it, the first first; the books follow the service."""
        while (waiter := self.books.next_served()) is not None:
            seen = self._offered(waiter)
            lines = self.books.lines(seen["lines"])
            wish = Wish((Wanted(waiter.sku, waiter.pieces, bound=waiter.place),), region=waiter.region)
            same(mistakes_in(wish, wish.shelves(self.books.kept(), self.books.closed), lines), [], waiter)
            waiter.status, waiter.hold = "OFFERED", Hold(seen["reservationId"], waiter.order_id, lines)
            waiter.hold.hold()
            self.books.holds.append(waiter.hold)
            self.touch(waiter, waiter.hold)

    def _offered(self, waiter: Waiter) -> Any:
        """The reservation that somebody in line is offered, as soon as it is there."""

        def reservation_id() -> Any:
            return self.floor.look(f"/waitlist/{waiter.entry_id}")["reservationId"]

        return self.floor.look(f"/reservations/{self.floor.until(reservation_id, f'offered: {waiter!r}')}")

    def _compare(self, things: Sequence[Thing]) -> None:
        for thing in things:
            compare(self.floor, thing)
        for sku in dict.fromkeys(sku for thing in things for sku in skus_of(thing)):
            compare_sku(self.floor, self.books, sku)
        same(self.floor.run(violations_in(self.floor.database, Aisle(self.books.ids()))), [])


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
    """Those that are, and of which nothing is out."""
    return [hold for hold in day.books.holds if hold.status != "PENDING" and hold not in sold(day)]


def sold(day: Day) -> list[Hold]:
    """Sales of which something is still out."""
    return [hold for hold in day.books.holds if hold.status == "COMMITTED" and not hold.is_whole]


def kept(day: Day) -> list[Shelf]:
    """Shelves in use."""
    return day.books.kept()
