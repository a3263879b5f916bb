"""The checkout: orders are held, sold, given up, extended; holds that nobody pays for run out."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from tests.acceptance.shop_day.books import Hold
from tests.acceptance.shop_day.day import (
    HOLD_SECONDS,
    Day,
    check_hold,
    check_shortages,
    one_of,
    pending,
    rule,
    settled,
    there_are,
)
from tests.acceptance.shop_day.floor import CARLA, Answer
from tests.acceptance.shop_day.wanting import small_wishes, wishes
from tests.acceptance.shop_day.wishes import Wanted, Wish, mistakes_in, shortages

REASONS = st.sampled_from(["cancelled", "payment_failed"])
SHORT_SECONDS = 1


class Checkout(Day):
    """Rules of reservations."""

    @rule(wish=wishes())
    def reserve(self, wish: Wish) -> None:
        """Everything that is wanted is held as the strategy says, or nothing, and every shortage is named."""
        order_id = self.books.new_order()
        answer = self.ask(CARLA, "POST", "/reservations", self.order(order_id, wish))
        self.judge_hold(answer, order_id, wish)

    @rule(wish=small_wishes(), hold=one_of(pending))
    @there_are(pending)
    def reserve_more_for_an_order(self, wish: Wish, hold: Hold) -> None:
        """An order may have several reservations; here of other SKUs: who comes first at a shelf is open."""
        known = {shelf.sku for it in self.books.of_order(hold.order_id) for shelf in it.lines}
        if known & {wanted.sku for wanted in wish.items}:
            return
        answer = self.ask(CARLA, "POST", "/reservations", self.order(hold.order_id, wish))
        self.judge_hold(answer, hold.order_id, wish)

    @rule(hold=one_of(pending))
    @there_are(pending)
    def commit(self, hold: Hold) -> None:
        """A hold is paid for: the pieces leave their shelves."""
        body = self.ask(CARLA, "POST", f"/reservations/{hold.reservation_id}/commit").must(200)
        hold.sell()
        check_hold(body, hold)
        self.touch(hold)

    @rule(hold=one_of(pending), reason=REASONS)
    @there_are(pending)
    def cancel(self, hold: Hold, reason: str) -> None:
        """A hold is given up: its pieces are free again."""
        body = self.ask(CARLA, "POST", f"/reservations/{hold.reservation_id}/cancel", {"reason": reason}).must(200)
        hold.release("CANCELLED", reason)
        check_hold(body, hold)
        self.touch(hold)

    @rule(hold=one_of(pending))
    @there_are(pending)
    def extend(self, hold: Hold) -> None:
        """A later deadline, at most ten times."""
        path = f"/reservations/{hold.reservation_id}"
        before = self.floor.look(path)["expiresAt"]
        answer = self.ask(CARLA, "POST", f"{path}/extend", {"holdSeconds": 2 * HOLD_SECONDS})
        if hold.extends == 10:
            answer.must(409, "extension_limit")
        else:
            hold.extend()
            check_hold(answer.must(200), hold)
            assert answer.body["expiresAt"] > before
        self.touch(hold)

    @rule(hold=one_of(settled), decision=st.sampled_from(["commit", "cancel", "extend"]))
    @there_are(settled)
    def decide_too_late(self, hold: Hold, decision: str) -> None:
        """What is settled stays so: the same decision again is answered, another one is refused."""
        body = {"holdSeconds": HOLD_SECONDS} if decision == "extend" else {}
        answer = self.ask(CARLA, "POST", f"/reservations/{hold.reservation_id}/{decision}", body)
        if (decision, hold.status) in {("commit", "COMMITTED"), ("cancel", "CANCELLED")}:
            check_hold(answer.must(200), hold)
        else:
            assert answer.must(409, "reservation_settled")["reservationStatus"] == hold.status
        self.touch(hold)

    @rule(wish=small_wishes())
    def hold_until_it_expires(self, wish: Wish) -> None:
        """A hold that nobody pays for is free again, and can neither be paid nor extended."""
        order_id = self.books.new_order()
        answer = self.ask(CARLA, "POST", "/reservations", self.order(order_id, wish, seconds=SHORT_SECONDS))
        hold = self.judge_hold(answer, order_id, wish)
        if hold is not None:
            self.wait_for(hold, "EXPIRED")
            hold.release("EXPIRED", "expired")
            late = self.ask(CARLA, "POST", f"/reservations/{hold.reservation_id}/commit")
            assert late.must(409, "reservation_settled")["reservationStatus"] == "EXPIRED"

    @rule(sku=one_of(lambda day: day.books.skus))
    def take_over_what_nobody_paid_for(self, sku: str) -> None:
        """Somebody short is refused until the deadline of those who hold it all, and served from then on."""
        pieces = sum(shelf.available for shelf in self.books.kept(sku))
        if not pieces:
            return
        wish, order_id = Wish((Wanted(sku, pieces),)), self.books.new_order()
        slow = self.judge_hold(
            self.ask(CARLA, "POST", "/reservations", self.order(order_id, wish, seconds=SHORT_SECONDS)), order_id, wish
        )
        assert slow is not None, "all of it could be held"
        order_id = self.books.new_order()

        def served() -> Answer | None:
            answer = self.ask(CARLA, "POST", "/reservations", self.order(order_id, wish))
            if answer.status == 201:
                return answer
            self.judge_refusal(answer, order_id, {sku: (pieces, 0)})
            return None

        answer = self.floor.until(served, "served from holds past their deadline")
        slow.release("EXPIRED", "expired")
        self.judge_hold(answer, order_id, wish)

    def order(self, order_id: str, wish: Wish, *, seconds: int = HOLD_SECONDS) -> dict[str, Any]:
        """The body of POST /reservations."""
        body = {
            "orderId": order_id,
            "items": [self.item(wanted) for wanted in wish.items],
            "holdSeconds": seconds,
            "strategy": wish.strategy,
            "region": wish.region,
            "allowSplit": wish.may_split,
            "destination": wish.target.body() if wish.target else None,
        }
        return {name: value for name, value in body.items() if value is not None}

    def item(self, wanted: Wanted) -> dict[str, Any]:
        """One line of an order."""
        shelf = next(it for it in self.books.kept(wanted.sku) if wanted.bound in (None, it.place))
        if wanted.by == "row":
            return {"inventoryId": shelf.inventory_id, "quantity": wanted.pieces}
        named = {"productId": shelf.product_id} if wanted.by == "product" else {"sku": wanted.sku}
        places = {"warehouseId": wanted.bound, "preferredWarehouseId": wanted.preferred}
        where = {name: place.warehouse_id for name, place in places.items() if place}
        return {**named, "quantity": wanted.pieces, **where}

    def judge_hold(self, answer: Answer, order_id: str, wish: Wish) -> Hold | None:
        """Whether the answer to a wish is right; if it is held, into the books with it."""
        shelves = wish.shelves(self.books.kept(), self.books.closed)
        self.touch(*shelves)
        if short := shortages(wish, shelves):
            self.judge_refusal(answer, order_id, short)
            return None
        body = answer.must(201)
        uuid.UUID(body["reservationId"])
        lines = self.books.lines(body["lines"])
        assert mistakes_in(wish, shelves, lines) == []
        assert {it["inventoryId"]: it["quantity"] for it in body["allocation"]} == {
            shelf.inventory_id: pieces for shelf, pieces in lines.items()
        }
        hold = Hold(body["reservationId"], order_id, lines)
        hold.hold()
        self.books.holds.append(hold)
        check_hold(body, hold)
        self.touch(hold)
        return hold

    def judge_refusal(self, answer: Answer, order_id: str, short: Mapping[str, tuple[int, int]]) -> None:
        """Whether a refusal names every shortage; one that a workflow had to find out has a row of its own."""
        body = answer.must(409, "insufficient_stock")
        check_shortages(body["shortages"], short)
        if "reservationId" in body:
            news = ["inventory.reservation_rejected"]
            refused = Hold(body["reservationId"], order_id, {}, "REJECTED", shortages=short, news=news)
            self.books.holds.append(refused)
            self.touch(refused)

    def wait_for(self, hold: Hold, status: str) -> None:
        """Wait until the service has settled a hold."""
        path = f"/reservations/{hold.reservation_id}"
        self.floor.until(lambda: self.floor.look(path)["status"] == status, f"{status}: {hold!r}")
