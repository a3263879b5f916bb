"""People who only look: availability, lists page by page; and staff who deal with alerts and close a warehouse."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from tests.acceptance.shop_day.books.shelves import Alert, Shelf
from tests.acceptance.shop_day.books.wishes import Wish, mistakes_in, shortages
from tests.acceptance.shop_day.floor import ANNA, CARLA, GUS, same
from tests.acceptance.shop_day.rules.checkout import Checkout
from tests.acceptance.shop_day.rules.comparing import compare_ledger
from tests.acceptance.shop_day.rules.day import Day, kept, one_of, rule, there_are
from tests.acceptance.shop_day.rules.wanting import wishes


def alerts(day: Day) -> list[tuple[Shelf, Alert]]:
    """Alerts that somebody could deal with, those that are over included."""
    return [(shelf, alert) for shelf in day.books.shelves for alert in shelf.alerts]


class Browsing(Checkout):
    """Rules that change nothing but alerts."""

    @rule(wish=wishes(), buys=st.booleans())
    def ask_for_availability(self, wish: Wish, buys: bool) -> None:
        """The answer is what the books say, as soon as the view has caught up; who buys gets what was promised."""
        order_id = self.books.new_order()
        order = self.order(order_id, wish)
        question = {name: value for name, value in order.items() if name not in ("orderId", "holdSeconds")}
        right = self.right_about(wish)

        def agreed() -> dict[str, Any] | None:
            body = self.ask(GUS, "POST", "/availability/bulk", question).must(200)
            return body if about(body) == right else None

        body = self.floor.until(agreed, f"{right} of {wish}")
        promised = self.books.lines(body["allocation"])
        if right["available"]:
            same(mistakes_in(wish, self.shelves_for(wish), promised), [], wish)
        if buys:
            hold = self.judge_hold(self.ask(CARLA, "POST", "/reservations", order), order_id, wish)
            same(hold.lines if hold else {}, promised if right["available"] else {}, "promised")

    @rule(pair=one_of(alerts), step=st.sampled_from(["acknowledge", "resolve"]))
    @there_are(alerts)
    def deal_with_an_alert(self, pair: tuple[Shelf, Alert], step: str) -> None:
        """Seen, or declared over; what is over stays so."""
        shelf, alert = pair
        path = self.path_of(shelf, alert)
        if path is None:
            return
        answer = self.ask(ANNA, "POST", f"{path}/{step}", {})
        self.touch(shelf)
        if alert.status == "resolved" and step == "acknowledge":
            answer.must(409, "alert_resolved")
            return
        answer.must(200)
        if step == "acknowledge":
            alert.status = "acknowledged"
        elif alert.status != "resolved":
            alert.resolve("by_hand")

    @rule(shelf=one_of(kept))
    def close_for_a_moment(self, shelf: Shelf) -> None:
        """A warehouse that is closed serves nothing new; it opens again as it was."""
        path = f"/warehouses/{shelf.place.warehouse_id}"
        self.ask(ANNA, "PUT", path, {"isActive": False}).must(200)
        items = [{"inventoryId": shelf.inventory_id, "quantity": 1}]
        answer = self.ask(CARLA, "POST", "/reservations", {"orderId": self.books.new_order(), "items": items})
        short = {"sku": shelf.sku, "requested": 1, "available": 0}
        same(answer.must(409, "insufficient_stock")["shortages"], [short], shelf)
        self.ask(ANNA, "PUT", path, {"isActive": True}).must(200)
        self.touch(shelf)

    @rule(shelf=one_of(kept), size=st.integers(1, 3))
    def look_around(self, shelf: Shelf, size: int) -> None:
        """Lists tell everything once, whatever the size of their pages."""
        self.list_rows(shelf, size)
        self.list_works(shelf, size)
        compare_ledger(self.floor, shelf, size=size + 2)
        sales = self.floor.pages(f"/inventory/{shelf.inventory_id}/movements", type="OUTBOUND", pageSize=size)
        same([it["quantity"] for it in sales[::-1]], [it.pieces for it in shelf.ledger if it.type == "OUTBOUND"])

    @rule(shelf=one_of(kept), back=st.integers(0, 30))
    def read_reports(self, shelf: Shelf, back: int) -> None:
        """Stock of a region now, and of a SKU as it was after an earlier step."""
        [report] = self.floor.pages("/reports/regions", region=shelf.place.region)
        shelves = [it for it in self.shop.shelves().values() if it.place.region == shelf.place.region]
        total, reserved = sum(it.total for it in shelves), sum(it.reserved for it in shelves)
        if not self.shop.in_doubt:
            said = (report["quantityTotal"], report["quantityReserved"], report["quantityAvailable"])
            same(said, (total, reserved, total - reserved), report["region"])
        at, totals = self.instants[-1 - back % len(self.instants)]
        rows = self.floor.pages("/reports/stock-as-of", sku=shelf.sku, at=at, pageSize=2)
        seen = {row["inventoryId"]: row["quantityTotal"] for row in rows if row["quantityTotal"]}
        right = {it.inventory_id: totals[it] for it in self.books.shelves if it.sku == shelf.sku and totals.get(it)}
        same(seen, right, f"{shelf.sku} at {at}")

    def list_rows(self, shelf: Shelf, size: int) -> None:
        """The rows of a SKU, by SKU, by product, in one region."""
        rows = sorted(it.inventory_id for it in self.books.kept(shelf.sku))
        region = shelf.place.region
        there = [it.inventory_id for it in self.books.kept(shelf.sku) if it.place.region == region]
        for path in (f"/inventory/sku/{shelf.sku}", f"/inventory/product/{shelf.product_id}"):
            same(ids(self.floor.pages(path, pageSize=size), "inventoryId"), rows, path)
        listed = self.floor.pages("/inventory", sku=shelf.sku, pageSize=size, orderBy="inventoryId desc")
        same([it["inventoryId"] for it in listed], rows[::-1])
        listed = self.floor.pages("/inventory", sku=shelf.sku, region=region, pageSize=size)
        same(ids(listed, "inventoryId"), sorted(there), region)

    def list_works(self, shelf: Shelf, size: int) -> None:
        """What staff and customers have to do with a SKU."""
        sku, books = shelf.sku, self.books
        requests = [it.adjustment_id for it in books.requests if (it.shelf.sku, it.status) == (sku, "PENDING")]
        listed = self.floor.pages("/adjustments", sku=sku, status="PENDING", pageSize=size)
        same(ids(listed, "adjustmentId"), sorted(requests), f"requests for {sku}")
        listed = self.floor.pages("/transfers", sku=sku, toWarehouseId=shelf.place.warehouse_id, pageSize=size)
        coming = [it.transfer_id for it in books.transfers if sku in it.cargo and it.target is shelf.place]
        same(ids(listed, "transferId"), sorted(coming), f"transfers of {sku}")
        listed = self.floor.pages("/waitlist", sku=sku, status="WAITING", pageSize=size)
        line = books.waiting(sku)
        same([it["entryId"] for it in listed], [it.entry_id for it in line], f"line for {sku}")
        for position, one in enumerate(line, 1):
            same(self.floor.look(f"/waitlist/{one.entry_id}")["position"], position, one)
        for hold in [it for it in books.holds if shelf in it.lines][-1:]:
            self.list_order(hold.order_id, size)

    def list_order(self, order_id: str, size: int) -> None:
        """The reservations of an order and what came back of them."""
        of_order = self.books.of_order(order_id)
        listed = self.floor.pages(f"/reservations/order/{order_id}", pageSize=size)
        same(ids(listed, "reservationId"), sorted(it.reservation_id for it in of_order), order_id)
        for status in {it.status for it in of_order}:
            listed = self.floor.pages("/reservations", orderId=order_id, status=status, pageSize=size)
            right = sorted(it.reservation_id for it in of_order if it.status == status)
            same(ids(listed, "reservationId"), right, order_id)
        for hold in of_order:
            back: dict[str, int] = {}
            for one in self.floor.pages(f"/reservations/{hold.reservation_id}/returns", pageSize=size):
                for line in one["lines"]:
                    back[line["inventoryId"]] = back.get(line["inventoryId"], 0) + line["quantity"]
            same(back, {shelf.inventory_id: pieces for shelf, pieces in hold.returned.items()}, hold)

    def shelves_for(self, wish: Wish) -> list[Shelf]:
        """The shelves that may serve a wish."""
        return wish.shelves(self.books.kept(), self.books.closed)

    def right_about(self, wish: Wish) -> dict[str, Any]:
        """What is right to say about a wish: of each item by itself, and of all together."""
        shelves = self.shelves_for(wish)
        items = []
        for item in wish.items:
            able = {
                it.place.code: it.available for it in shelves if it.sku == item.sku and item.bound in (None, it.place)
            }
            most = sum(able.values()) if wish.may_split else max(able.values(), default=0)
            items.append((item.sku, item.pieces, most, most >= item.pieces, able))
        return {"available": not shortages(wish, shelves), "items": items}

    def path_of(self, shelf: Shelf, alert: Alert) -> str | None:
        """Where an alert is dealt with; None where several look the same, and any of them could be meant."""
        alike = [it for it in shelf.alerts if (it.kind, it.status) == (alert.kind, alert.status)]
        listed = self.floor.pages("/alerts", sku=shelf.sku, kind=alert.kind, status=alert.status)
        found = [it for it in listed if it["subjectId"] == shelf.inventory_id]
        same(len(found), len(alike), alert)
        return f"/alerts/{found[0]['alertId']}" if len(alike) == 1 else None


def about(body: dict[str, Any]) -> dict[str, Any]:
    """What a bulk answer says, as `right_about` has it."""
    items = [
        (
            it["sku"],
            it["quantityRequested"],
            it["quantityAvailable"],
            it["available"],
            {there["code"]: there["quantityAvailable"] for there in it["warehouses"]},
        )
        for it in body["items"]
    ]
    return {"available": body["available"], "items": items}


def ids(listed: Iterable[dict[str, Any]], name: str) -> list[str]:
    """The ids of a list, sorted, each as often as it was told."""
    return sorted(it[name] for it in listed)
