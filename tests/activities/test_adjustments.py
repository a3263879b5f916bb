from __future__ import annotations

import asyncio
import uuid
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from activities.adjustments import AdjustmentActivities
from db.adjustment_rows import get
from db.engine import Database
from domain.adjustments import StockAdjustment
from domain.approval import ApprovalReason
from domain.contracts.adjustments import AdjustmentRequest
from domain.contracts.operations import StaffDecision, StepOutcome, StepRequest
from domain.ids import CLOCK, Actor, actor_from_subject
from domain.operations import OperationKind, Step
from domain.stock import MovementType, StockItem
from runtime.settings import Settings
from tests.stocking import (
    TESTER,
    add_stock,
    add_warehouse,
    assert_documented,
    assert_invariants,
    audit_of,
    hold,
    ledger_of,
    news_of,
    stock_now,
    want,
)

BOSS = Actor(uuid.uuid4(), "boss")


@pytest.fixture
def adjustments(db: Database) -> AdjustmentActivities:
    return AdjustmentActivities(
        db, Settings(adjustment_approval_threshold=100, adjustment_approval_value=Decimal(1000))
    )


def asked(item: StockItem, delta: int = -150, **fields: Any) -> AdjustmentRequest:
    return AdjustmentRequest(
        **{
            "adjustment_id": uuid.uuid4(),
            "inventory_id": item.inventory_id,
            "delta": delta,
            "type": MovementType.ADJUSTMENT,
            "reason": "counted",
            "actor_id": TESTER.actor_id,
            "actor_name": TESTER.name,
            **fields,
        }
    )


def step(request: AdjustmentRequest, taken: Step, actor: Actor = BOSS, **fields: Any) -> StepRequest:
    decision = StaffDecision(
        **{"decision_id": str(uuid.uuid4()), "actor_id": actor.actor_id, "actor_name": actor.name, **fields}
    )
    return StepRequest(operation_id=request.adjustment_id, step=taken, decision=decision)


def of_the_clock(request: AdjustmentRequest, outcome: StepOutcome) -> StepRequest:
    assert outcome.wakes_for is not None
    return step(request, outcome.wakes_for, CLOCK, decision_id=f"{outcome.wakes_for}-{outcome.version}")


async def row(db: Database, request: AdjustmentRequest) -> StockAdjustment:
    found = await db.reading(lambda session: get(session, request.adjustment_id))
    assert found is not None
    return found


async def make_due(db: Database, request: AdjustmentRequest) -> None:
    """As if the clock had gone on to the next alarm."""
    async with db.write() as session:
        await session.execute(
            text("update adjustments set wakes_at = clock_timestamp() where adjustment_id = :id"),
            {"id": request.adjustment_id},
        )


async def trail(db: Database, request: AdjustmentRequest) -> list[tuple[str, str | None]]:
    kept = await audit_of(db, OperationKind.ADJUSTMENT, request.adjustment_id)
    return [(line.step, line.refusal_code) for line in kept]


async def test_a_small_change_is_applied_at_once(db: Database, adjustments: AdjustmentActivities) -> None:
    item = await add_stock(db, 200)
    request = asked(item, -100)
    outcome = await adjustments.open(request)
    made = await row(db, request)
    assert (outcome.status, outcome.is_closed) == ("APPLIED", True)
    assert (made.total_before, made.applied_total_before, made.total_after) == (200, 200, 100)
    assert (await ledger_of(db, item))[-1].movement_id == request.adjustment_id
    assert [event.type for event in await news_of(db, request.adjustment_id)] == ["inventory.adjustment_applied"]
    await assert_invariants(db)


