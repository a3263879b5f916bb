"""How a step of any operation is taken: one transaction that locks the row, applies the noun's rule, writes, tells.

A refused step changes nothing but leaves its line in the audit trail; a repeated decision is answered from its line.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from db import audit, operations
from db.audit import NewEntry
from db.engine import Database, ReadSession, WriteSession
from db.locks import lock_operation
from db.operations import Advance, News, OperationTable
from domain.contracts.operations import StaffDecision, StepOutcome, StepRequest
from domain.errors import HoldfastError, NotFound, Unavailable, Unprocessable
from domain.fields import FieldProblems
from domain.ids import Actor, actor_from_subject
from domain.limits import ACTOR_NAME_CHARACTERS_MAX, DECISION_ID_CHARACTERS_MAX, REASON_CHARACTERS_MAX
from domain.operations import STEPS_OF_THE_CLOCK, OperationKind, Step
from runtime import metrics
from runtime.failpoints import failpoint

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StepTaken(Generic[T]):
    """A step about to be taken: of what, by whom."""

    operation: T
    step: Step
    decision: StaffDecision
    actor: Actor


Effect = Callable[[WriteSession, StepTaken[Any]], Awaitable[Advance | None]]
"""What a step does to stock and lines, and what it makes of the row; None, and no line in the audit trail, when it is
so already: a receipt that was counted before. Raises errors of ours before it writes, or after: what it wrote is undone
when it is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noun(Generic[T]):
    """One kind of operation: where it is kept, how it is read, what its events tell, and what each step does."""

    kind: OperationKind
    table: OperationTable
    read: Callable[[ReadSession, Any], Awaitable[T | None]]
    facts_of: Callable[[T], Mapping[str, Any]]
    effects: Mapping[Step, Effect]


async def take_step(database: Database, noun: Noun[Any], request: StepRequest, *, issuer: str) -> StepOutcome:
    """Take one step, once; the answer is the row afterwards and, when it was refused, why.

    `issuer` is whose people the names in Temporal UI are. Raises ApplicationError: retryable while a server is away.
    """
    failpoint("before_operation_step")
    request = replace(request, decision=_with_a_usable_id(request.decision))
    try:
        outcome = await database.writing(lambda session: _take(session, noun, request, issuer), idempotent=True)
    except HoldfastError as error:
        raise for_temporal(error) from error
    failpoint("after_operation_step")
    label = "done" if outcome.changed else outcome.refusal_code or "repeated"
    metrics.OPERATION_STEPS.labels(kind=noun.kind, step=request.step, outcome=label).inc()
    return outcome


def for_temporal(error: HoldfastError) -> ApplicationError:
    """A typed failure: what may pass is retried for as long as it takes, what cannot pass is not."""
    passing = isinstance(error, Unavailable)
    category = ApplicationErrorCategory.BENIGN if passing else ApplicationErrorCategory.UNSPECIFIED
    return ApplicationError(error.detail, type=error.code, non_retryable=not passing, category=category)


async def _take(session: WriteSession, noun: Noun[Any], request: StepRequest, issuer: str) -> StepOutcome:
    row = await lock_operation(session, noun.table, request.operation_id)
    if row is None:
        raise NotFound(f"no {noun.kind} has this id")
    earlier = await audit.of_decision(session, request.operation_id, request.decision.decision_id)
    if earlier is not None:
        return operations.outcome_of(row, refusal=audit.refusal_in(earlier))
    if request.step in STEPS_OF_THE_CLOCK and not await _is_due(session, row, request.step):
        return operations.outcome_of(row)
    actor = _actor_of(request.decision, issuer)
    try:
        async with session.attempt():
            to = await _effect(session, noun, request, actor)
            if to is None:
                return operations.outcome_of(row)
            advanced = await _advance(session, noun, request, to)
    except Unavailable:
        raise
    except HoldfastError as refusal:
        await audit.record(session, [_entry(noun, request, actor, row.status, row.status, refusal=refusal)])
        return operations.outcome_of(row, refusal=refusal)
    await audit.record(session, [_entry(noun, request, actor, row.status, to.status, details=to.details)])
    return operations.outcome_of(advanced, changed=True)


async def _effect(session: WriteSession, noun: Noun[Any], request: StepRequest, actor: Actor) -> Advance | None:
    _check_texts(request.decision)
    if request.step not in noun.effects:
        raise Unprocessable(f"{request.step} is no step of a {noun.kind}")
    operation = await noun.read(session, request.operation_id)
    return await noun.effects[request.step](session, StepTaken(operation, request.step, request.decision, actor))


async def _advance(session: WriteSession, noun: Noun[Any], request: StepRequest, to: Advance) -> Any:
    row = await operations.advance(session, noun.table, request.operation_id, to)
    facts = noun.facts_of(await noun.read(session, request.operation_id))
    told = [
        News(
            type=event,
            operation_id=request.operation_id,
            sequence=row.version,
            data={**facts, **to.facts},
            traceparent=request.decision.traceparent,
        )
        for event in (to.event, *to.also)
    ]
    await operations.tell(session, told)
    return row


def _with_a_usable_id(decision: StaffDecision) -> StaffDecision:
    """People may type anything into Temporal UI: an id that no row can hold stands for another that can."""
    known = decision.decision_id
    if known.isprintable() and len(known) <= DECISION_ID_CHARACTERS_MAX:
        return decision
    return replace(decision, decision_id=hashlib.sha256(known.encode("utf-8", "replace")).hexdigest())


def _check_texts(decision: StaffDecision) -> None:
    """Refuse a decision that says nothing of who makes it, or more than a row can hold. Raises Unprocessable."""
    problems = FieldProblems()
    problems.name("/actorName", decision.actor_name, characters_max=ACTOR_NAME_CHARACTERS_MAX)
    problems.text("/reason", decision.reason, characters_max=REASON_CHARACTERS_MAX)
    problems.refuse()


async def _is_due(session: WriteSession, row: Any, step: Step) -> bool:
    """Whether the clock is right, by the database's: somebody may have come before it, or our clock be ahead."""
    return bool(row.wakes_for == step and row.wakes_at <= await operations.now(session))


def _actor_of(decision: StaffDecision, issuer: str) -> Actor:
    """Whoever decided; a name that was typed into Temporal UI is the same person as the subject of a token."""
    if decision.actor_id is not None:
        return Actor(decision.actor_id, decision.actor_name)
    return replace(actor_from_subject(issuer, decision.actor_name), name=decision.actor_name)


def _entry(
    noun: Noun[Any],
    request: StepRequest,
    actor: Actor,
    before: str,
    after: str,
    *,
    refusal: HoldfastError | None = None,
    details: Mapping[str, Any] | None = None,
) -> NewEntry:
    return NewEntry(
        subject_kind=noun.kind,
        subject_id=request.operation_id,
        decision_id=request.decision.decision_id,
        step=request.step,
        source=request.decision.source,
        actor=actor,
        reason=request.decision.reason,
        status_before=before,
        status_after=after,
        refusal_code=refusal.code if refusal else None,
        refusal_detail=refusal.detail if refusal else None,
        details=refusal.extra if refusal else details or {},
    )
