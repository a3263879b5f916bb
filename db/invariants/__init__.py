"""What must always be true, as queries that must find nothing. They only read, and see one instant.

They run after every concurrency and chaos test, in `holdfast doctor`, and on a schedule as a metric. Everything is
derived again from the ledger, the lines and the outbox, so that a wrong rule elsewhere shows here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import TextClause, text

from db.engine import Database, ReadSession
from db.invariants.alerts import ALERTS
from db.invariants.operations import OPERATIONS
from db.invariants.reservations import RESERVATIONS
from db.invariants.returns import RETURNS
from db.invariants.stock import STOCK
from db.invariants.transfers import TRANSFERS
from db.invariants.waitlist import WAITLIST

OVERDUE_LAG_SECONDS = 60.0
"""How long after its deadline a hold may still be PENDING, by default: the sweeper needs about two seconds."""

SAMPLES_MAX = 5

OUTBOX_KEPT = timedelta(minutes=30)
"""News younger than this are certainly still in the outbox; see db/housekeeping.py."""


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold: how many rows contradict it, and some of them as JSON."""

    invariant: str
    count: int
    samples: tuple[str, ...]


INVARIANTS = {**STOCK, **RESERVATIONS, **RETURNS, **ALERTS, **OPERATIONS, **TRANSFERS, **WAITLIST}
"""A query for each invariant, in a file for each noun; every row it finds is a violation."""


async def check(session: ReadSession, *, overdue_lag_seconds: float = OVERDUE_LAG_SECONDS) -> list[Violation]:
    """The invariants that do not hold. `session` is a snapshot (Database.snapshot): the queries belong together."""
    values = {"lag": timedelta(seconds=overdue_lag_seconds), "kept": OUTBOX_KEPT}
    violations = []
    for name, query in INVARIANTS.items():
        used = {key: value for key, value in values.items() if f":{key}" in query}
        found = (await session.execute(_counted(query), used)).one()
        if found.violations:
            violations.append(Violation(name, found.violations, tuple(found.samples)))
    return violations


async def violations_of(database: Database, *, overdue_lag_seconds: float = OVERDUE_LAG_SECONDS) -> list[Violation]:
    """`check` in a snapshot of its own. Raises Unavailable."""
    async with database.snapshot() as session:
        return await check(session, overdue_lag_seconds=overdue_lag_seconds)


async def count_violations(database: Database) -> dict[str, int]:
    """How many rows contradict each invariant, 0 for those that hold. Raises Unavailable."""
    found = {violation.invariant: violation.count for violation in await violations_of(database)}
    return {name: found.get(name, 0) for name in INVARIANTS}


def _counted(query: str) -> TextClause:
    return text(f"""
        with found as ({query})
        select (select count(*) from found) as violations,
               array(select to_jsonb(found)::text from found limit {SAMPLES_MAX}) as samples
    """)  # noqa: S608 - the queries are the ones of this package
