"""The audit trail of an operation: every step of it, however many, and no step of another."""

from __future__ import annotations

import uuid
from typing import Any
from uuid import UUID

import pytest

from db import audit
from db.audit import NewEntry, Subject
from db.engine import Database
from db.paging import Page, PageRequest
from domain.contracts.reservations import Source
from domain.errors import InvalidPageToken
from domain.operations import OperationKind
from tests.db.test_paging import everything
from tests.stocking import TESTER


async def repeated(db: Database, kind: OperationKind, times: int) -> UUID:
    """An operation whose approval a script has asked for so often, and was refused each time but the last."""
    operation_id = uuid.uuid4()
    entries = [
        NewEntry(
            subject_kind=kind,
            subject_id=operation_id,
            decision_id=f"d-{number}",
            step="approve",
            source=Source.REST,
            actor=TESTER,
            reason="",
            status_before="PENDING",
            status_after="PENDING" if number < times else "APPLIED",
            refusal_code="self_approval" if number < times else None,
        )
        for number in range(1, times + 1)
    ]
    for entry in entries:  # a statement each: the ids of one with many rows do not follow its lines
        await db.writing(lambda session, entry=entry: audit.record(session, [entry]))
    return operation_id


def listed(db: Database, kind: OperationKind, operation_id: UUID) -> Any:
    """The trail, by pages."""

    async def page_of(page: PageRequest) -> Page[Any]:
        return await db.reading(lambda session: audit.of_subject(session, Subject(kind, operation_id), page))

    return page_of


async def test_a_trail_is_told_to_its_last_step(db: Database) -> None:
    operation_id = await repeated(db, OperationKind.TRANSFER, 510)
    lines = await everything(listed(db, OperationKind.TRANSFER, operation_id), size=200)
    assert [line.decision_id for line in lines] == [f"d-{number}" for number in range(1, 511)]
    assert (lines[-1].status_after, lines[-1].refusal_code) == ("APPLIED", None)


async def test_it_may_begin_with_the_newest_step(db: Database) -> None:
    operation_id = await repeated(db, OperationKind.TRANSFER, 5)
    lines = await everything(listed(db, OperationKind.TRANSFER, operation_id), order_by="createdAt desc")
    assert [line.decision_id for line in lines] == ["d-5", "d-4", "d-3", "d-2", "d-1"]


async def test_a_token_belongs_to_one_trail(db: Database) -> None:
    one, other = [await repeated(db, OperationKind.TRANSFER, 2) for _ in range(2)]
    page = await listed(db, OperationKind.TRANSFER, one)(PageRequest(size=1))
    with pytest.raises(InvalidPageToken):
        await listed(db, OperationKind.TRANSFER, other)(PageRequest(size=1, token=page.next_token))


@pytest.mark.parametrize("kind", list(OperationKind))
async def test_an_operation_of_another_kind_has_another_trail(db: Database, kind: OperationKind) -> None:
    operation_id = await repeated(db, kind, 1)
    for asked in OperationKind:
        assert len(await everything(listed(db, asked, operation_id))) == (asked is kind)
