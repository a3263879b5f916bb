"""What is taken in of what arrives: in parts, a little too much, never what was not ordered."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.errors import ReceiptExceedsOrder, UnknownItem
from domain.limits import QUANTITY_MAX
from domain.purchase_orders import PurchaseOrderStatus
from domain.purchase_receipts import receivable, status_after_receipt
from tests.domain.test_purchase_orders import line, order

SENT = PurchaseOrderStatus.SENT
quantities = st.integers(1, QUANTITY_MAX)


def test_without_lines_all_that_is_outstanding_has_come() -> None:
    it = order(line("A", 10, 4), line("B", 5, 5), line("C", 2), status=SENT)
    assert receivable(it, {}, over_percent=10) == {"A": 6, "C": 2}


def test_every_line_that_would_take_too_much_is_listed() -> None:
    it = order(line("A", 10, 4), line("B", 5), line("C", 100), status=SENT)
    with pytest.raises(ReceiptExceedsOrder) as refused:
        receivable(it, {"A": 8, "B": 6, "C": 110}, over_percent=10)
    assert refused.value.extra["lines"] == [
        {"sku": "A", "quantity": 8, "most": 7},
        {"sku": "B", "quantity": 6, "most": 5},
    ]
    assert receivable(it, {"A": 7, "B": 5, "C": 110}, over_percent=10) == {"A": 7, "B": 5, "C": 110}


def test_a_line_that_has_more_than_is_allowed_by_now_does_not_stop_the_others() -> None:
    it = order(line("A", 10, 11), line("B", 5), status=SENT)
    assert receivable(it, {"B": 5}, over_percent=0) == {"B": 5}
    with pytest.raises(ReceiptExceedsOrder) as refused:
        receivable(it, {"A": 1}, over_percent=0)
    assert refused.value.extra["lines"] == [{"sku": "A", "quantity": 1, "most": 0}]


def test_what_was_not_ordered_is_named() -> None:
    with pytest.raises(UnknownItem) as refused:
        receivable(order(status=SENT), {"A": 1, "Y": 1, "X": 1}, over_percent=10)
    assert refused.value.extra["skus"] == ["X", "Y"]


def test_an_order_is_complete_when_no_line_is_short() -> None:
    it = order(line("A", 10, 4), line("B", 5, 5), status=SENT)
    assert status_after_receipt(it, {"A": 5}) is PurchaseOrderStatus.PARTIALLY_RECEIVED
    assert status_after_receipt(it, {"A": 6}) is PurchaseOrderStatus.RECEIVED
    assert status_after_receipt(it, {"A": 7}) is PurchaseOrderStatus.RECEIVED


@given(quantities, st.integers(0, 2 * QUANTITY_MAX), quantities, st.integers(0, 100))
def test_no_line_ever_takes_more_than_the_tolerance(ordered: int, received: int, coming: int, percent: int) -> None:
    most = ordered * (100 + percent) // 100
    assume(received <= most)
    it = order(line("A", ordered, received), status=SENT)
    if received + coming <= most:
        assert receivable(it, {"A": coming}, over_percent=percent) == {"A": coming}
        return
    with pytest.raises(ReceiptExceedsOrder) as refused:
        receivable(it, {"A": coming}, over_percent=percent)
    assert received + refused.value.extra["lines"][0]["most"] == most


@given(st.lists(st.integers(1, 50), min_size=1, max_size=6), st.data())
def test_parts_add_up_to_the_whole_and_only_the_last_one_completes(ordered: list[int], data: st.DataObject) -> None:
    received = [0] * len(ordered)
    while any(have < want for have, want in zip(received, ordered, strict=True)):
        it = order(*(line(str(n), q, received[n]) for n, q in enumerate(ordered)), status=SENT)
        open_ = [n for n, want in enumerate(ordered) if received[n] < want]
        which = data.draw(st.sampled_from(open_))
        part = data.draw(st.integers(1, ordered[which] - received[which]))
        taken = receivable(it, {str(which): part}, over_percent=0)
        received[which] += taken[str(which)]
        complete = received == ordered
        assert (status_after_receipt(it, taken) is PurchaseOrderStatus.RECEIVED) == complete
