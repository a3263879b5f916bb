"""The life of a transfer: which state takes which step, from whom, and what a request may ask."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.approval import ApprovalReason
from domain.errors import (
    OperationClosed,
    SelfApproval,
    StepNotAllowed,
    Unprocessable,
    WarehouseInactive,
)
from domain.limits import TRANSIT_SECONDS_MAX
from domain.operations import Patience, Step, Wake
from domain.transfer_lines import Discrepancy, TransferLine
from domain.transfers import (
    STEPS,
    NewTransfer,
    Transfer,
    TransferPolicy,
    TransferStatus,
    check_new_transfer,
    check_target,
    check_transfer_step,
    discrepancy_of,
    status_of,
    wake_on_the_road,
)
from domain.warehouses import Warehouse

NOW = datetime(2026, 11, 23, tzinfo=UTC)
DAY = timedelta(days=1)
ASKER, OTHER = uuid.uuid4(), uuid.uuid4()
POLICY = TransferPolicy(
    threshold_quantity=100, transit_seconds=3600, patience=Patience(remind=DAY, escalate=2 * DAY, lapse=7 * DAY)
)
HERE, THERE = uuid.uuid4(), uuid.uuid4()
NEW = NewTransfer(from_warehouse_id=HERE, to_warehouse_id=THERE, lines={"A": 10})
TRANSFER = Transfer(
    transfer_id=uuid.uuid4(),
    from_warehouse_id=HERE,
    to_warehouse_id=THERE,
    status=TransferStatus.REQUESTED,
    lines=(TransferLine(sku="A", from_inventory_id=uuid.uuid4(), quantity=10),),
    reason="",
    reference="",
    approval_reason=None,
    transit_seconds=None,
    expected_at=None,
    shipped_at=None,
    late_since=None,
    requested_by=ASKER,
    requested_by_name="ann",
    requested_at=NOW,
    decided_by=None,
    decided_by_name=None,
    decided_at=None,
    decision_reason="",
    wakes_at=None,
    wakes_for=None,
    closed_at=None,
    version=1,
    updated_at=NOW,
)
FINAL = {TransferStatus.CLOSED, TransferStatus.CANCELLED, TransferStatus.REJECTED, TransferStatus.LAPSED}


def warehouse(region: str = "eu", **fields: Any) -> Warehouse:
    return Warehouse(
        **{
            "warehouse_id": uuid.uuid4(),
            "code": "W1",
            "name": "W1",
            "address": "",
            "city": "",
            "state": "",
            "country": "",
            "postal_code": "",
            "region": region,
            "is_active": True,
            "priority": 1,
            "latitude": None,
            "longitude": None,
            "version": 1,
            "created_at": NOW,
            "updated_at": NOW,
            **fields,
        }
    )


def pointers(refused: pytest.ExceptionInfo[Unprocessable]) -> list[str]:
    return [problem["pointer"] for problem in refused.value.extra["errors"]]


class TestRequests:
    def test_a_plain_request_is_fine(self) -> None:
        check_new_transfer(NEW, NOW)
        check_new_transfer(replace(NEW, expected_at=NOW + DAY), NOW)
        check_new_transfer(replace(NEW, transit_seconds=TRANSIT_SECONDS_MAX), NOW)

    @pytest.mark.parametrize(
        ("wrong", "pointer"),
        [
            ({"to_warehouse_id": HERE}, "/toWarehouseId"),
            ({"lines": {}}, "/lines"),
            ({"reason": "x" * 256}, "/reason"),
            ({"reference": "x" * 101}, "/reference"),
            ({"transit_seconds": 0}, "/transitSeconds"),
            ({"transit_seconds": TRANSIT_SECONDS_MAX + 1}, "/transitSeconds"),
            ({"expected_at": NOW}, "/expectedAt"),
            ({"expected_at": NOW + timedelta(seconds=TRANSIT_SECONDS_MAX + 1)}, "/expectedAt"),
            ({"expected_at": NOW + DAY, "transit_seconds": 5}, "/transitSeconds"),
        ],
    )
    def test_a_wrong_field_is_named(self, wrong: dict[str, Any], pointer: str) -> None:
        with pytest.raises(Unprocessable) as refused:
            check_new_transfer(replace(NEW, **wrong), NOW)
        assert pointers(refused) == [pointer]

    def test_stock_goes_only_to_a_warehouse_in_use(self) -> None:
        check_target(warehouse())
        with pytest.raises(WarehouseInactive, match="W1"):
            check_target(warehouse(is_active=False))


class TestApproval:
    @pytest.mark.parametrize(
        ("target", "quantity", "reason"),
        [
            ("eu", 100, None),
            ("eu", 101, ApprovalReason.QUANTITY),
            ("us", 1, ApprovalReason.REGION),
            ("us", 101, ApprovalReason.REGION),
        ],
    )
    def test_much_or_far_needs_a_second_person(self, target: str, quantity: int, reason: ApprovalReason | None) -> None:
        assert POLICY.approval_reason(warehouse("eu"), warehouse(target), quantity) is reason

    def test_whoever_asked_cannot_approve_and_anybody_may_reject(self) -> None:
        waiting = replace(TRANSFER, status=TransferStatus.PENDING_APPROVAL)
        with pytest.raises(SelfApproval):
            check_transfer_step(waiting, Step.APPROVE, ASKER)
        check_transfer_step(waiting, Step.APPROVE, OTHER)
        check_transfer_step(waiting, Step.REJECT, ASKER)


class TestStates:
    @pytest.mark.parametrize("status", TransferStatus)
    @pytest.mark.parametrize("step", Step)
    def test_a_state_takes_the_steps_of_the_table_and_no_other(self, status: TransferStatus, step: Step) -> None:
        ended = NOW if status in FINAL else None
        transfer = replace(TRANSFER, status=status, closed_at=ended)
        if status in STEPS.get(step, ()):
            check_transfer_step(transfer, step, OTHER)
            return
        with pytest.raises(OperationClosed if ended else StepNotAllowed) as refused:
            check_transfer_step(transfer, step, OTHER)
        assert refused.value.extra == {"currentStatus": status}

    def test_no_final_state_takes_a_step_and_every_other_can_be_cancelled(self) -> None:
        assert set(TransferStatus) - set(STEPS[Step.CANCEL]) == FINAL
        assert all(not FINAL & set(states) for states in STEPS.values())

    @pytest.mark.parametrize(
        ("pieces", "status"),
        [
            ({"quantity_shipped": 10}, TransferStatus.IN_TRANSIT),
            ({"quantity_shipped": 10, "quantity_lost": 3}, TransferStatus.IN_TRANSIT),
            ({"quantity_shipped": 10, "quantity_received": 9}, TransferStatus.PARTLY_RECEIVED),
            ({"quantity_shipped": 10, "quantity_received": 8, "quantity_lost": 2}, TransferStatus.CLOSED),
            ({"quantity_shipped": 4, "quantity_received": 4}, TransferStatus.CLOSED),
            ({"quantity_shipped": 4, "quantity_returned": 4}, TransferStatus.CLOSED),
        ],
    )
    def test_the_state_on_the_road_follows_from_the_pieces(
        self, pieces: dict[str, int], status: TransferStatus
    ) -> None:
        [line] = TRANSFER.lines
        assert status_of([replace(line, **pieces)]) is status

    def test_one_line_on_the_road_keeps_the_transfer_open(self) -> None:
        [line] = TRANSFER.lines
        there = replace(line, quantity_shipped=10, quantity_received=10)
        assert status_of([there, replace(line, sku="B", quantity_shipped=1)]) is TransferStatus.PARTLY_RECEIVED


class TestLateness:
    def test_it_is_expected_when_the_request_says_so_or_else_when_the_house_does(self) -> None:
        assert POLICY.expected_at(TRANSFER, NOW) == NOW + timedelta(hours=1)
        assert POLICY.expected_at(replace(TRANSFER, transit_seconds=60), NOW) == NOW + timedelta(minutes=1)
        assert POLICY.expected_at(replace(TRANSFER, expected_at=NOW + DAY), NOW) == NOW + DAY

    def test_the_clock_waits_for_it_once(self) -> None:
        assert wake_on_the_road(TRANSFER, NOW) == Wake(NOW, Step.LATE)
        assert wake_on_the_road(replace(TRANSFER, late_since=NOW), NOW) is None

    def test_it_is_late_until_it_has_ended(self) -> None:
        late = replace(TRANSFER, late_since=NOW)
        assert late.is_late
        assert not replace(late, closed_at=NOW).is_late


class TestDiscrepancies:
    def test_nothing_said_decides_nothing(self) -> None:
        assert discrepancy_of("") is None

    @pytest.mark.parametrize("known", Discrepancy)
    def test_the_known_ones_are_understood(self, known: Discrepancy) -> None:
        assert discrepancy_of(str(known)) is known

    def test_another_word_is_refused_with_the_known_ones(self) -> None:
        with pytest.raises(Unprocessable) as refused:
            discrepancy_of("stolen")
        assert pointers(refused) == ["/discrepancy"]
        assert "lost, found, return" in str(refused.value.extra)
