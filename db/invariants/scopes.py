"""How the rows are cut into parts that can be checked by themselves: by inventory row, or by reservation.

An invariant about a scope holds for all rows when it holds for each part of them. Its query is not rewritten for that:
it sees the tables that carry the scope's key under their own names, with the rows of the part only.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from sqlalchemy import TextClause, text

from db.engine import ReadSession

FIRST = UUID(int=0)
"""Before every id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One way to cut. `tables` carry `key`, unique in the first of them; `work` is what checking one row of it costs.

    `invariants` are those that are checked part by part; all others are cheap and looked at whole each time.
    """

    name: str
    tables: tuple[str, ...]
    key: str
    work: str
    invariants: frozenset[str]

    async def following(self, session: ReadSession, after: UUID, work_max: int) -> list[UUID]:
        """The next keys in order, as many as `work_max` allows and one at least; none at the end."""
        return await _keys(session, self._following(), {"after": after, "work_max": work_max})

    async def changed(self, session: ReadSession, since: object, work_max: int) -> list[UUID]:
        """Keys of rows that changed since then, the cheapest first, as many as `work_max` allows."""
        return await _keys(session, self._changed(), {"since": since, "work_max": work_max})

    def _following(self) -> TextClause:
        return text(f"""
            select key from (
                select key, sum(work) over (order by key) as work_done, row_number() over (order by key) as place
                from (
                    select {self.key} as key, {self.work} as work from {self.tables[0]}
                    where {self.key} > :after order by {self.key} limit :work_max
                ) next
            ) counted
            where work_done <= :work_max or place = 1
            order by key
        """)  # noqa: S608 - names of ours

    def _changed(self) -> TextClause:
        return text(f"""
            select key from (
                select {self.key} as key, sum({self.work}) over (order by {self.work}, {self.key}) as work_done
                from {self.tables[0]} where updated_at > :since
            ) counted
            where work_done <= :work_max
        """)  # noqa: S608 - names of ours


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a scope."""

    scope: Scope
    keys: Collection[UUID]

    def shadows(self) -> list[str]:
        """The scope's tables cut down to the part, whose keys are `:ids`: what a WITH begins with."""
        keys = f"{self.scope.key} = any(cast(:ids as uuid[]))"
        return [
            f"{table} as not materialized (select * from {table} where {keys})"  # noqa: S608 - names of ours
            for table in self.scope.tables
        ]


async def _keys(session: ReadSession, statement: TextClause, values: dict[str, Any]) -> list[UUID]:
    return cast("list[UUID]", list((await session.execute(statement, values)).scalars()))


BY_ROW = Scope(
    name="inventory",
    tables=("inventory", "stock_movements", "reservation_lines", "adjustments"),
    key="inventory_id",
    # Every line of the ledger and of reservations has raised it: an upper bound of what has to be read.
    work="sequence + 1",
    invariants=frozenset(
        {
            "total_is_sum_of_movements",
            "ledger_adds_up",
            "sales_are_in_the_ledger",
            "adjustments_are_in_the_ledger",
            "every_step_is_in_the_audit",
        }
    ),
)
BY_RESERVATION = Scope(
    name="reservations",
    tables=("reservations", "reservation_lines", "reservation_return_lines"),
    key="reservation_id",
    work="1",
    invariants=frozenset(
        {
            "one_terminal_state",
            "holds_have_lines",
            "lines_name_rows_that_exist",
            "returned_pieces_are_in_returns",
            "returns_are_in_the_ledger",
        }
    ),
)
SCOPES = (BY_ROW, BY_RESERVATION)
