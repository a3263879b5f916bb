"""People who wait in line for a SKU that is short, and get it as soon as there is some again, the first first."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.acceptance.shop_day.books.holds import Waiter
from tests.acceptance.shop_day.books.shelves import Shelf
from tests.acceptance.shop_day.floor import CARLA, same
from tests.acceptance.shop_day.rules.comparing import check_waiter
from tests.acceptance.shop_day.rules.day import HOLD_SECONDS, Day, kept, one_of, rule, there_are

MORE_THAN_ANYBODY_HAS = 1_000


def everybody(day: Day) -> list[Waiter]:
    """Who waits or has waited."""
    return day.books.line


class Queueing(Day):
    """Rules of the waitlist."""

    @rule(
        shelf=one_of(kept),
        more=st.integers(-1, 5),
        wish=st.sampled_from(["anywhere", "there", "in that region", "a second"]),
    )
    def wait_in_line(self, shelf: Shelf, more: int, wish: str) -> None:
        """An order waits for some pieces more than there are; with one less it is served at once."""
        if wish == "a second":
            self.wait_in_vain(shelf)
            return
        place = shelf.place if wish == "there" else None
        region = shelf.place.region if wish == "in that region" else None
        waiter = Waiter("", self.books.new_order(), shelf.sku, 1, place, region)
        waiter.pieces = max(1, sum(it.available for it in self.books.kept() if waiter.may_have(it)) + more)
        self.join(waiter)

    @rule(waiter=one_of(everybody))
    @there_are(everybody)
    def leave_the_line(self, waiter: Waiter) -> None:
        """Somebody does not want to wait any more; whoever was offered something cannot leave."""
        answer = self.ask(CARLA, "DELETE", f"/waitlist/{waiter.entry_id}")
        if waiter.status in ("WAITING", "WITHDRAWN"):
            answer.must(204)
            waiter.status = "WITHDRAWN"
        else:
            same(answer.must(409, "waitlist_settled")["entryStatus"], waiter.status, waiter)
        self.touch(waiter)

    def wait_in_vain(self, shelf: Shelf) -> None:
        """Nobody waits longer than he wanted to."""
        waiter = Waiter("", self.books.new_order(), shelf.sku, MORE_THAN_ANYBODY_HAS)
        self.join(waiter, waitSeconds=1)
        path = f"/waitlist/{waiter.entry_id}"
        self.floor.until(lambda: self.floor.look(path)["status"] == "EXPIRED", f"too late: {waiter!r}")
        waiter.status = "EXPIRED"

    def join(self, waiter: Waiter, **more: int) -> None:
        """One more in line."""
        body = {
            "orderId": waiter.order_id,
            "sku": waiter.sku,
            "quantity": waiter.pieces,
            "holdSeconds": HOLD_SECONDS,
            **({"warehouseId": waiter.place.warehouse_id} if waiter.place else {}),
            **({"region": waiter.region} if waiter.region else {}),
            **more,
        }
        made = self.ask(CARLA, "POST", "/waitlist", body).must(201)
        waiter.entry_id = made["entryId"]
        check_waiter(made, waiter)
        same(made["position"], len(self.books.waiting(waiter.sku)) + 1, waiter)
        self.books.line.append(waiter)
        self.touch(waiter)
