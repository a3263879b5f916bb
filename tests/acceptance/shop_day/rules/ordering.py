"""The order service speaks over Kafka: orders, payments, cancellations, early, late, twice."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from holdfast.demo.news import News
from tests.acceptance.shop_day.books.holds import Hold
from tests.acceptance.shop_day.books.wishes import Wish, mistakes_in, shortages
from tests.acceptance.shop_day.floor import same
from tests.acceptance.shop_day.rules.checkout import Checkout
from tests.acceptance.shop_day.rules.comparing import check_hold, check_shortages
from tests.acceptance.shop_day.rules.day import one_of, pending, rule, sold, there_are
from tests.acceptance.shop_day.rules.wanting import small_wishes, wishes

TIMES = st.sampled_from([1, 1, 2])


class Ordering(Checkout):
    """Rules of events."""

    @rule(wish=wishes(), times=TIMES)
    def order_by_event(self, wish: Wish, times: int) -> None:
        """An order is held, or refused with every shortage; once, however often it is told."""
        self.place(self.books.new_order(), wish, times=times)

    @rule(hold=one_of(pending), times=TIMES)
    @there_are(pending)
    def pay_by_event(self, hold: Hold, times: int) -> None:
        """A payment sells everything that its order holds."""
        self.pay(hold, times)

    @rule(hold=one_of(lambda day: [*pending(day), *sold(day)]), failed=st.booleans())
    @there_are(lambda day: [*pending(day), *sold(day)])
    def give_up_by_event(self, hold: Hold, failed: bool) -> None:
        """A failed payment frees what its order holds; a cancelled order brings back what it bought, too."""
        live = self.live(hold)
        bought = [it for it in self.books.of_order(hold.order_id) if it in sold(self)]
        if failed and bought:
            return  # says nothing, at some moment
        self.floor.say("payment.failed" if failed else "order.cancelled", hold.order_id)
        for one in bought:
            self.wait_until_back(one)
            one.call_off()
        for one in self.settled(live, "CANCELLED"):
            one.release("CANCELLED", "payment_failed" if failed else "order_cancelled")
        self.touch(*bought)

    @rule(wish=small_wishes(), hold=one_of(lambda day: [None, *pending(day)]))
    def speak_out_of_turn(self, wish: Wish, hold: Hold | None) -> None:
        """A payment that overtakes its order waits for it; an order that the checkout holds is not held again."""
        if hold is None:
            self.pay_before_the_order(wish)
            return
        order_id = hold.order_id
        self.floor.say("order.created", order_id, items=[self.item(it) for it in wish.items], holdSeconds=100)
        self.pay(hold)
        listed = self.floor.look(f"/reservations/order/{order_id}")["items"]
        same({it["reservationId"] for it in listed}, {it.reservation_id for it in self.books.of_order(order_id)})

    def pay_before_the_order(self, wish: Wish) -> None:
        """The payment comes first; money for an order that is refused is refused, too."""
        order_id = self.books.new_order()
        self.floor.say("payment.successful", order_id)
        hold = self.place(order_id, wish, final=True)
        if hold is not None:
            self.wait_for(hold, "COMMITTED")
            hold.sell()
        else:
            self.hear_of_a_refusal(order_id)

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
        same(mistakes_in(wish, shelves, lines), [], wish)
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

        same([it.body["reason"] for it in self.floor.heard(is_meant, 1)], ["rejected"], order_id)

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
