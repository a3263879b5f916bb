"""Stock on its way between warehouses: asked for, approved, shipped, received in parts, missing, back again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from tests.acceptance.shop_day.books.places import Place
from tests.acceptance.shop_day.books.shelves import Shelf
from tests.acceptance.shop_day.books.works import Cargo, Transfer
from tests.acceptance.shop_day.floor import Answer, Person, other_than, same, who_is
from tests.acceptance.shop_day.rules.comparing import check_transfer
from tests.acceptance.shop_day.rules.counting import CLERKS
from tests.acceptance.shop_day.rules.day import Day, kept, one_of, rule, there_are

ALONE_MAX = 500
REORDER_POINT = 10
"""What the house has for a shelf that a transfer makes."""

PIECES = st.one_of(st.integers(1, 5), st.integers(1, 40), st.just(ALONE_MAX + 1))
GAPS = st.sampled_from(["lost", "found", "return"])
Pieces = Mapping[str, int]


def transfers(day: Day) -> list[Transfer]:
    """All transfers."""
    return day.books.transfers


def to_approve(day: Day) -> list[Transfer]:
    """Transfers that wait for a second person."""
    return [it for it in transfers(day) if it.status == "PENDING_APPROVAL"]


def to_ship(day: Day) -> list[Transfer]:
    """Transfers that may leave."""
    return [it for it in transfers(day) if it.status in ("REQUESTED", "APPROVED")]


def on_the_road(day: Day) -> list[Transfer]:
    """Transfers that have left and are not accounted for."""
    return [it for it in transfers(day) if it.is_on_the_road]


def open_ones(day: Day) -> list[Transfer]:
    """Transfers that are not closed."""
    return [it for it in transfers(day) if not it.is_closed]


def counted(day: Day) -> list[Transfer]:
    """Transfers with a receipt that has a number."""
    return [it for it in transfers(day) if it.receipts]


class Moving(Day):
    """Rules of transfers."""

    @rule(origin=st.integers(0, 4), goal=st.integers(0, 4), clerk=CLERKS, data=st.data())
    def ask_for_a_transfer(self, origin: int, goal: int, clerk: Person, data: st.DataObject) -> None:
        """Stock is to go elsewhere: at once, or after a second person has agreed."""
        here, there = self.books.places[origin], self.books.places[goal]
        skus = sorted({shelf.sku for shelf in kept(self) if shelf.place is here}) or [self.books.skus[0]]
        pieces = data.draw(st.dictionaries(st.sampled_from(skus), PIECES, min_size=1, max_size=3), label="pieces")
        body = {"fromWarehouseId": here.warehouse_id, "toWarehouseId": there.warehouse_id, "lines": lines_of(pieces)}
        answer = self.ask(clerk, "POST", "/transfers", body)
        if here is there:
            answer.must(422, "validation_failed")
        elif any(self.books.at(sku, here) is None for sku in pieces):
            answer.must(422, "unknown_item")
        else:
            self.note_transfer(answer.must(201), here, there, pieces, clerk)

    @rule(transfer=one_of(to_approve), step=st.sampled_from(["approve", "approve", "reject"]))
    @there_are(to_approve)
    def decide_about_a_transfer(self, transfer: Transfer, step: str) -> None:
        """Another person agrees or not, never the asker; nothing moves yet."""
        self.take(transfer, "approve", who_is(transfer.asked_by)).must(403, "self_approval")
        clerk = other_than(transfer.asked_by)
        answer = self.take(transfer, step, clerk)
        transfer.status, transfer.decided_by = "APPROVED" if step == "approve" else "REJECTED", clerk.name
        self.agree(answer, transfer, transfer.status.lower())

    @rule(transfer=one_of(to_ship), clerk=CLERKS, data=st.data())
    @there_are(to_ship)
    def ship(self, transfer: Transfer, clerk: Person, data: st.DataObject) -> None:
        """All of it or less leaves its shelves, if it is free to leave."""
        some = data.draw(_some_of({sku: it.asked for sku, it in transfer.cargo.items()}), label="shipped")
        answer = self.take(transfer, "ship", clerk, lines=lines_of(some))
        leaving = some or {sku: it.asked for sku, it in transfer.cargo.items()}
        if any(pieces > transfer.cargo[sku].asked for sku, pieces in leaving.items()):
            answer.must(409, "shipment_exceeds_request")
            return
        shelves = {sku: self.books.at(sku, transfer.source) for sku in leaving}
        if any(shelf is None for shelf in shelves.values()):
            answer.must(422, "unknown_item")
            return
        if short := {sku: (n, shelves[sku].available) for sku, n in leaving.items() if n > shelves[sku].available}:
            said = {
                it["sku"]: (it["requested"], it["available"])
                for it in answer.must(409, "insufficient_stock")["shortages"]
            }
            same(said, short, transfer)
            return
        for sku, pieces in leaving.items():
            shelves[sku].move(-pieces, "TRANSFER", transfer.transfer_id)
            transfer.cargo[sku].shipped, transfer.cargo[sku].origin = pieces, shelves[sku]
        transfer.status = "IN_TRANSIT"
        self.agree(answer, transfer, "shipped")

    @rule(transfer=one_of(on_the_road), clerk=CLERKS, gap=st.none() | GAPS, data=st.data())
    @there_are(on_the_road)
    def receive(self, transfer: Transfer, clerk: Person, gap: str | None, data: st.DataObject) -> None:
        """Some of it or all arrives, or more than was sent, which is refused; the last receipt says what the gap is."""
        some = data.draw(_some_of(transfer.in_transit()), label="received")
        said = {"lines": lines_of(some), "receiptId": f"slip-{len(transfer.receipts)}"}
        said |= {"discrepancy": gap} if gap else {}
        answer = self.take(transfer, "receive", clerk, **said)
        if self.is_too_much(answer, transfer, some):
            return
        transfer.receipts[said["receiptId"]] = said
        transfer.news.append("inventory.transfer_received")
        self.arrive(transfer, some or transfer.in_transit())
        if gap:
            self.account_for(transfer, transfer.in_transit(), gap)
        transfer.settle()
        self.agree(answer, transfer)

    @rule(transfer=one_of(counted), number=st.integers(0, 3), clerk=CLERKS)
    @there_are(counted)
    def scan_a_slip_again(self, transfer: Transfer, number: int, clerk: Person) -> None:
        """The same slip counts once, however late it comes again; with other contents it is refused."""
        said = list(transfer.receipts.values())[number % len(transfer.receipts)]
        check_transfer(self.take(transfer, "receive", clerk, **said).must(200), transfer)
        other = {**said, "lines": [*said["lines"], {"sku": next(iter(transfer.cargo)), "quantity": 1}]}
        self.take(transfer, "receive", clerk, **other).must(409, "receipt_mismatch")

    @rule(transfer=one_of(on_the_road), clerk=CLERKS, gap=GAPS, data=st.data())
    @there_are(on_the_road)
    def decide_about_a_gap(self, transfer: Transfer, clerk: Person, gap: str, data: st.DataObject) -> None:
        """Somebody says what became of pieces that did not arrive."""
        some = data.draw(_some_of(transfer.in_transit()), label="missing")
        answer = self.take(transfer, "resolve", clerk, lines=lines_of(some), discrepancy=gap)
        if self.is_too_much(answer, transfer, some):
            return
        transfer.news.append("inventory.transfer_resolved")
        self.account_for(transfer, some or transfer.in_transit(), gap)
        transfer.settle()
        self.agree(answer, transfer)

    @rule(transfer=one_of(open_ones), clerk=CLERKS)
    @there_are(open_ones)
    def cancel_a_transfer(self, transfer: Transfer, clerk: Person) -> None:
        """Whatever is on the road goes back to where it came from."""
        answer = self.take(transfer, "cancel", clerk)
        self.account_for(transfer, transfer.in_transit(), "return")
        transfer.status = "CANCELLED"
        self.agree(answer, transfer, "cancelled")

    @rule(
        transfer=one_of(transfers), step=st.sampled_from(["approve", "reject", "ship", "receive", "resolve", "cancel"])
    )
    @there_are(transfers)
    def take_a_step_that_is_not_due(self, transfer: Transfer, step: str) -> None:
        """A step that the transfer does not take now changes nothing."""
        due = {"approve": to_approve, "reject": to_approve, "ship": to_ship, "receive": on_the_road}
        due |= {"resolve": on_the_road, "cancel": open_ones}
        if transfer in due[step](self):
            return
        more = {"discrepancy": "lost"} if step == "resolve" else {}
        answer = self.take(transfer, step, other_than(transfer.asked_by), **more)
        body = answer.must(409, "operation_closed" if transfer.is_closed else "step_not_allowed")
        same(body["currentStatus"], transfer.status, transfer)

    def take(self, transfer: Transfer, step: str, clerk: Person, **said: Any) -> Answer:
        """One step of a transfer."""
        self.touch(transfer)
        return self.ask(clerk, "POST", f"/transfers/{transfer.transfer_id}/{step}", said)

    def note_transfer(self, made: Mapping[str, Any], here: Place, there: Place, pieces: Pieces, clerk: Person) -> None:
        """A request, into the books."""
        waits = here.region != there.region or sum(pieces.values()) > ALONE_MAX
        cargo = {sku: Cargo(quantity, self.books.at(sku, here)) for sku, quantity in pieces.items()}
        status = "PENDING_APPROVAL" if waits else "REQUESTED"
        transfer = Transfer(made["transferId"], here, there, cargo, clerk.name, status)
        transfer.news.append("inventory.transfer_requested")
        check_transfer(made, transfer)
        self.books.transfers.append(transfer)
        self.touch(transfer)

    def agree(self, answer: Answer, transfer: Transfer, news: str = "") -> None:
        """The answer to a step that was taken is what the books say now."""
        transfer.news += [f"inventory.transfer_{news}"] if news else []
        check_transfer(answer.must(200), transfer)

    def is_too_much(self, answer: Answer, transfer: Transfer, pieces: Pieces) -> bool:
        """Whether more is meant than is on the road, and then it is refused."""
        road = transfer.in_transit()
        if all(quantity <= road.get(sku, 0) for sku, quantity in pieces.items()):
            return False
        answer.must(409, "receipt_exceeds_shipment")
        return True

    def account_for(self, transfer: Transfer, pieces: Pieces, gap: str) -> None:
        """What became of pieces on the road, into the books."""
        if gap == "found":
            self.arrive(transfer, pieces)
        for sku, quantity in pieces.items() if gap != "found" else ():
            if gap == "lost":
                transfer.cargo[sku].lost += quantity
            else:
                self.put(transfer, sku, transfer.source, quantity)
                transfer.cargo[sku].returned += quantity

    def arrive(self, transfer: Transfer, pieces: Pieces) -> None:
        """Pieces reach the target's shelf, into the books."""
        for sku, quantity in pieces.items():
            self.put(transfer, sku, transfer.target, quantity)
            transfer.cargo[sku].received += quantity

    def put(self, transfer: Transfer, sku: str, place: Place, pieces: int) -> None:
        """Pieces onto a shelf, which is made where there is none, as the one they came from."""
        shelf = self.books.at(sku, place)
        if shelf is None:
            origin = transfer.cargo[sku].origin
            rows = self.floor.pages(f"/inventory/sku/{sku}")
            [row] = [it for it in rows if it["warehouseId"] == place.warehouse_id]
            shelf = Shelf(row["inventoryId"], sku, origin.product_id, place, REORDER_POINT, origin.unit_cost)
            self.books.shelves.append(shelf)
        shelf.move(pieces, "TRANSFER", transfer.transfer_id)


def lines_of(pieces: Pieces) -> list[dict[str, Any]]:
    """Pieces by SKU as a request has them."""
    return [{"sku": sku, "quantity": quantity} for sku, quantity in pieces.items()]


@st.composite
def _some_of(draw: st.DrawFn, most: Pieces) -> dict[str, int]:
    """Some pieces of some SKUs, now and then one more than there are; nothing stands for all of them."""
    if draw(st.booleans()):
        return {}
    skus = draw(st.lists(st.sampled_from(sorted(most)), min_size=1, unique=True))
    return {sku: draw(st.integers(1, most[sku] + draw(st.sampled_from([0, 0, 0, 1])))) for sku in skus}
