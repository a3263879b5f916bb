"""Stock from suppliers: what is low is drafted, approved, sent, received in parts and over, closed short."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests.acceptance.shop_day.books.places import Place
from tests.acceptance.shop_day.books.purchases import Ordered, Purchase, Supplier, Terms
from tests.acceptance.shop_day.books.shelves import Shelf
from tests.acceptance.shop_day.floor import ANNA, BERT, Answer, Person, other_than, same, who_is
from tests.acceptance.shop_day.rules.comparing import check_purchase
from tests.acceptance.shop_day.rules.counting import CLERKS
from tests.acceptance.shop_day.rules.day import Day, one_of, rule, there_are
from tests.acceptance.shop_day.rules.moving import REORDER_POINT, Pieces, lines_of

REORDER_QUANTITY = 50
"""What the house orders of a row that says nothing else, as all of ours."""

MACHINE = "system:restock"
TERMS = (Terms(1, 1, "3.50"), Terms(6, 12, "4.20"), Terms(2, 1, "0.99"), Terms(12, 1, "11.00"), Terms(5, 10, "7.77"))
"""On which terms the supplier of an aisle sells its first SKUs; the others it does not."""


def to_approve(day: Day) -> list[Purchase]:
    """Drafts."""
    return [it for it in day.books.purchases if it.status == "DRAFT"]


def to_send(day: Day) -> list[Purchase]:
    """Orders that were approved."""
    return [it for it in day.books.purchases if it.status == "APPROVED"]


def to_receive(day: Day) -> list[Purchase]:
    """Orders that the supplier has."""
    return [it for it in day.books.purchases if it.status in ("SENT", "PARTIALLY_RECEIVED")]


def to_close(day: Day) -> list[Purchase]:
    """Orders of which a part has come."""
    return [it for it in day.books.purchases if it.status == "PARTIALLY_RECEIVED"]


def to_cancel(day: Day) -> list[Purchase]:
    """Orders of which nothing has come."""
    return [it for it in day.books.purchases if it.status in ("DRAFT", "APPROVED", "SENT")]


def purchases(day: Day) -> list[Purchase]:
    """All orders."""
    return day.books.purchases


class Buying(Day):
    """Rules of purchase orders."""

    def teardown(self) -> None:
        """The supplier goes out of use with its aisle: what is low there is nobody's business any more."""
        if self.books.supplier is not None:
            path = f"/suppliers/{self.books.supplier.supplier_id}"
            self.floor.ask(ANNA, "PUT", path, {"isActive": False}).must(200)
        super().teardown()

    @rule(number=st.integers(0, 4), clerk=CLERKS, data=st.data())
    def draft(self, number: int, clerk: Person, data: st.DataObject) -> None:
        """Somebody wants something from the supplier, in quantities that it sells or not."""
        place, supplier = self.books.places[number], self.supplier()
        some = st.dictionaries(st.sampled_from(self.books.skus), st.integers(1, 40), min_size=1, max_size=3)
        pieces = data.draw(some, label="pieces")
        if data.draw(st.booleans(), label="in packs"):
            pieces = {sku: supplier.terms[sku].orderable(n) for sku, n in pieces.items() if sku in supplier.terms}
        body = {"supplierId": supplier.supplier_id, "warehouseId": place.warehouse_id, "lines": lines_of(pieces)}
        if not pieces:  # malformed: refused before its key is looked at
            self.floor.ask(clerk, "POST", "/purchase-orders", body).must(422, "validation_failed")
            return
        answer = self.ask(clerk, "POST", "/purchase-orders", body)
        if any(sku not in supplier.terms for sku in pieces):
            answer.must(422, "unknown_item")
        elif any(supplier.terms[sku].orderable(n) != n for sku, n in pieces.items()):
            answer.must(422, "validation_failed")
        else:
            self.note_purchase(answer.must(201), place, pieces, clerk.name)

    @rule(clerk=CLERKS)
    def restock(self, clerk: Person) -> None:
        """The machine suggests what is low, and drafts one order for each warehouse."""
        low = self.what_is_low()
        supplier = self.supplier()
        suggested = self.floor.pages("/restock/suggestions", supplierId=supplier.supplier_id, pageSize=3)
        places = {place.warehouse_id: place for place in self.books.places}
        seen = {(places[it["warehouseId"]], it["sku"]): it["quantity"] for it in suggested}
        same(seen, {(place, sku): n for place, lines in low.items() for sku, n in lines.items()}, "suggestions")
        run = self.ask(clerk, "POST", "/restock/run").must(202)["workflowId"]

        report = self.floor.outcome(run)
        listed = self.floor.pages("/purchase-orders", supplierId=supplier.supplier_id, pageSize=200)
        made = [it for it in listed if it["restockRun"] == run]
        same(sorted(it["number"] for it in made), sorted(report["orders"]), run)
        same(len(made), len(low), run)
        for it in sorted(made, key=lambda it: places[it["warehouseId"]].priority):
            place = places[it["warehouseId"]]
            self.note_purchase(it, place, low[place], MACHINE)

    @rule(purchase=one_of(to_approve), step=st.sampled_from(["approve", "approve", "approve", "reject"]))
    @there_are(to_approve)
    def decide_about_a_draft(self, purchase: Purchase, step: str) -> None:
        """Another person agrees or not, never the asker."""
        clerk = other_than(purchase.asked_by)
        if purchase.asked_by != MACHINE:
            self.take_a_step(purchase, "approve", who_is(purchase.asked_by)).must(403, "self_approval")
        answer = self.take_a_step(purchase, step, clerk)
        purchase.decided_by = clerk.name
        self.move_on(answer, purchase, "APPROVED" if step == "approve" else "REJECTED")

    @rule(purchase=one_of(to_send), clerk=CLERKS)
    @there_are(to_send)
    def send(self, purchase: Purchase, clerk: Person) -> None:
        """The supplier has it."""
        self.move_on(self.take_a_step(purchase, "send", clerk), purchase, "SENT")

    @rule(purchase=one_of(to_receive), clerk=CLERKS, data=st.data())
    @there_are(to_receive)
    def take_a_delivery(self, purchase: Purchase, clerk: Person, data: st.DataObject) -> None:
        """Some of it arrives or all, a little more than was ordered or too much of it."""
        some = data.draw(_some_of({sku: line.room() for sku, line in purchase.lines.items()}), label="arrived")
        said = {"lines": lines_of(some), "receiptId": f"slip-{len(purchase.receipts)}"}
        answer = self.take_a_step(purchase, "receive", clerk, **said)
        arrived = some or {sku: line.outstanding for sku, line in purchase.lines.items() if line.outstanding}
        if any(n > purchase.lines[sku].room() for sku, n in arrived.items()):
            answer.must(409, "receipt_exceeds_order")
            return
        if any(not self.books.kept(sku) for sku in arrived):
            answer.must(422, "unknown_item")  # no row says which product it is
            return
        purchase.receipts[said["receiptId"]] = said
        for sku, n in arrived.items():
            self.shelve(purchase, sku, n)
        self.move_on(answer, purchase, purchase.status_by_lines(), "received")

    @rule(purchase=one_of(purchases), number=st.integers(0, 3), clerk=CLERKS)
    @there_are(purchases)
    def scan_a_delivery_again(self, purchase: Purchase, number: int, clerk: Person) -> None:
        """The same slip counts once, however late it comes again; with other contents it is refused."""
        if not purchase.receipts:
            return
        said = list(purchase.receipts.values())[number % len(purchase.receipts)]
        check_purchase(self.take_a_step(purchase, "receive", clerk, **said).must(200), purchase)
        other = {**said, "lines": [*said["lines"], {"sku": next(iter(purchase.lines)), "quantity": 1}]}
        self.take_a_step(purchase, "receive", clerk, **other).must(409, "receipt_mismatch")

    @rule(purchase=one_of(to_close), clerk=CLERKS)
    @there_are(to_close)
    def close_short(self, purchase: Purchase, clerk: Person) -> None:
        """The rest does not come."""
        answer = self.take_a_step(purchase, "close", clerk, reason="discontinued")
        self.move_on(answer, purchase, "CLOSED")

    @rule(purchase=one_of(to_cancel), clerk=CLERKS)
    @there_are(to_cancel)
    def cancel_a_purchase(self, purchase: Purchase, clerk: Person) -> None:
        """It is not wanted any more, and nothing has come yet."""
        self.move_on(self.take_a_step(purchase, "cancel", clerk), purchase, "CANCELLED")

    @rule(purchase=one_of(purchases), step=st.sampled_from(["approve", "reject", "send", "receive", "close", "cancel"]))
    @there_are(purchases)
    def hurry_a_purchase(self, purchase: Purchase, step: str) -> None:
        """A step that the order does not take now changes nothing."""
        due = {"approve": to_approve, "reject": to_approve, "send": to_send, "receive": to_receive}
        due |= {"close": to_close, "cancel": to_cancel}
        if purchase in due[step](self):
            return
        answer = self.take_a_step(purchase, step, other_than(purchase.asked_by), reason="now")
        body = answer.must(409, "operation_closed" if purchase.is_closed else "step_not_allowed")
        same(body["currentStatus"], purchase.status, purchase)

    def supplier(self) -> Supplier:
        """Who sells to this aisle, known from the first time that somebody is needed."""
        if self.books.supplier is None:
            body = {"code": self.books.name.upper(), "name": self.books.name, "currency": "EUR", "leadTimeDays": 30}
            made = self.ask(ANNA, "POST", "/suppliers", body).must(201)
            self.books.supplier = Supplier(made["supplierId"], dict(zip(self.books.skus, TERMS, strict=False)))
            for sku, terms in self.books.supplier.terms.items():
                path = f"/suppliers/{made['supplierId']}/items/{sku}"
                sold = {"unitCost": terms.cost, "packSize": terms.pack, "minimumQuantity": terms.least}
                self.ask(BERT, "PUT", path, sold).must(201)
        return self.books.supplier

    def what_is_low(self) -> dict[Place, dict[str, int]]:
        """What to order for each warehouse: rows that are low even with what is on its way to them."""
        low: dict[Place, dict[str, int]] = {}
        for shelf in self.books.kept():
            terms = self.supplier().terms.get(shelf.sku)
            level = shelf.available + self.books.in_transit_to(shelf.sku, shelf.place)
            level += self.books.on_order_for(shelf.sku, shelf.place)
            if terms is not None and level <= shelf.reorder_point:
                missing = max(REORDER_QUANTITY, shelf.reorder_point + 1 - level)
                low.setdefault(shelf.place, {})[shelf.sku] = terms.orderable(missing)
        return low

    def take_a_step(self, purchase: Purchase, step: str, clerk: Person, **said: Any) -> Answer:
        """One step of an order."""
        self.touch(purchase)
        return self.ask(clerk, "POST", f"/purchase-orders/{purchase.purchase_order_id}/{step}", said)

    def note_purchase(self, made: Mapping[str, Any], place: Place, pieces: Pieces, asked_by: str) -> None:
        """A draft, into the books."""
        terms = self.supplier().terms
        lines = {sku: Ordered(n, Decimal(terms[sku].cost)) for sku, n in pieces.items()}
        purchase = Purchase(made["purchaseOrderId"], place, lines, asked_by)
        purchase.news.append("inventory.purchase_order_drafted")
        check_purchase(made, purchase)
        self.books.purchases.append(purchase)
        self.touch(purchase)

    def move_on(self, answer: Answer, purchase: Purchase, status: str, news: str = "") -> None:
        """A step that was taken, into the books."""
        purchase.status = status
        purchase.news.append(f"inventory.purchase_order_{news or status.lower()}")
        check_purchase(answer.must(200), purchase)

    def shelve(self, purchase: Purchase, sku: str, pieces: int) -> None:
        """Pieces that arrived onto their shelf, which is made where there is none; it costs what they cost."""
        shelf, line = self.books.at(sku, purchase.place), purchase.lines[sku]
        if shelf is None:
            known = self.books.kept(sku)[0]
            rows = self.floor.pages(f"/inventory/sku/{sku}")
            [row] = [it for it in rows if it["warehouseId"] == purchase.place.warehouse_id]
            shelf = Shelf(row["inventoryId"], sku, known.product_id, purchase.place, REORDER_POINT)
            self.books.shelves.append(shelf)
        shelf.unit_cost = line.cost
        shelf.move(pieces, "INBOUND", purchase.purchase_order_id)
        line.received += pieces


@st.composite
def _some_of(draw: st.DrawFn, room: Pieces) -> dict[str, int]:
    """Some pieces of some SKUs, now and then more than there is room for; nothing stands for all of them."""
    if draw(st.booleans()):
        return {}
    skus = draw(st.lists(st.sampled_from(sorted(room)), min_size=1, unique=True))
    return {sku: draw(st.integers(1, max(1, room[sku] + draw(st.sampled_from([-5, -5, 0, 1]))))) for sku in skus}
