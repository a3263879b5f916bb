"""People who make mistakes: requests that cannot be right, that nobody may make, or that come twice."""

from __future__ import annotations

import uuid
from typing import Any

from hypothesis import strategies as st

from tests.acceptance.shop_day.books.shelves import Shelf
from tests.acceptance.shop_day.floor import ANNA, CARLA, GUS, Answer, Person, same
from tests.acceptance.shop_day.rules.day import Day, kept, one_of, rule, there_are

REMEMBERED_MAX = 20

WRONG_ORDERS: tuple[dict[str, Any] | bytes, ...] = (
    b"{",
    b"[]",
    b'{"orderId": "x", "orderId": "y", "items": []}',
    {},
    {"orderId": "x", "items": []},
    {"orderId": "", "items": [{"sku": "DAY-000-0", "quantity": 1}]},
    {"orderId": "x", "items": [{"sku": "DAY-000-0", "quantity": 0}]},
    {"orderId": "x", "items": [{"sku": "DAY-000-0", "quantity": -1}]},
    {"orderId": "x", "items": [{"sku": "DAY-000-0", "quantity": 1.5}]},
    {"orderId": "x", "items": [{"sku": "DAY-000-0", "quantity": "1"}]},
    {"orderId": "x", "items": [{"sku": "DAY-000-0", "quantity": 10**9}]},
    {"orderId": "x", "items": [{"sku": "no such thing", "quantity": 1}]},
    {"orderId": "x", "items": [{"quantity": 1}]},
    {"orderId": "x", "items": [{"sku": "DAY-000-0", "quantity": 1}], "strategy": "cheapest"},
    {"orderId": "x", "items": [{"sku": "DAY-000-0", "quantity": 1}], "strategy": "nearest"},
    {"orderId": "x", "items": [{"sku": "DAY-000-0", "quantity": 1}], "holdSeconds": 0},
    {"orderId": "x", "items": [{"sku": "DAY-000-0", "quantity": 1}], "discount": 5},
)

WRONG_CHANGES: tuple[dict[str, Any], ...] = (
    {"delta": 0, "type": "ADJUSTMENT", "reason": "none"},
    {"delta": 1, "type": "OUTBOUND", "reason": "by hand"},
    {"delta": 1, "type": "TRANSFER", "reason": "by hand"},
    {"delta": 1, "type": "ADJUSTMENT", "reason": ""},
    {"delta": True, "type": "ADJUSTMENT", "reason": "yes"},
    {"delta": 1, "reasonCode": "damage", "reason": "wrong sign"},
    {"delta": 10**7, "type": "ADJUSTMENT", "reason": "too many"},
)


class Mistaking(Day):
    """Rules of requests that change nothing."""

    def __init__(self, shop: Any) -> None:
        super().__init__(shop)
        self.said: list[tuple[Person, str, Any, str, Answer]] = []

    def ask(self, person: Person, method: str, path: str, body: Any = None, **how: Any) -> Answer:
        """One request; those that took effect or were refused by a rule may be repeated later."""
        key = uuid.uuid4().hex
        answer = super().ask(person, method, path, body, key=key, **how)
        if method == "POST" and not path.startswith("/availability"):
            self.said = [*self.said[1 - REMEMBERED_MAX :], (person, path, body, key, answer)]
        return answer

    @rule(shelf=one_of(kept), order=st.sampled_from(WRONG_ORDERS), change=st.sampled_from(WRONG_CHANGES))
    def talk_nonsense(self, shelf: Shelf, order: dict[str, Any] | bytes, change: dict[str, Any]) -> None:
        """What cannot be read or cannot be right is refused, and what does not exist is not found."""
        adjust = f"/inventory/{shelf.inventory_id}/adjust"
        for person, path, body in ((CARLA, "/reservations", order), (ANNA, adjust, change)):
            answer = self.floor.ask(person, "POST", path, body)
            assert answer.status in (400, 422), answer
        for path in ("/inventory", "/reservations", "/adjustments", "/transfers", "/waitlist"):
            self.floor.ask(ANNA, "GET", f"{path}/{uuid.uuid4()}").must(404, "not_found")
            self.floor.ask(ANNA, "GET", f"{path}/7").must(400, "malformed_request")
        self.touch(shelf)

    @rule(shelf=one_of(kept))
    def overstep(self, shelf: Shelf) -> None:
        """Whoever lacks the scope changes nothing."""
        path, order = f"/inventory/{shelf.inventory_id}", self.books.new_order()
        items = [{"inventoryId": shelf.inventory_id, "quantity": 1}]
        for person, method, where, body in (
            (GUS, "POST", "/reservations", {"orderId": order, "items": items}),
            (GUS, "PUT", path, {"reorderPoint": 0}),
            (CARLA, "POST", f"{path}/adjust", {"delta": 1, "type": "ADJUSTMENT", "reason": "mine"}),
            (CARLA, "DELETE", path, None),
            (ANNA, "POST", "/reservations", {"orderId": order, "items": items}),
        ):
            self.floor.ask(person, method, where, body).must(403, "forbidden")
        self.touch(shelf)

    @rule(said=one_of(lambda day: day.said))
    @there_are(lambda day: day.said)
    def say_it_again(self, said: tuple[Person, str, Any, str, Answer]) -> None:
        """The same key: the same answer and no second effect; with another body it is refused."""
        person, path, body, key, first = said
        again = self.floor.ask(person, "POST", path, body, key=key)
        same((again.status, again.body), (first.status, first.body), f"{path} again")
        same(again.headers.get("Idempotent-Replayed"), "true", f"{path} again")
        if path.endswith(("/adjust", "/approve", "/reject", "/return")):
            other = {**(body or {}), "reason": "another one"}
            self.floor.ask(person, "POST", path, other, key=key).must(422, "idempotency_key_reused")
        self.touch(*self.books.shelves[:1])
