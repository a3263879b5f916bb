"""Who took which step of which operation, when, why, and what it was before: one line each, never changed.

A refused step is a line too. The line of a decision is what makes its repeat harmless.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, insert, select

from db.engine import ReadSession, WriteSession
from db.paging import Cursor, Listing, Page, PageRequest
from db.tables import audit
from domain.contracts.reservations import Source
from domain.errors import HoldfastError, restored
from domain.fields import has_control
from domain.ids import Actor
from domain.operations import OperationKind

TEXT_CHARACTERS_MAX = 255
DETAIL_CHARACTERS_MAX = 1_000

LISTING = Listing(name="audit", orders={"createdAt": (audit.c.audit_id,)}, default="createdAt")
"""In the order of their ids, which grow with time."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The operation that lines are about. An id alone would also find one of another kind."""

    kind: OperationKind
    operation_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """One step, done or refused. `details` are what belongs to it, e.g. the lines of a receipt, as JSON values."""

    subject_kind: OperationKind
    subject_id: UUID
    decision_id: str
    step: str
    source: Source
    actor: Actor
    reason: str
    status_before: str | None
    status_after: str
    refusal_code: str | None = None
    refusal_detail: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """A line as it was written. `refusal_code` is None for a step that was taken."""

    audit_id: UUID
    subject_kind: OperationKind
    subject_id: UUID
    decision_id: str
    step: str
    source: Source
    performed_by: UUID
    performed_by_name: str
    reason: str
    status_before: str | None
    status_after: str
    refusal_code: str | None
    refusal_detail: str | None
    details: Mapping[str, Any]
    created_at: datetime


async def record(session: WriteSession, entries: Sequence[NewEntry]) -> None:
    """Write lines in the caller's transaction."""
    values = [_values(entry) for entry in entries]
    await session.execute(insert(audit), values)


def _values(entry: NewEntry) -> dict[str, Any]:
    values = {name: getattr(entry, name) for name in NewEntry.__dataclass_fields__}
    actor = values.pop("actor")
    detail = entry.refusal_detail
    return {
        **values,
        "performed_by": actor.actor_id,
        "performed_by_name": _kept(actor.name, TEXT_CHARACTERS_MAX),
        "reason": _kept(entry.reason, TEXT_CHARACTERS_MAX),
        "refusal_detail": None if detail is None else _kept(detail, DETAIL_CHARACTERS_MAX),
    }


def _kept(text: str, characters_max: int) -> str:
    """What fits of a text: a refused decision may say anything, and is recorded all the same."""
    return "".join("�" if has_control(sign) else sign for sign in text[:characters_max])


async def of_decision(session: ReadSession, subject_id: UUID, decision_id: str) -> AuditEntry | None:
    """The line of one decision; None when it has not come here yet."""
    statement = select(audit).where(audit.c.subject_id == subject_id, audit.c.decision_id == decision_id)
    row = (await session.execute(statement)).first()
    return _entry_of(row) if row else None


async def of_subject(session: ReadSession, subject: Subject, page: PageRequest) -> Page[AuditEntry]:
    """A page of the lines of one operation, oldest first. Raises InvalidPageToken, Unprocessable."""
    cursor = LISTING.cursor(page, subject)
    return cursor.page((await session.execute(page_statement(cursor, subject))).all(), _entry_of)


def page_statement(cursor: Cursor, subject: Subject) -> Select[Any]:
    """The query for a page."""
    conditions = (audit.c.subject_kind == subject.kind.value, audit.c.subject_id == subject.operation_id)
    return cursor.narrow(select(audit).where(*conditions))


def refusal_in(entry: AuditEntry) -> HoldfastError | None:
    """The error that refused a decision; None when it took effect."""
    if entry.refusal_code is None:
        return None
    return restored(entry.refusal_code, entry.refusal_detail or "", entry.details)


def _entry_of(row: Any) -> AuditEntry:
    kinds = {"subject_kind": OperationKind(row.subject_kind), "source": Source(row.source)}
    return AuditEntry(**{**row._mapping, **kinds})
