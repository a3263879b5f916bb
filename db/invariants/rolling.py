"""The invariants as they are checked every minute, however large the database: what is cheap whole, the rest in turn.

Of the rest, each run looks at the rows that changed since the run before, and at the next part of all others, so that
every row is looked at once in a round. How far that is, and what was found on the way, is kept in `invariant_marks`: a
violation stays on the books until a whole round has gone by without it. `holdfast doctor` and the tests look at
everything at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from db.engine import TRANSACTION_TIMEOUT_MS, Database, ReadSession, WriteSession
from db.invariants import INVARIANTS, Violation, be_patient, check
from db.invariants.scopes import FIRST, SCOPES, Part, Scope
from db.tables import invariant_marks

WORK_MAX = {"inventory": 50_000, "reservations": 20_000}
"""What one run reads of each scope, and as much again for what changed: lines of the ledger, reservations."""

QUERY_SECONDS_MAX = 10.0
"""For one invariant on one part: some thirty times what it takes."""

OVERLAP = timedelta(milliseconds=TRANSACTION_TIMEOUT_MS)
"""A row is dated while its transaction runs and seen when it is committed, so much later at most."""

WHOLE = frozenset(INVARIANTS) - frozenset().union(*(scope.invariants for scope in SCOPES))
"""Invariants that are looked at whole each time."""

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far one scope is: everything up to `after` was looked at in this round, everything changed by then as well.

    `found` and `found_before` are the most violations that one run of this round and of the round before has seen.
    """

    after: UUID = FIRST
    changed_since: datetime | None = None
    rounds: int = 0
    found: Counts = field(default_factory=dict)
    found_before: Counts = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """Violations that no whole round has gone by without."""
        return _most(self.found, self.found_before)


async def count_violations(database: Database, *, work_max: Mapping[str, int] = WORK_MAX) -> dict[str, int]:
    """How many rows at least contradict each invariant, 0 where none was seen. Raises Unavailable."""
    async with database.snapshot() as session:
        await be_patient(session, query_seconds_max=QUERY_SECONDS_MAX)
        marks = await read_marks(session)
        counts = _counts(await check(session, only=WHOLE))
        marks = {
            scope.name: await check_part(session, scope, marks.get(scope.name, Mark()), work_max[scope.name])
            for scope in SCOPES
        }
    await database.writing(lambda session: _write_marks(session, marks), idempotent=True)
    for mark in marks.values():
        counts |= mark.counts()
    return {name: counts.get(name, 0) for name in INVARIANTS}


async def check_part(session: ReadSession, scope: Scope, mark: Mark, work_max: int) -> Mark:
    """Look at the next part of a scope and at what changed; answers how far it is then."""
    now = (await session.execute(select(func.statement_timestamp()))).scalar_one()
    following = await scope.following(session, mark.after, work_max)
    if not following:
        mark = replace(mark, after=FIRST, rounds=mark.rounds + 1, found={}, found_before=mark.found)
        following = await scope.following(session, FIRST, work_max)
    changed = await scope.changed(session, mark.changed_since or now - OVERLAP, work_max)
    found = _counts(await check(session, only=scope.invariants, part=Part(scope, {*following, *changed})))
    return replace(
        mark,
        after=following[-1] if following else FIRST,
        changed_since=now - OVERLAP,
        found=_most(mark.found, found),
    )


async def read_marks(session: ReadSession) -> dict[str, Mark]:
    """How far each scope is; one that was never looked at is missing."""
    return {row.scope: _mark_of(row) for row in await session.execute(select(invariant_marks))}


async def _write_marks(session: WriteSession, marks: Mapping[str, Mark]) -> None:
    for name, mark in marks.items():
        values = {
            "after": mark.after,
            "changed_since": mark.changed_since,
            "rounds": mark.rounds,
            "found": mark.found,
            "found_before": mark.found_before,
        }
        statement = insert(invariant_marks).values(scope=name, **values)
        await session.execute(statement.on_conflict_do_update(index_elements=["scope"], set_=values))


def _counts(violations: list[Violation]) -> dict[str, int]:
    return {violation.invariant: violation.count for violation in violations}


def _most(one: Counts, other: Counts) -> dict[str, int]:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in {*one, *other}}


def _mark_of(row: Any) -> Mark:
    return Mark(
        after=row.after,
        changed_since=row.changed_since,
        rounds=row.rounds,
        found=row.found,
        found_before=row.found_before,
    )
