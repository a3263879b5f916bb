from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from domain.adjustments import STEPS, AdjustmentStatus, check_reason_code, movement_type_of, reason_code_of
from domain.errors import (
    HoldfastError,
    InsufficientStock,
    OperationClosed,
    SelfApproval,
    Shortage,
    StepNotAllowed,
    Unprocessable,
    restored,
)
from domain.operations import Patience, Step, check_four_eyes, check_step
from domain.stock import MovementType, ReasonCode

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
PATIENCE = Patience(remind=timedelta(days=1), escalate=timedelta(days=2), lapse=timedelta(days=7))


def test_patience_reminds_escalates_and_gives_up_counted_from_the_request() -> None:
    steps = [PATIENCE.wake_after(NOON, taken) for taken in (None, Step.REMIND, Step.ESCALATE)]
    assert [(wake.step, (wake.at - NOON).days) for wake in steps] == [
        (Step.REMIND, 1),
        (Step.ESCALATE, 2),
        (Step.LAPSE, 7),
    ]


def test_a_closed_operation_takes_no_step_and_an_open_one_only_its_own() -> None:
    check_step(AdjustmentStatus.PENDING, Step.APPROVE, STEPS, is_closed=False)
    with pytest.raises(OperationClosed):
        check_step(AdjustmentStatus.LAPSED, Step.APPROVE, STEPS, is_closed=True)
    with pytest.raises(StepNotAllowed):
        check_step(AdjustmentStatus.PENDING, Step.SHIP, STEPS, is_closed=False)


def test_four_eyes_are_two_people() -> None:
    one, other = uuid.uuid4(), uuid.uuid4()
    check_four_eyes(one, other)
    with pytest.raises(SelfApproval):
        check_four_eyes(one, one)


@pytest.mark.parametrize("code", list(ReasonCode))
def test_each_reason_goes_with_its_movement_and_sign(code: ReasonCode) -> None:
    kind = movement_type_of(code)
    fitting = [delta for delta in (-1, 1) if _fits(code, kind, delta)]
    expected = {ReasonCode.DAMAGE: [-1], ReasonCode.LOSS: [-1], ReasonCode.COUNT_CORRECTION: [-1, 1]}
    assert fitting == expected.get(code, [1])
    assert not _fits(code, MovementType.TRANSFER, fitting[0])


@pytest.mark.parametrize("kind", [kind for kind in MovementType if kind not in {"OUTBOUND", "TRANSFER"}])
@pytest.mark.parametrize("delta", [-1, 1])
def test_the_reason_without_a_code_never_contradicts_itself(kind: MovementType, delta: int) -> None:
    code = reason_code_of(kind, delta)
    assert movement_type_of(code) is kind
    if kind is MovementType.ADJUSTMENT:
        check_reason_code(code, kind, delta)


def test_an_error_is_told_again_as_it_was() -> None:
    first = InsufficientStock([Shortage("A", 3, 1)])
    again = restored(first.code, first.detail, first.extra)
    assert (type(again), again.detail, again.extra) == (InsufficientStock, first.detail, first.extra)
    with pytest.raises(KeyError):
        restored("no_such_code", "", {})


def test_every_code_belongs_to_one_error() -> None:
    def kinds(root: type[HoldfastError]) -> list[type[HoldfastError]]:
        return [root, *(kind for child in root.__subclasses__() for kind in kinds(child))]

    ours = [kind for kind in kinds(HoldfastError) if kind.__module__ == "domain.errors"]
    assert len({kind.code for kind in ours}) == len(ours)


def _fits(code: ReasonCode, kind: MovementType, delta: int) -> bool:
    try:
        check_reason_code(code, kind, delta)
    except Unprocessable:
        return False
    return True
