"""All that a refused request must not change: a fingerprint of every table, taken in one statement."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from db.tables import metadata
from runtime.settings import Settings
from tests.attack.findings import Findings

LIVES_ON_ITS_OWN = frozenset({"relay_leases", "relay_members", "invariant_marks", "idempotency_keys", "inbox"})
"""Leases of processes and marks of schedules, and what is remembered of requests and events, the refused ones too."""

REFUSALS_ARE_KEPT = frozenset({"audit"})
"""A step of staff that was refused is written down, as it should be: only what was done counts here."""

_LOOKS_ALIKE = 3
_LOOK_EVERY_SECONDS = 0.02
_PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`tables` by name: rows and a sum over their contents. `moved` counts what nobody asked for: expiries, offers."""

    tables: tuple[tuple[int, int], ...]
    moved: int


class State:
    """The rows behind the service. Before what may be refused they are still, so that whoever moves them is known."""

    def __init__(self, settings: Settings, findings: Findings) -> None:
        self._findings = findings
        self._names = sorted(set(metadata.tables) - LIVES_ON_ITS_OWN)
        self._query = " union all ".join(map(_fingerprint, self._names))
        self._connection = psycopg.connect(
            host=settings.db_host,
            port=settings.db_port,
            user=settings.db_user,
            password=settings.db_password.get_secret_value(),
            dbname=settings.db_name,
            autocommit=True,
        )
        self._before = self.settle()

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()

    def settle(self, looks_alike: int = _LOOKS_ALIKE) -> Snapshot:
        """Wait until nothing moves; what is then is the state that the next request is judged by."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        looks, last = 1, self._look()
        while looks < looks_alike and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY_SECONDS)
            now = self._look()
            looks, last = (looks + 1, last) if now == last else (1, now)
        self._before = last
        return last

    def judge(self, operation: str, *, refused: bool, asked: str = "") -> None:
        """Blame a refused request after which anything is different."""
        if not refused:
            self.settle()
            return
        now = self._look()
        if now.moved != self._before.moved:
            self._findings.unjudged += 1
            self.settle()
            return
        self._findings.refused += 1
        if now.tables != self._before.tables:
            changed = [
                name
                for name, *seen in zip(self._names, now.tables, self._before.tables, strict=True)
                if seen[0] != seen[1]
            ]
            self._findings.blame(operation, f"was refused and changed {', '.join(changed)}; asked {asked}")
            self.settle()

    @contextmanager
    def unchanged(self, operation: str) -> Iterator[None]:
        """Everything inside is to be refused."""
        yield
        self.judge(operation, refused=True)

    def count(self, table: str, condition: str) -> int:
        """Rows of a table."""
        found = self._connection.execute(f"select count(*) from {table} where {condition}".encode()).fetchone()
        assert found is not None
        return int(found[0])

    def _look(self) -> Snapshot:
        rows = self._connection.execute(self._query.encode()).fetchall()
        tables = tuple((int(count), int(total)) for count, total in rows)
        moved = self.count("reservations", "status = 'EXPIRED'") + self.count("waitlist_entries", "status <> 'WAITING'")
        return Snapshot(tables, moved)


def _fingerprint(table: str) -> str:
    done = " where refusal_code is null" if table in REFUSALS_ARE_KEPT else ""
    return f"select count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) from {table} t{done}"
