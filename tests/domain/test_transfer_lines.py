"""What becomes of the pieces of a transfer: whatever happens, none is made and none disappears unaccounted."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.errors import ReceiptExceedsShipment, ShipmentExceedsRequest, UnknownItem
from domain.transfer_lines import Discrepancy, LineChange, TransferLine, receipt, resolution, shipment

LOST, FOUND, RETURN = Discrepancy.LOST, Discrepancy.FOUND, Discrepancy.RETURN
ROW = uuid.uuid4()


def line(sku: str = "A", quantity: int = 10, **pieces: int) -> TransferLine:
    return TransferLine(
        sku=sku,
        from_inventory_id=ROW,
        quantity=quantity,
        **{f"quantity_{became}": count for became, count in pieces.items()},
    )


def done(changes: Sequence[LineChange]) -> dict[str, dict[str, int]]:
    """What each change does, without what it does not."""
    names = ("shipped", "received", "lost", "returned")
    return {one.line.sku: {name: getattr(one, name) for name in names if getattr(one, name)} for one in changes}


ASKED = [line("A", 10), line("B", 5)]
SENT = [line("A", 10, shipped=10, received=4), line("B", 5, shipped=5), line("C", 2)]


class TestShipping:
    def test_all_that_was_asked_for_leaves_when_nothing_else_is_said(self) -> None:
        assert done(shipment(ASKED, {})) == {"A": {"shipped": 10}, "B": {"shipped": 5}}

    def test_less_may_leave_and_a_line_that_is_not_named_stays(self) -> None:
        assert done(shipment(ASKED, {"A": 7})) == {"A": {"shipped": 7}}

    def test_more_than_was_asked_for_may_not_and_every_such_line_is_listed(self) -> None:
        with pytest.raises(ShipmentExceedsRequest) as refused:
            shipment(ASKED, {"A": 11, "B": 6})
        assert refused.value.extra["lines"] == [
            {"sku": "A", "quantity": 11, "most": 10},
            {"sku": "B", "quantity": 6, "most": 5},
        ]

    def test_what_is_not_on_the_transfer_cannot_leave_with_it(self) -> None:
        with pytest.raises(UnknownItem, match="Z"):
            shipment(ASKED, {"A": 1, "Z": 1})


class TestReceiving:
    def test_all_that_is_in_transit_arrives_when_nothing_else_is_said(self) -> None:
        assert done(receipt(SENT, {}, None)) == {"A": {"received": 6}, "B": {"received": 5}}

    def test_a_gap_stays_in_transit_until_somebody_decides(self) -> None:
        [change] = receipt(SENT, {"A": 5}, None)
        assert change.after == line("A", 10, shipped=10, received=9)
        assert change.after.quantity_in_transit == 1

    @pytest.mark.parametrize(
        ("gap", "a", "b"),
        [
            (LOST, {"received": 5, "lost": 1}, {"lost": 5}),
            (FOUND, {"received": 6}, {"received": 5}),
            (RETURN, {"received": 5, "returned": 1}, {"returned": 5}),
        ],
    )
    def test_a_discrepancy_decides_about_all_that_did_not_arrive(
        self, gap: Discrepancy, a: dict[str, int], b: dict[str, int]
    ) -> None:
        assert done(receipt(SENT, {"A": 5}, gap)) == {"A": a, "B": b}

    def test_more_than_is_in_transit_cannot_arrive_and_every_such_line_is_listed(self) -> None:
        with pytest.raises(ReceiptExceedsShipment) as refused:
            receipt(SENT, {"A": 7, "B": 5, "C": 1}, None)
        assert refused.value.extra["lines"] == [
            {"sku": "A", "quantity": 7, "most": 6},
            {"sku": "C", "quantity": 1, "most": 0},
        ]

    def test_what_was_never_sent_cannot_arrive(self) -> None:
        with pytest.raises(UnknownItem, match="Z"):
            receipt(SENT, {"Z": 1}, LOST)


class TestResolving:
    @pytest.mark.parametrize(("gap", "became"), [(LOST, "lost"), (FOUND, "received"), (RETURN, "returned")])
    def test_what_is_said_happens_to_the_pieces_that_are_named(self, gap: Discrepancy, became: str) -> None:
        assert done(resolution(SENT, {"A": 2}, gap)) == {"A": {became: 2}}

    def test_without_lines_it_is_about_all_that_is_in_transit(self) -> None:
        assert done(resolution(SENT, {}, RETURN)) == {"A": {"returned": 6}, "B": {"returned": 5}}

    def test_what_is_not_in_transit_cannot_be_decided_about(self) -> None:
        with pytest.raises(ReceiptExceedsShipment):
            resolution(SENT, {"A": 7}, LOST)


class Life(RuleBasedStateMachine):
    """Any steps in any order. The model counts pieces where they are: at the source, on the road, there, or gone."""

    @initialize(asked=st.dictionaries(st.sampled_from("ABC"), st.integers(1, 20), min_size=1))
    def ask(self, asked: dict[str, int]) -> None:
        self.lines = [line(sku, quantity) for sku, quantity in asked.items()]
        self.at_source = dict(asked)
        self.there = dict.fromkeys(asked, 0)
        self.gone = dict.fromkeys(asked, 0)
        self.has_left = False

    @precondition(lambda self: not self.has_left)
    @rule(data=st.data())
    def ship(self, data: st.DataObject) -> None:
        wanted = self._some(data, {one.sku: one.quantity for one in self.lines})
        self._take(shipment(self.lines, wanted))
        self.has_left = True
        for sku, quantity in (wanted or {one.sku: one.quantity for one in self.lines}).items():
            self.at_source[sku] -= quantity

    @precondition(lambda self: self.has_left)
    @rule(data=st.data(), gap=st.none() | st.sampled_from(Discrepancy))
    def receive(self, data: st.DataObject, gap: Discrepancy | None) -> None:
        before = self._on_the_road()
        wanted = self._some(data, before)
        arrived = wanted or before
        self._take(receipt(self.lines, wanted, gap))
        for sku, quantity in arrived.items():
            self.there[sku] += quantity
        if gap:
            self._decide({sku: rest - arrived.get(sku, 0) for sku, rest in before.items()}, gap)

    @precondition(lambda self: self.has_left)
    @rule(data=st.data(), gap=st.sampled_from(Discrepancy))
    def resolve(self, data: st.DataObject, gap: Discrepancy) -> None:
        before = self._on_the_road()
        wanted = self._some(data, before)
        self._take(resolution(self.lines, wanted, gap))
        self._decide(wanted or before, gap)

    @invariant()
    def nothing_is_made_and_nothing_disappears(self) -> None:
        for one in getattr(self, "lines", []):
            assert min(one.quantity_received, one.quantity_lost, one.quantity_returned, one.quantity_in_transit) >= 0
            assert one.quantity_shipped <= one.quantity
            assert one.quantity_received == self.there[one.sku]
            assert one.quantity_lost == self.gone[one.sku]
            known = self.at_source[one.sku] + self.there[one.sku] + self.gone[one.sku]
            assert one.quantity_in_transit == one.quantity - known

    def _decide(self, pieces: Mapping[str, int], gap: Discrepancy) -> None:
        place = {LOST: self.gone, FOUND: self.there, RETURN: self.at_source}[gap]
        for sku, quantity in pieces.items():
            place[sku] += quantity

    def _on_the_road(self) -> dict[str, int]:
        return {one.sku: one.quantity_in_transit for one in self.lines}

    def _some(self, data: st.DataObject, most: Mapping[str, int]) -> dict[str, int]:
        able = {sku: quantity for sku, quantity in most.items() if quantity}
        chosen = data.draw(st.lists(st.sampled_from(sorted(able)), unique=True)) if able else []
        return {sku: data.draw(st.integers(1, able[sku])) for sku in chosen}

    def _take(self, changes: Sequence[LineChange]) -> None:
        after: dict[str, Any] = {one.line.sku: one.after for one in changes}
        self.lines = [after.get(one.sku, one) for one in self.lines]


TestLife = Life.TestCase