async def test_a_large_change_waits_and_somebody_else_applies_it(
    db: Database, adjustments: AdjustmentActivities
) -> None:
    item = await add_stock(db, 200)
    request = asked(item)
    waiting = await adjustments.open(request)
    assert (waiting.status, waiting.wakes_for, (await stock_now(db, item)).quantity_total) == ("PENDING", "remind", 200)
    approved = await adjustments.take(step(request, Step.APPROVE, reason="I saw it"))
    made = await row(db, request)
    assert (approved.status, approved.changed, approved.is_closed) == ("APPLIED", True, True)
    assert (made.decided_by_name, made.decision_reason, made.total_after) == ("boss", "I saw it", 50)
    assert (await ledger_of(db, item))[-1].performed_by == BOSS.actor_id
    assert [event.sequence for event in await news_of(db, request.adjustment_id)] == [1, 2]
    assert await trail(db, request) == [("request", None), ("approve", None)]
    await assert_documented(db, request.adjustment_id)
    await assert_invariants(db)


async def test_value_counts_as_well_as_pieces_and_a_warehouse_may_know_better(
    db: Database, adjustments: AdjustmentActivities
) -> None:
    dear = await add_stock(db, 50, unit_cost=Decimal("100"), currency="EUR")
    await adjustments.open(valuable := asked(dear, -11))
    assert (await row(db, valuable)).approval_reason is ApprovalReason.VALUE
    strict = await add_warehouse(db, adjustment_threshold_quantity=5)
    item = await add_stock(db, 50, warehouse=strict)
    await adjustments.open(request := asked(item, -6))
    assert (await row(db, request)).approval_reason is ApprovalReason.QUANTITY


async def test_whoever_asked_cannot_approve_not_even_under_a_typed_name(
    db: Database, adjustments: AdjustmentActivities
) -> None:
    alice = actor_from_subject(Settings().jwt_issuer, "alice")
    item = await add_stock(db, 200)
    await adjustments.open(request := asked(item, actor_id=alice.actor_id, actor_name="alice"))
    by_token = await adjustments.take(step(request, Step.APPROVE, alice))
    in_the_ui = await adjustments.take(step(request, Step.APPROVE, alice, actor_id=None))
    assert {by_token.refusal_code, in_the_ui.refusal_code} == {"self_approval"}
    assert (await stock_now(db, item)).quantity_total == 200
    assert await trail(db, request) == [("request", None), ("approve", "self_approval"), ("approve", "self_approval")]


async def test_the_database_keeps_four_eyes_too(db: Database, adjustments: AdjustmentActivities) -> None:
    item = await add_stock(db, 200)
    await adjustments.open(request := asked(item))
    with pytest.raises(DBAPIError, match="adjustments_four_eyes"):
        async with db.write() as session:
            await session.execute(
                text("""update adjustments set status = 'APPLIED', closed_at = now(), wakes_at = null, wakes_for = null,
                        applied_total_before = 200, total_after = 50, decided_by = requested_by
                        where adjustment_id = :id"""),
                {"id": request.adjustment_id},
            )


async def test_a_decision_that_comes_twice_takes_effect_once(db: Database, adjustments: AdjustmentActivities) -> None:
    item = await add_stock(db, 400)
    await adjustments.open(request := asked(item))
    approval = step(request, Step.APPROVE)
    answers = await asyncio.gather(*(adjustments.take(approval) for _ in range(4)))
    assert sorted(answer.changed for answer in answers) == [False, False, False, True]
    assert {answer.refusal_code for answer in answers} == {""}
    assert (await stock_now(db, item)).quantity_total == 250


async def test_of_an_approval_and_a_rejection_at_once_one_wins(db: Database, adjustments: AdjustmentActivities) -> None:
    item = await add_stock(db, 400)
    await adjustments.open(request := asked(item))
    answers = await asyncio.gather(
        adjustments.take(step(request, Step.APPROVE)), adjustments.take(step(request, Step.REJECT))
    )
    assert sorted(answer.refusal_code for answer in answers) == ["", "operation_closed"]
    assert (await stock_now(db, item)).quantity_total == (250 if answers[0].changed else 400)
    await assert_invariants(db)


