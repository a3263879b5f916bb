"""Purchase orders: what may be ordered, which steps follow from which state, and when an order is due."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import (
    OperationClosed,
    SelfApproval,
    StepNotAllowed,
    SupplierInactive,
    UnknownItem,
    Unprocessable,
    WarehouseInactive,
)
from domain.limits import LINES_MAX, QUANTITY_MAX
from domain.operations import Step, Wake
from domain.purchase_orders import (
    STEPS,
    PurchaseOrder,
    PurchaseOrderLine,
    PurchaseOrderStatus,
    WantedLine,
    check_closing,
    check_expected_at,
    check_in_use,
    check_step_of,
    expected_at,
    priced_lines,
)
from domain.suppliers import SupplierItem
from tests.domain.test_suppliers import TEAHOUSE
from tests.domain.test_warehouses import WAREHOUSE

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ASKER, SOMEBODY = uuid.uuid4(), uuid.uuid4()
ENDED = {
    PurchaseOrderStatus.RECEIVED,
    PurchaseOrderStatus.CLOSED,
    PurchaseOrderStatus.REJECTED,
    PurchaseOrderStatus.CANCELLED,
}


def sold(sku: str, **terms: Any) -> SupplierItem:
    cost = terms.pop("unit_cost", Decimal("4.2"))
    return SupplierItem(
        supplier_id=TEAHOUSE.supplier_id, sku=sku, unit_cost=cost, version=1, created_at=NOW, updated_at=NOW, **terms
    )


def order(*lines: PurchaseOrderLine, status: PurchaseOrderStatus = PurchaseOrderStatus.DRAFT, **fields: Any) -> Any:
    """An order of the asker, by default of ten pieces of one SKU."""
    values = {
        "purchase_order_id": uuid.uuid4(),
        "order_number": 123,
        "supplier_id": TEAHOUSE.supplier_id,
        "warehouse_id": WAREHOUSE.warehouse_id,
        "currency": "EUR",
        "reference": "",
        "status": status,
        "lines": lines or (line("A", 10),),
        "restock_run": None,
        "expected_at": None,
        "late_since": None,
        "requested_by": ASKER,
        "requested_by_name": "asker",
        "requested_at": NOW,
        "decided_by": None,
        "decided_by_name": None,
        "decided_at": None,
        "sent_at": None,
        "closed_at": NOW if status in ENDED else None,
        "closing_reason": "",
        "version": 1,
        "updated_at": NOW,
    }
    return PurchaseOrder(**{**values, **fields})


def line(sku: str, quantity: int, received: int = 0, **fields: Any) -> PurchaseOrderLine:
    values = {"unit_cost": Decimal("4.2"), "quantity_outstanding": max(0, quantity - received), **fields}
    return PurchaseOrderLine(sku=sku, quantity=quantity, quantity_received=received, **values)


def problems(refused: pytest.ExceptionInfo[Unprocessable]) -> dict[str, str]:
    return {problem["pointer"]: problem["detail"] for problem in refused.value.extra["errors"]}


def test_an_order_has_a_number_for_people_and_a_value() -> None:
    two = order(line("A", 10), line("B", 3, unit_cost=Decimal("0.5")))
    assert (two.number, two.value) == ("PO-000123", Decimal("43.5"))
    assert order(order_number=12_345_678).number == "PO-12345678"


def test_lines_have_the_price_of_the_supplier_unless_another_was_agreed() -> None:
    wanted = [WantedLine(sku="A", quantity=2), WantedLine(sku="B", quantity=1, unit_cost=Decimal(0))]
    made = priced_lines(wanted, {"A": sold("A"), "B": sold("B")})
    assert [(each.sku, each.quantity, each.unit_cost, each.quantity_outstanding) for each in made] == [
        ("A", 2, Decimal("4.2"), 2),
        ("B", 1, Decimal(0), 1),
    ]


def test_the_same_sku_twice_is_added_up_before_it_is_checked() -> None:
    wanted = [
        WantedLine(sku="A", quantity=5),
        WantedLine(sku="B", quantity=1),
        WantedLine(sku="A", quantity=7, unit_cost=Decimal(4)),
    ]
    made = priced_lines(wanted, {"A": sold("A", pack_size=12), "B": sold("B")})
    assert [(each.sku, each.quantity, each.unit_cost) for each in made] == [
        ("A", 12, Decimal(4)),
        ("B", 1, Decimal("4.2")),
    ]


def test_every_sku_that_the_supplier_does_not_sell_is_pointed_at() -> None:
    wanted = [WantedLine(sku=sku, quantity=1) for sku in ("X", "A", "Y")]
    with pytest.raises(UnknownItem) as refused:
        priced_lines(wanted, {"A": sold("A")})
    assert set(problems(refused)) == {"/lines/0/sku", "/lines/2/sku"}


def test_every_line_that_cannot_be_ordered_says_the_next_good_quantity() -> None:
    wanted = [WantedLine(sku="A", quantity=13), WantedLine(sku="B", quantity=3), WantedLine(sku="C", quantity=12)]
    offers = {
        "A": sold("A", pack_size=12),
        "B": sold("B", minimum_quantity=10),
        "C": sold("C", pack_size=6, minimum_quantity=10),
    }
    with pytest.raises(Unprocessable) as refused:
        priced_lines(wanted, offers)
    assert problems(refused) == {
        "/lines/0/quantity": "must be 24: A comes in packs of 12, at least 1",
        "/lines/1/quantity": "must be 10: B comes in packs of 1, at least 10",
    }


def test_a_line_holds_only_so_much_and_has_one_price() -> None:
    twice = [WantedLine(sku="A", quantity=QUANTITY_MAX)] * 2
    with pytest.raises(Unprocessable) as refused:
        priced_lines(twice, {"A": sold("A", pack_size=3)})
    assert problems(refused) == {"/lines/0/quantity": "must be at most 999999"}
    prices = [WantedLine(sku="A", quantity=1, unit_cost=Decimal(cost)) for cost in (1, 2)]
    with pytest.raises(Unprocessable) as refused:
        priced_lines(prices, {"A": sold("A")})
    assert set(problems(refused)) == {"/lines/1/unitCost"}


@pytest.mark.parametrize("count", [0, LINES_MAX + 1])
def test_an_order_has_lines_but_not_too_many(count: int) -> None:
    with pytest.raises(Unprocessable) as refused:
        priced_lines([WantedLine(sku="A", quantity=1)] * count, {"A": sold("A")})
    assert set(problems(refused)) == {"/lines"}


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(1, 500)), min_size=1, max_size=9), st.integers(1, 60))
def test_what_is_said_to_be_good_is_taken_when_it_is_asked_for(wanted: list[tuple[str, int]], pack: int) -> None:
    offers = {sku: sold(sku, pack_size=pack, minimum_quantity=7) for sku in "ABC"}
    summed = {sku: sum(quantity for one, quantity in wanted if one == sku) for sku, _ in wanted}
    asked = [WantedLine(sku=sku, quantity=quantity) for sku, quantity in wanted]
    if all(offers[sku].orderable(quantity) == quantity for sku, quantity in summed.items()):
        assert {each.sku: each.quantity for each in priced_lines(asked, offers)} == summed
        return
    with pytest.raises(Unprocessable):
        priced_lines(asked, offers)
    good = [WantedLine(sku=sku, quantity=offers[sku].orderable(quantity)) for sku, quantity in summed.items()]
    assert len(priced_lines(good, offers)) == len(summed)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("status", PurchaseOrderStatus)
def test_each_state_takes_the_steps_that_follow_from_it(step: Step, status: PurchaseOrderStatus) -> None:
    it = order(status=status)
    if status in ENDED:
        with pytest.raises(OperationClosed):
            check_step_of(it, step, SOMEBODY)
    elif status not in STEPS[step]:
        with pytest.raises(StepNotAllowed):
            check_step_of(it, step, SOMEBODY)
    else:
        check_step_of(it, step, SOMEBODY)


def test_whoever_asked_may_reject_but_not_approve() -> None:
    with pytest.raises(SelfApproval):
        check_step_of(order(), Step.APPROVE, ASKER)
    check_step_of(order(), Step.REJECT, ASKER)


def test_closing_short_needs_a_reason_and_something_that_arrived() -> None:
    partly = order(line("A", 10, 4), status=PurchaseOrderStatus.PARTIALLY_RECEIVED)
    check_closing(partly, "discontinued")
    with pytest.raises(Unprocessable) as refused:
        check_closing(partly, "  ")
    assert set(problems(refused)) == {"/reason"}
    with pytest.raises(StepNotAllowed):
        check_closing(order(status=PurchaseOrderStatus.SENT), "discontinued")
    with pytest.raises(OperationClosed):
        check_closing(order(status=PurchaseOrderStatus.CANCELLED), "")


def test_an_order_goes_on_only_while_both_of_its_ends_are_in_use() -> None:
    check_in_use(TEAHOUSE, WAREHOUSE)
    with pytest.raises(SupplierInactive):
        check_in_use(replace(TEAHOUSE, is_active=False), WAREHOUSE)
    with pytest.raises(WarehouseInactive):
        check_in_use(TEAHOUSE, replace(WAREHOUSE, is_active=False))


def test_an_order_is_due_when_it_was_agreed_else_after_its_longest_lead_time() -> None:
    two = order(line("A", 1), line("B", 1))
    own = {"A": sold("A", lead_time_days=3), "B": sold("B")}
    assert expected_at(two, TEAHOUSE, own, NOW) == NOW + timedelta(days=7)
    assert expected_at(two, TEAHOUSE, {"A": own["A"]}, NOW) == NOW + timedelta(days=3)
    assert expected_at(two, TEAHOUSE, {}, NOW) == NOW + timedelta(days=7)
    slow = {**own, "B": sold("B", lead_time_days=30)}
    assert expected_at(two, TEAHOUSE, slow, NOW) == NOW + timedelta(days=30)
    agreed = NOW + timedelta(days=1)
    assert expected_at(replace(two, expected_at=agreed), TEAHOUSE, slow, NOW) == agreed


def test_an_order_that_is_delivered_on_the_same_day_has_24_hours() -> None:
    same_day, two = replace(TEAHOUSE, lead_time_days=0), order(line("A", 1), line("B", 1))
    own = {sku: sold(sku, lead_time_days=0) for sku in "AB"}
    tomorrow = NOW + timedelta(hours=24)
    assert expected_at(two, same_day, {}, NOW) == tomorrow
    assert expected_at(two, TEAHOUSE, own, NOW) == tomorrow
    assert expected_at(two, TEAHOUSE, {**own, "B": sold("B", lead_time_days=2)}, NOW) == NOW + timedelta(days=2)
    agreed = NOW + timedelta(hours=1)
    assert expected_at(replace(two, expected_at=agreed), same_day, {}, NOW) == agreed


@pytest.mark.parametrize("agreed", [None, NOW + timedelta(seconds=1), NOW + timedelta(days=366)])
def test_an_agreed_date_may_be_a_year_ahead(agreed: datetime | None) -> None:
    check_expected_at(agreed, NOW)


@pytest.mark.parametrize(
    "agreed",
    [
        NOW,
        NOW + timedelta(days=366, seconds=1),
        datetime.fromisoformat("9999-12-31T23:59:59-12:00"),
        datetime.fromisoformat("0001-01-01T00:00:00+12:00"),
    ],
)
def test_an_agreed_date_that_no_delivery_can_have_is_refused(agreed: datetime) -> None:
    with pytest.raises(Unprocessable) as refused:
        check_expected_at(agreed, NOW)
    assert set(problems(refused)) == {"/expectedAt"}


def test_an_order_is_late_once() -> None:
    due = order(expected_at=NOW)
    assert due.wake == Wake(NOW, Step.LATE)
    assert replace(due, late_since=NOW).wake is None
    assert order().wake is None
