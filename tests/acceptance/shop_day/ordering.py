"""The order service speaks over Kafka: orders, payments, cancellations, early, late, twice."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from holdfast.demo.news import News
from tests.acceptance.shop_day.books import Hold
from tests.acceptance.shop_day.checkout import Checkout
from tests.acceptance.shop_day.day import check_hold, check_shortages, one_of, pending, rule, sold, there_are
from tests.acceptance.shop_day.wanting import small_wishes, wishes
from tests.acceptance.shop_day.wishes import Wish, mistakes_in, shortages

TIMES = st.sampled_from([1, 1, 2])


class Ordering(Checkout):
    """Rules of events."""

    @rule(wish=wishes(), times=TIMES)
    def order_by_event(self, wish: Wish, times: int) -> None:
        """An order is held, or refused with every shortage; once, however often it is told."""
        self.place(self.books.new_order(), wish, times=times)

    @rule(wish=small_wishes())
    def pay_before_the_order(self, wish: Wish) -> None:
        """A payment that overtakes its order waits for it."""
        order_id = self.books.new_order()
        self.floor.say("payment.successful", order_id)
        hold = self.place(order_id, wish, final=True)
        if hold is not None:
            self.wait_for(hold, "COMMITTED")
            hold.sell()
        else:
            self.hear_of_a_refusal(order_id)

    @rule(hold=one_of(pending), times=TIMES)
    @there_are(pending)
    def pay_by_event(self, hold: Hold, times: int) -> None:
        """A payment sells everything that its order holds."""
        self.pay(hold, times)

    @rule(hold=one_of(pending))
    @there_are(pending)
    def fail_to_pay_by_event(self, hold: Hold) -> None:
        """A failed payment frees everything that its order holds."""
        self.floor.say("payment.failed", hold.order_id)
        for one in self.settled(self.live(hold), "CANCELLED"):
            one.release("CANCELLED", "payment_failed")

    @rule(hold=one_of(lambda day: [*pending(day), *sold(day)]))
    @there_are(lambda day: [*pending(day), *sold(day)])
    def cancel_by_event(self, hold: Hold) -> None:
        """A cancelled order frees what it holds and brings back what it bought."""
        live = self.live(hold)
        bought = [it for it in self.books.of_order(hold.order_id) if it.status == "COMMITTED" and not it.is_whole]
        self.floor.say("order.cancelled", hold.order_id)
        for one in bought:
            self.wait_until_back(one)
            one.call_off()
        for one in self.settled(live, "CANCELLED"):
            one.release("CANCELLED", "order_cancelled")
        self.touch(*bought)

    @rule(hold=one_of(pending), wish=small_wishes())
    @there_are(pending)
    def order_what_the_checkout_holds(self, hold: Hold, wish: Wish) -> None:
        """An order that holds stock already is not held again; it is that hold that its payment sells."""
        order_id = hold.order_id
        self.floor.say("order.created", order_id, items=[self.item(it) for it in wish.items], holdSeconds=100)
        self.pay(hold)
        listed = self.floor.look(f"/reservations/order/{order_id}")["items"]
        assert {it["reservationId"] for it in listed} == {it.reservation_id for it in self.books.of_order(order_id)}

    def place(self, order_id: str, wish: Wish, *, times: int = 1, final: bool = False) -> Hold | None:
        """Say `order.created` and judge what became of it; into the books with it. `final`: it may be sold already."""
        body = self.order(order_id, wish)
        for _ in range(times):
            self.floor.say(
                "order.created",
                order_id,
                event_id=f"created-{order_id}",
                **{name: value for name, value in body.items() if name != "orderId"},
            )
        path = f"/reservations/order/{order_id}"
        [seen] = self.floor.until(lambda: self.floor.look(path)["items"], f"a reservation of {order_id}")
        shelves = wish.shelves(self.books.kept(), self.books.closed)
        self.touch(*shelves)
        if short := shortages(wish, shelves):
            check_shortages(seen["shortages"], short)
            news = ["inventory.reservation_rejected"]
            refused = Hold(seen["reservationId"], order_id, {}, "REJECTED", shortages=short, news=news)
            self.books.holds.append(refused)
            check_hold(seen, refused)
            self.touch(refused)
            return None
        lines = self.books.lines(seen["lines"])
        assert mistakes_in(wish, shelves, lines) == []
        hold = Hold(seen["reservationId"], order_id, lines)
        hold.hold()
        self.books.holds.append(hold)
        if not final:
            check_hold(seen, hold)
        self.touch(hold)
        return hold

    def pay(self, hold: Hold, times: int = 1) -> None:
        """Say `payment.successful` and wait until all that its order held is sold."""
        for _ in range(times):
            self.floor.say("payment.successful", hold.order_id, event_id=f"paid-{hold.order_id}")
        for one in self.settled(self.live(hold), "COMMITTED"):
            one.sell()

    def hear_of_a_refusal(self, order_id: str) -> None:
        """Money for an order that holds nothing is refused as news, so that somebody gives it back."""

        def is_meant(news: News) -> bool:
            return news.is_about(order_id, "inventory.commit_refused")

        assert [it.body["reason"] for it in self.floor.heard(is_meant, 1)] == ["rejected"]

    def live(self, hold: Hold) -> list[Hold]:
        """What the order of a hold still holds."""
        return [it for it in self.books.of_order(hold.order_id) if it.status == "PENDING"]

    def settled(self, holds: Sequence[Hold], status: str) -> Sequence[Hold]:
        """The same holds, once the service has settled all of them."""
        for hold in holds:
            self.wait_for(hold, status)
        self.touch(*holds)
        return holds

    def wait_until_back(self, hold: Hold) -> None:
        """Wait until a sale has come back whole."""
        path = f"/reservations/{hold.reservation_id}"
        self.floor.until(lambda: self.floor.look(path)["returnedAt"], f"back: {hold!r}")
