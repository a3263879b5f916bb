"""What has begun goes on: the next step that is due, so that stories of many steps come to their end."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.acceptance.shop_day.books.purchases import Purchase
from tests.acceptance.shop_day.books.works import Transfer
from tests.acceptance.shop_day.floor import Person
from tests.acceptance.shop_day.rules import buying, moving
from tests.acceptance.shop_day.rules.buying import Buying
from tests.acceptance.shop_day.rules.counting import CLERKS
from tests.acceptance.shop_day.rules.day import one_of, rule, there_are
from tests.acceptance.shop_day.rules.moving import GAPS, Moving

STEPS = st.integers(1, 5)


def open_purchases(day: Buying) -> list[Purchase]:
    """Orders that wait for something."""
    return [it for it in day.books.purchases if not it.is_closed]


class Advancing(Moving, Buying):
    """Rules that take a step of a longer story, whichever is due."""

    @rule(transfer=one_of(moving.open_ones), clerk=CLERKS, gap=st.none() | GAPS, data=st.data())
    @there_are(moving.open_ones)
    def move_a_transfer_on(self, transfer: Transfer, clerk: Person, gap: str | None, data: st.DataObject) -> None:
        """It is approved, leaves, and arrives."""
        if transfer in moving.to_approve(self):
            self.decide_about_a_transfer(transfer=transfer, step="approve")
        elif transfer in moving.to_ship(self):
            self.ship(transfer=transfer, clerk=clerk, data=data)
        else:
            self.receive(transfer=transfer, clerk=clerk, gap=gap, data=data)

    @rule(purchase=one_of(open_purchases), clerk=CLERKS, data=st.data())
    @there_are(open_purchases)
    def move_a_purchase_on(self, purchase: Purchase, clerk: Person, data: st.DataObject) -> None:
        """It is approved, sent, and arrives."""
        if purchase in buying.to_approve(self):
            self.decide_about_a_draft(purchase=purchase, step="approve")
        elif purchase in buying.to_send(self):
            self.send(purchase=purchase, clerk=clerk)
        else:
            self.take_a_delivery(purchase=purchase, clerk=clerk, data=data)

    @rule(way=st.tuples(st.integers(0, 4), st.integers(0, 4)), clerk=CLERKS, steps=STEPS, data=st.data())
    def see_a_transfer_through(self, way: tuple[int, int], clerk: Person, steps: int, data: st.DataObject) -> None:
        """Stock goes elsewhere without anything else in between, as far as it comes in some steps."""
        before, (origin, goal) = len(self.books.transfers), way
        self.ask_for_a_transfer(origin=origin, goal=goal, clerk=clerk, data=data)
        for transfer in self.books.transfers[before:] * steps:
            if not transfer.is_closed:
                self.move_a_transfer_on(
                    transfer=transfer, clerk=clerk, gap=data.draw(st.none() | GAPS, label="gap"), data=data
                )
                self.must_agree()

    @rule(number=st.integers(0, 4), clerk=CLERKS, steps=STEPS, data=st.data())
    def see_a_purchase_through(self, number: int, clerk: Person, steps: int, data: st.DataObject) -> None:
        """Stock is bought without anything else in between, as far as it comes in some steps."""
        before = len(self.books.purchases)
        self.draft(number=number, clerk=clerk, data=data)
        for purchase in self.books.purchases[before:] * steps:
            if not purchase.is_closed:
                self.move_a_purchase_on(purchase=purchase, clerk=clerk, data=data)
                self.must_agree()
