"""People who only look: availability, lists page by page, alerts, reports; and staff who deal with alerts."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.acceptance.shop_day.books import Alert, Hold, Shelf
from tests.acceptance.shop_day.day import Day, kept, one_of, rule, there_are
from tests.acceptance.shop_day.floor import ANNA, CARLA, GUS


def alerts(day: Day) -> list[tuple[Shelf, Alert]]:
    """Alerts that somebody could deal with, those that are over included."""
    return [(shelf, alert) for shelf in day.books.shelves for alert in shelf.alerts]


class Browsing(Day):
    """Rules that change nothing but alerts."""

    @rule(sku=one_of(lambda day: day.books.skus), pieces=st.integers(1, 60), region=st.integers(0, 3))
    def ask_for_availability(self, sku: str, pieces: int, region: int) -> None:
        """The answer is what the books say, as soon as the view has caught up with the news."""
        wall = [None, *sorted({place.region for place in self.books.places})][region]
        body = {"sku": sku, "quantity": pieces, **({"region": wall} if wall else {})}
        if not self.books.kept(sku):
            self.ask(GUS, "POST", "/availability/check", body).must(422, "unknown_item")
            return
        right = self.availability(sku, pieces, wall)
        self.floor.until(
            lambda: told(self.ask(GUS, "POST", "/availability/check", body).must(200)) == right, f"{right} of {sku}"
        )

    @rule(data=st.data())
    def ask_for_many(self, data: st.DataObject) -> None:
        """Many at once, each by itself and all together."""
        skus = list(dict.fromkeys(shelf.sku for shelf in kept(self)))
        asked = data.draw(
            st.lists(st.tuples(st.sampled_from(skus), st.integers(1, 9)), min_size=1, max_size=5), "asked"
        )
        body = {"items": [{"sku": sku, "quantity": pieces} for sku, pieces in asked]}
        sums = {sku: sum(pieces for it, pieces in asked if it == sku) for sku, _ in asked}
        together = all(self.availability(sku, pieces, None)["available"] for sku, pieces in sums.items())
        right = [self.availability(sku, pieces, None) for sku, pieces in asked]

        def agrees() -> bool:
            answer = self.ask(GUS, "POST", "/availability/bulk", body).must(200)
            return ([told(it) for it in answer["items"]], answer["available"]) == (right, together)

        self.floor.until(agrees, f"{right}, together: {together}")

    @rule(sku=one_of(lambda day: day.books.skus), size=st.integers(1, 3))
    def turn_pages(self, sku: str, size: int) -> None:
        """Lists tell every row once, whatever the size of their pages."""
        shelves = self.books.kept(sku)
        right = sorted(shelf.inventory_id for shelf in shelves)
        known = next(shelf for shelf in self.books.shelves if shelf.sku == sku)
        for path in (f"/inventory/sku/{sku}", f"/inventory/product/{known.product_id}"):
            assert sorted(it["inventoryId"] for it in self.floor.pages(path, pageSize=size)) == right
        listed = self.floor.pages("/inventory", sku=sku, pageSize=size, orderBy="inventoryId desc")
        assert [it["inventoryId"] for it in listed] == right[::-1]
        for region in {shelf.place.region for shelf in shelves}:
            there = self.floor.pages("/inventory", sku=sku, region=region, pageSize=size)
            assert {it["inventoryId"] for it in there} == {
                shelf.inventory_id for shelf in shelves if shelf.place.region == region
            }

    @rule(hold=one_of(lambda day: day.books.holds))
    @there_are(lambda day: day.books.holds)
    def look_up_an_order(self, hold: Hold) -> None:
        """All reservations of an order, by its path and by the list's filters."""
        of_order = {it.reservation_id: it.status for it in self.books.of_order(hold.order_id)}
        seen = self.floor.look(f"/reservations/order/{hold.order_id}")["items"]
        assert {it["reservationId"]: it["status"] for it in seen} == of_order
        listed = self.floor.pages("/reservations", orderId=hold.order_id, status=hold.status, pageSize=1)
        assert {it["reservationId"] for it in listed} == {
            it for it, status in of_order.items() if status == hold.status
        }

    @rule(shelf=one_of(kept))
    def list_requests(self, shelf: Shelf) -> None:
        """What waits for somebody, of one SKU."""
        pending = self.floor.pages("/adjustments", sku=shelf.sku, status="PENDING", pageSize=2)
        assert {it["adjustmentId"] for it in pending} == {
            it.adjustment_id for it in self.books.requests if it.shelf.sku == shelf.sku and it.status == "PENDING"
        }

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
    def read_the_ledger(self, shelf: Shelf) -> None:
        """Every line of a shelf's ledger, page by page, and by type."""
        self._compare_ledger(shelf)
        sales = self.floor.pages(f"/inventory/{shelf.inventory_id}/movements", type="OUTBOUND", pageSize=2)
        assert [it["quantity"] for it in reversed(sales)] == [
            entry.pieces for entry in shelf.ledger if entry.type == "OUTBOUND"
        ]

    @rule(number=st.integers(0, 4))
    def close_for_a_moment(self, number: int) -> None:
        """A warehouse that is closed serves nothing new; it opens again as it was."""
        place = self.books.places[number]
        path = f"/warehouses/{place.warehouse_id}"
        shelf = next((it for it in kept(self) if it.place is place and it.available), None)
        self.ask(ANNA, "PUT", path, {"isActive": False}).must(200)
        if shelf is not None:
            order = {"orderId": self.books.new_order(), "items": [{"inventoryId": shelf.inventory_id, "quantity": 1}]}
            self.ask_closed(order, shelf)
            self.touch(shelf)
        self.ask(ANNA, "PUT", path, {"isActive": True}).must(200)

    def ask_closed(self, order: dict[str, Any], shelf: Shelf) -> None:
        """A wish for what only a closed warehouse has: nothing of it is available."""
        answer = self.ask(CARLA, "POST", "/reservations", order)
        short = {"sku": shelf.sku, "requested": 1, "available": 0}
        assert answer.must(409, "insufficient_stock")["shortages"] == [short]

    def availability(self, sku: str, pieces: int, region: str | None) -> dict[str, Any]:
        """What is right to say about a SKU."""
        shelves = [it for it in self.books.kept(sku) if region in (None, it.place.region)]
        total = sum(shelf.available for shelf in shelves)
        return {
            "sku": sku,
            "available": total >= pieces,
            "quantityAvailable": total,
            "warehouses": {shelf.place.code: shelf.available for shelf in shelves},
        }

    def path_of(self, shelf: Shelf, alert: Alert) -> str | None:
        """Where an alert is dealt with; None where several look the same, and any of them could be meant."""
        same = [it for it in shelf.alerts if (it.kind, it.status) == (alert.kind, alert.status)]
        listed = self.floor.pages("/alerts", sku=shelf.sku, kind=alert.kind, status=alert.status)
        found = [it for it in listed if it["subjectId"] == shelf.inventory_id]
        assert len(found) == len(same)
        return f"/alerts/{found[0]['alertId']}" if len(same) == 1 else None


def told(body: dict[str, Any]) -> dict[str, Any]:
    """What an availability answer says, without ids."""
    return {
        "sku": body["sku"],
        "available": body["available"],
        "quantityAvailable": body["quantityAvailable"],
        "warehouses": {it["code"]: it["quantityAvailable"] for it in body["warehouses"]},
    }
