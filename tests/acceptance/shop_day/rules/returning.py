"""What was sold comes back: in parts, sellable or damaged, never more than is still out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.acceptance.shop_day.books.holds import Hold
from tests.acceptance.shop_day.books.shelves import Shelf
from tests.acceptance.shop_day.floor import CARLA, same
from tests.acceptance.shop_day.rules.comparing import check_hold
from tests.acceptance.shop_day.rules.day import Day, one_of, rule, sold, there_are

CONDITIONS = ("sellable", "damaged")


@dataclass(frozen=True, slots=True)
class Back:
    """Pieces that somebody brings back: of a SKU, or of the row that served the sale."""

    shelf: Shelf
    pieces: int
    condition: str
    by_row: bool

    def names(self, shelf: Shelf) -> bool:
        """Whether pieces of this shelf are meant."""
        return shelf is self.shelf if self.by_row else shelf.sku == self.shelf.sku

    def body(self) -> dict[str, Any]:
        named = {"inventoryId": self.shelf.inventory_id} if self.by_row else {"sku": self.shelf.sku}
        return {**named, "quantity": self.pieces, "condition": self.condition}


@st.composite
def _backs(draw: st.DrawFn, hold: Hold) -> list[Back]:
    back = st.builds(
        Back, st.sampled_from(list(hold.lines)), st.integers(1, 3), st.sampled_from(CONDITIONS), st.booleans()
    )
    return draw(st.lists(back, min_size=1, max_size=3))


class Returning(Day):
    """Rules of returns."""

    @rule(hold=one_of(sold), data=st.data())
    @there_are(sold)
    def bring_back_some(self, hold: Hold, data: st.DataObject) -> None:
        """Some pieces come back, or all of them are refused because some are too many."""
        backs = data.draw(_backs(hold), label="back")
        body = {"lines": [back.body() for back in backs], "reason": "wrong colour"}
        answer = self.ask(CARLA, "POST", f"/reservations/{hold.reservation_id}/return", body)
        self.touch(hold)
        if excess := _excess(hold, backs):
            errors = answer.must(409, "return_exceeds_sale")["errors"]
            same({(it["pointer"], it["requested"], it["returnable"]) for it in errors}, excess, hold)
        else:
            self.take_in(hold, backs, answer.must(201))

    @rule(hold=one_of(sold), called_off=st.booleans())
    @there_are(sold)
    def bring_back_the_rest(self, hold: Hold, called_off: bool) -> None:
        """Without a word everything comes back that is not back yet; so it does when the order is cancelled."""
        path = f"/reservations/{hold.reservation_id}"
        self.touch(hold)
        if called_off:
            body = self.ask(CARLA, "POST", f"{path}/cancel", {"reason": "order_cancelled"}).must(200)
            hold.call_off()
            check_hold(body, hold)
            return
        body = self.ask(CARLA, "POST", f"{path}/return").must(201)
        rest = {shelf.inventory_id: (pieces, "sellable") for shelf, pieces in hold.out().items() if pieces}
        same({it["inventoryId"]: (it["quantity"], it["condition"]) for it in body["lines"]}, rest, hold)
        assert body["isComplete"]
        self.write_down(hold, body)

    def take_in(self, hold: Hold, backs: Sequence[Back], body: dict[str, Any]) -> None:
        """A return that was accepted: what was meant by SKU may have gone to any of its rows, else it is as told."""
        told: Counter[tuple[str, str]] = Counter()
        for line in body["lines"]:
            told[self.books.shelf(line["inventoryId"]).sku, line["condition"]] += line["quantity"]
        meant: Counter[tuple[str, str]] = Counter()
        for back in backs:
            meant[back.shelf.sku, back.condition] += back.pieces
        same(told, meant, hold)
        for back in backs:
            if back.by_row:
                lines = [it for it in body["lines"] if it["inventoryId"] == back.shelf.inventory_id]
                assert sum(it["quantity"] for it in lines if it["condition"] == back.condition) >= back.pieces
        self.write_down(hold, body)
        same(body["isComplete"], hold.is_whole, hold)

    def write_down(self, hold: Hold, body: dict[str, Any]) -> None:
        """A return into the books, line by line as the ledger has them."""
        for line in body["lines"]:
            shelf = self.books.shelf(line["inventoryId"])
            hold.take_back(shelf, line["quantity"], damaged=line["condition"] == "damaged")
        hold.news.append("inventory.returned")


def _excess(hold: Hold, backs: Sequence[Back]) -> set[tuple[str, int, int]]:
    """Every item that is more than is still out: pointer, pieces, and how many of them could come back.

    Items that name their row are served first.
    """
    out = hold.out()
    excess = set()
    for number, back in sorted(enumerate(backs), key=lambda it: not it[1].by_row):
        missing = back.pieces
        for shelf in hold.lines:
            if back.names(shelf):
                taken = min(missing, out[shelf])
                out[shelf] -= taken
                missing -= taken
        if missing:
            excess.add((f"/lines/{number}/quantity", back.pieces, back.pieces - missing))
    return excess
