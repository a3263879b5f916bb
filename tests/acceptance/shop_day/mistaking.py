"""People who make mistakes: requests that cannot be right, that nobody may make, or that come twice."""

from __future__ import annotations

import uuid
from typing import Any

from hypothesis import strategies as st

from tests.acceptance.shop_day.books import Shelf
from tests.acceptance.shop_day.day import Day, kept, one_of, rule, there_are
from tests.acceptance.shop_day.floor import ANNA, CARLA, GUS, Answer, Person

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

    @rule(body=st.sampled_from(WRONG_ORDERS))
    def order_nonsense(self, body: dict[str, Any] | bytes) -> None:
        """What cannot be read or cannot be right is refused, with the fields that are wrong."""
        answer = self.floor.ask(CARLA, "POST", "/reservations", body)
        assert answer.status in (400, 422), answer
        self.touch(self.books.shelves[0])

    @rule(shelf=one_of(kept), body=st.sampled_from(WRONG_CHANGES))
    def change_nonsense(self, shelf: Shelf, body: dict[str, Any]) -> None:
        """A change by hand that no person may make."""
        answer = self.floor.ask(ANNA, "POST", f"/inventory/{shelf.inventory_id}/adjust", body)
        assert answer.status in (400, 422), answer
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

    @rule(path=st.sampled_from(["/inventory", "/reservations", "/adjustments", "/alerts", "/warehouses"]))
    def look_for_nothing(self, path: str) -> None:
        """What does not exist is not found, and what is no id is no id."""
        self.floor.ask(ANNA, "GET", f"{path}/{uuid.uuid4()}").must(404, "not_found")
        self.floor.ask(ANNA, "GET", f"{path}/7").must(400, "malformed_request")

    @rule(said=one_of(lambda day: day.said))
    @there_are(lambda day: day.said)
    def say_it_again(self, said: tuple[Person, str, Any, str, Answer]) -> None:
        """The same key: the same answer and no second effect; with another body it is refused."""
        person, path, body, key, first = said
        again = self.floor.ask(person, "POST", path, body, key=key)
        assert (again.status, again.body) == (first.status, first.body)
        assert again.headers.get("Idempotent-Replayed") == "true"
        if path.endswith(("/adjust", "/approve", "/reject", "/return")):
            other = {**(body or {}), "reason": "another one"}
            self.floor.ask(person, "POST", path, other, key=key).must(422, "idempotency_key_reused")
        self.touch(*self.books.shelves[:1])
