"""Clerks at the shelves: small changes at once, large ones with a second pair of eyes, counts, rules, whole shelves."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.acceptance.shop_day.books.shelves import Shelf
from tests.acceptance.shop_day.books.works import Request
from tests.acceptance.shop_day.floor import ANNA, BERT, Answer, Person, other_than, same, who_is
from tests.acceptance.shop_day.rules.day import Day, kept, one_of, rule, there_are

CLERKS = st.sampled_from([ANNA, BERT])
TYPES = st.sampled_from(["ADJUSTMENT", "INBOUND", "RETURN", "DAMAGE"])
DELTAS = st.one_of(st.integers(-4, 4), st.integers(-60, 60)).filter(bool)
COUNTS = st.one_of(st.integers(0, 20), st.integers(0, 200))


def waiting(day: Day) -> list[Request]:
    """Requests that wait for somebody."""
    return [request for request in day.books.requests if request.status == "PENDING"]


def decided(day: Day) -> list[Request]:
    """Requests that do not wait any more."""
    return [request for request in day.books.requests if request.status != "PENDING"]


class Counting(Day):
    """Rules of stock by hand."""

    @rule(shelf=one_of(kept), delta=DELTAS, type_=TYPES, clerk=CLERKS)
    def adjust(self, shelf: Shelf, delta: int, type_: str, clerk: Person) -> None:
        """A change by hand: applied, left to somebody else, or refused."""
        body = {"delta": delta, "type": type_, "reason": "by hand", "reference": "sheet 7"}
        answer = self.ask(clerk, "POST", f"/inventory/{shelf.inventory_id}/adjust", body)
        self.touch(shelf)
        if type_ != "ADJUSTMENT" and (delta > 0) == (type_ == "DAMAGE"):
            answer.must(422, "validation_failed")
        elif shelf.available + delta < 0:
            shortage = {"sku": shelf.sku, "requested": -delta, "available": shelf.available}
            same(answer.must(409, "insufficient_stock")["shortages"], [shortage], shelf)
        elif needs_somebody(shelf, delta):
            self.note_request(answer.must(202), shelf, clerk, delta=delta, type_=type_, reference="sheet 7")
        else:
            self.note_change(answer.must(200), shelf, delta, type_, "sheet 7")

    @rule(request=one_of(waiting), reason=st.sampled_from(["", "counted again"]))
    @there_are(waiting)
    def approve(self, request: Request, reason: str) -> None:
        """Another person agrees, never the asker: the stock changes, unless it has moved meanwhile."""
        self.decide(request, "approve", who_is(request.asked_by)).must(403, "self_approval")
        clerk = other_than(request.asked_by)
        answer = self.decide(request, "approve", clerk, reason)
        shelf = request.shelf
        if shelf.is_retired:
            answer.must(404, "not_found")
        elif shelf.available + request.delta < 0:
            answer.must(409, "insufficient_stock")
        else:
            self.note_decision(answer.must(200), request, "APPLIED", clerk)
            shelf.move(request.delta, request.type, request.reference)
            same((answer.body["totalAfter"], answer.body["delta"]), (shelf.total, request.delta), request)

    @rule(request=one_of(waiting), step=st.sampled_from(["reject", "cancel"]), clerk=CLERKS)
    @there_are(waiting)
    def turn_down(self, request: Request, step: str, clerk: Person) -> None:
        """It will not be done: nothing changes."""
        body = self.decide(request, step, clerk, "no").must(200)
        self.note_decision(body, request, "REJECTED" if step == "reject" else "CANCELLED", clerk)

    @rule(request=one_of(decided), step=st.sampled_from(["approve", "reject", "cancel"]), clerk=CLERKS)
    @there_are(decided)
    def decide_twice(self, request: Request, step: str, clerk: Person) -> None:
        """A decision that comes after another one changes nothing."""
        body = self.decide(request, step, clerk).must(409, "operation_closed")
        same(body["currentStatus"], request.status, request)

    @rule(shelf=one_of(kept), count=COUNTS, clerk=CLERKS)
    def count(self, shelf: Shelf, count: int, clerk: Person) -> None:
        """A stock count: the difference is written to the ledger, or waits."""
        path, delta = f"/inventory/{shelf.inventory_id}", count - shelf.total
        etag = self.ask(clerk, "GET", path).headers["ETag"]
        answer = self.ask(clerk, "PUT", path, {"quantityTotal": count}, version=etag)
        self.touch(shelf)
        if delta and shelf.available + delta < 0:
            answer.must(409, "insufficient_stock")
        elif delta and needs_somebody(shelf, delta):
            self.note_request(answer.must(202), shelf, clerk, delta=delta)
        else:
            same(answer.must(200)["quantityTotal"], count, shelf)
            if delta:
                shelf.move(delta, "ADJUSTMENT")
                self.learn_adjustments(shelf)
                self.ask(clerk, "PUT", path, {"quantityTotal": 0}, version=etag).must(412, "stale_version")

    @rule(shelf=one_of(kept), point=st.integers(0, 30))
    def change_the_reorder_point(self, shelf: Shelf, point: int) -> None:
        """The line moves, and an alert may come or go with it."""
        body = self.ask(ANNA, "PUT", f"/inventory/{shelf.inventory_id}", {"reorderPoint": point}).must(200)
        shelf.order_at(point)
        same(body["reorderPoint"], point, shelf)
        self.touch(shelf)

    @rule(shelf=one_of(kept))
    def retire(self, shelf: Shelf) -> None:
        """A shelf is no longer used, unless something on it is promised, or too much is left for one person."""
        if len(self.books.kept()) == 1:
            return
        answer = self.ask(ANNA, "DELETE", f"/inventory/{shelf.inventory_id}")
        if shelf.reserved:
            answer.must(409, "stock_in_use")
        elif shelf.total and needs_somebody(shelf, -shelf.total):
            same(answer.must(422, "approval_required")["quantityTotal"], shelf.total, shelf)
        else:
            answer.must(204)
            shelf.retire()
            self.ask(ANNA, "GET", f"/inventory/{shelf.inventory_id}").must(404, "not_found")
        self.touch(shelf)

    @rule(sku=one_of(lambda day: day.books.skus), number=st.integers(0, 4), quantity=st.integers(0, 9))
    def set_up(self, sku: str, number: int, quantity: int) -> None:
        """A SKU gets a shelf in a warehouse that has none, or none had it any more."""
        place = self.books.places[number]
        known = next(shelf for shelf in self.books.shelves if shelf.sku == sku)
        body = {
            "sku": sku,
            "productId": known.product_id,
            "warehouseId": place.warehouse_id,
            "quantityTotal": quantity,
            "reorderPoint": 1,
        }
        answer = self.ask(ANNA, "POST", "/inventory", body)
        if there := self.books.at(sku, place):
            same(answer.must(409, "already_exists")["inventoryId"], there.inventory_id, there)
            self.touch(there)
            return
        shelf = Shelf(answer.must(201)["inventoryId"], sku, known.product_id, place, 1)
        if quantity:
            shelf.move(quantity, "INBOUND")
        self.books.shelves.append(shelf)
        self.touch(shelf)

    def decide(self, request: Request, step: str, clerk: Person, reason: str = "") -> Answer:
        """One step of a request."""
        self.touch(request)
        return self.ask(clerk, "POST", f"/adjustments/{request.adjustment_id}/{step}", {"reason": reason})

    def note_change(self, body: dict[str, Any], shelf: Shelf, delta: int, type_: str, reference: str) -> None:
        """A change that was applied at once, into the books."""
        shelf.move(delta, type_, reference)
        self.books.adjustments.append(body["adjustmentId"])
        same((body["quantityTotal"], body["movement"]["quantity"]), (shelf.total, delta), shelf)

    def note_request(
        self,
        body: dict[str, Any],
        shelf: Shelf,
        clerk: Person,
        *,
        delta: int,
        type_: str = "ADJUSTMENT",
        reference: str = "",
    ) -> None:
        """A change that waits, into the books."""
        request = Request(body["adjustmentId"], shelf, delta, type_, clerk.name, reference)
        self.books.requests.append(request)
        self.books.adjustments.append(request.adjustment_id)
        self.touch(request)

    def note_decision(self, body: dict[str, Any], request: Request, status: str, clerk: Person) -> None:
        """How a request ended, into the books."""
        request.status, request.decided_by = status, clerk.name
        same((body["status"], body["decidedByName"]), (status, clerk.name), request)

    def learn_adjustments(self, shelf: Shelf) -> None:
        """Ids that only the list tells: a count answers the row alone."""
        known = set(self.books.adjustments)
        listed = self.floor.pages("/adjustments", inventoryId=shelf.inventory_id, pageSize=200)
        new = [it["adjustmentId"] for it in listed if it["adjustmentId"] not in known]
        assert len(new) == 1, "a count is one adjustment"
        self.books.adjustments += new


def needs_somebody(shelf: Shelf, delta: int) -> bool:
    """Whether a change is too large for one person."""
    place, cost = shelf.place, shelf.unit_cost
    too_dear = place.alone_worth is not None and cost is not None and abs(delta) * cost > place.alone_worth
    return abs(delta) > place.alone or too_dear
