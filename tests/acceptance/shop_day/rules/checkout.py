"""The checkout: orders are held, sold, given up, extended; holds that nobody pays for run out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from tests.acceptance.shop_day.books.holds import Hold
from tests.acceptance.shop_day.books.wishes import Wanted, Wish, mistakes_in, shortages
from tests.acceptance.shop_day.floor import CARLA, Answer, same
from tests.acceptance.shop_day.rules.comparing import check_hold, check_shortages
from tests.acceptance.shop_day.rules.day import HOLD_SECONDS, Day, one_of, pending, rule, settled, there_are
from tests.acceptance.shop_day.rules.wanting import small_wishes, wishes

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
        """An order may have several reservations; of other SKUs, since their order at one shelf is not promised."""
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

    @rule(hold=one_of(settled), decision=st.sampled_from(["commit", "cancel", "extend", "return"]))
    @there_are(settled)
    def decide_too_late(self, hold: Hold, decision: str) -> None:
        """What is settled stays so: the same decision again is answered, another one is refused."""
        body = {"holdSeconds": HOLD_SECONDS} if decision == "extend" else {}
        answer = self.ask(CARLA, "POST", f"/reservations/{hold.reservation_id}/{decision}", body)
        if decision == "return":
            refusal = "return_exceeds_sale" if hold.is_whole else "reservation_not_sold"
            answer.must(409, refusal)
        elif (decision, hold.status) in {("commit", "COMMITTED"), ("cancel", "CANCELLED")}:
            check_hold(answer.must(200), hold)
        else:
            same(answer.must(409, "reservation_settled")["reservationStatus"], hold.status, hold)
        self.touch(hold)

    @rule(wish=small_wishes(), what=st.sampled_from(["nobody pays", "somebody else is short"]))
    def let_a_hold_run_out(self, wish: Wish, what: str) -> None:
        """A hold that nobody pays for is free again at its deadline, also for somebody who is short meanwhile."""
        [wanted] = wish.items
        if self.books.waiting(wanted.sku):
            return  # who waits for it comes before
        if what == "somebody else is short":
            pieces = sum(shelf.available for shelf in self.books.kept(wanted.sku))
            wish = Wish((Wanted(wanted.sku, max(1, pieces)),))
        order_id = self.books.new_order()
        answer = self.ask(CARLA, "POST", "/reservations", self.order(order_id, wish, seconds=SHORT_SECONDS))
        hold = self.judge_hold(answer, order_id, wish)
        if hold is not None and what == "nobody pays":
            self.wait_for(hold, "EXPIRED")
            hold.release("EXPIRED", "expired")
            late = self.ask(CARLA, "POST", f"/reservations/{hold.reservation_id}/commit")
            same(late.must(409, "reservation_settled")["reservationStatus"], "EXPIRED", hold)
        elif hold is not None:
            self.take_over(hold, wish)

    def take_over(self, hold: Hold, wish: Wish) -> None:
        """Somebody short is refused until the deadline of those who hold it all, and served from then on."""
        [wanted], order_id = wish.items, self.books.new_order()

        def served() -> Answer | None:
            answer = self.ask(CARLA, "POST", "/reservations", self.order(order_id, wish))
            if answer.status == 201:
                return answer
            self.judge_refusal(answer, order_id, {wanted.sku: (wanted.pieces, 0)})
            return None

        answer = self.floor.until(served, f"served from what is past its deadline: {hold!r}")
        hold.release("EXPIRED", "expired")
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
        lines = self.books.lines(body["lines"])
        same(mistakes_in(wish, shelves, lines), [], wish)
        same(self.books.lines(body["allocation"]), lines, "allocation")
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