async def test_stock_that_moved_meanwhile_is_judged_again_and_the_request_stays(
    db: Database, adjustments: AdjustmentActivities
) -> None:
    item = await add_stock(db, 200)
    await adjustments.open(request := asked(item))
    await hold(db, want(item, 100))
    refused_step = step(request, Step.APPROVE)
    refused = await adjustments.take(refused_step)
    assert (refused.status, refused.refusal_code) == ("PENDING", "insufficient_stock")
    assert refused.refusal_extra["shortages"][0]["available"] == 100
    again = await adjustments.take(refused_step)
    assert (again.refusal_code, again.refusal_extra) == (refused.refusal_code, refused.refusal_extra)
    assert (await stock_now(db, item)).quantity_total == 200


async def test_nobody_decides_and_it_reminds_escalates_and_lapses(
    db: Database, adjustments: AdjustmentActivities
) -> None:
    item = await add_stock(db, 200)
    outcome = await adjustments.open(request := asked(item))
    early = await adjustments.take(of_the_clock(request, outcome))
    assert (early.changed, early.status, early.wakes_at) == (False, "PENDING", outcome.wakes_at)
    for _ in range(3):
        await make_due(db, request)
        outcome = await adjustments.take(of_the_clock(request, outcome))
    assert (outcome.status, outcome.is_closed, outcome.wakes_at) == ("LAPSED", True, None)
    assert [name for name, _ in await trail(db, request)] == ["request", "remind", "escalate", "lapse"]
    await assert_documented(db, request.adjustment_id)
    late = await adjustments.take(step(request, Step.APPROVE))
    assert late.refusal_code == "operation_closed"


async def test_a_decision_without_a_name_and_a_step_of_another_noun_are_refused(
    db: Database, adjustments: AdjustmentActivities
) -> None:
    item = await add_stock(db, 200)
    await adjustments.open(request := asked(item))
    nameless = await adjustments.take(step(request, Step.APPROVE, actor_id=None, actor_name=""))
    shipped = await adjustments.take(step(request, Step.SHIP))
    assert {nameless.refusal_code, shipped.refusal_code} == {"validation_failed"}
    assert (await row(db, request)).status == "PENDING"


async def test_the_trail_is_never_changed(db: Database, adjustments: AdjustmentActivities) -> None:
    item = await add_stock(db, 200)
    await adjustments.open(asked(item))
    for statement in ("update audit set reason = 'x'", "delete from audit", "truncate audit"):
        with pytest.raises(DBAPIError, match=r"no .* of audit is allowed"):
            async with db.write() as session:
                await session.execute(text(statement))


@pytest.mark.parametrize(
    "said",
    [
        {"reason": "x" * 256},
        {"reason": "bell \x07 and nul \x00"},
        {"actor_id": None, "actor_name": "x" * 300},
        {"actor_id": None, "actor_name": " \x00"},
        {"actor_id": None, "actor_name": ""},
    ],
)
async def test_what_people_type_that_no_row_can_hold_is_refused_and_recorded(
    db: Database, adjustments: AdjustmentActivities, said: dict[str, Any]
) -> None:
    await adjustments.open(request := asked(await add_stock(db, 200)))
    refused = await adjustments.take(step(request, Step.APPROVE, **said))
    assert refused.refusal_code == "validation_failed"
    assert await trail(db, request) == [("request", None), ("approve", "validation_failed")]


@pytest.mark.parametrize("decision_id", ["x" * 300, "nul \x00"])
async def test_whatever_a_decision_is_called_it_is_taken_once(
    db: Database, adjustments: AdjustmentActivities, decision_id: str
) -> None:
    await adjustments.open(request := asked(await add_stock(db, 200)))
    outcomes = [await adjustments.take(step(request, Step.APPROVE, decision_id=decision_id)) for _ in range(2)]
    assert [(outcome.changed, outcome.refusal_code) for outcome in outcomes] == [(True, ""), (False, "")]
