"""The invariants of db/invariants, asked about one aisle after each step, and about everything at the end of a run.

The same queries, as the schedule asks them part by part: here the part is an aisle, which no order, transfer or request
ever leaves.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import cast

from db.engine import Database
from db.invariants import INVARIANTS, Violation, check, violations_of
from db.invariants.scopes import Part
from db.tables import metadata

KEYS = {
    "adjustments": "adjustment_id",
    "alerts": "subject_id",
    "audit": "subject_id",
    "inventory": "inventory_id",
    "outbox": "stream_id",
    "purchase_order_lines": "purchase_order_id",
    "purchase_orders": "purchase_order_id",
    "reservation_lines": "inventory_id",
    "reservation_return_lines": "reservation_id",
    "reservation_returns": "reservation_id",
    "reservations": "reservation_id",
    "stock_movements": "inventory_id",
    "transfer_lines": "transfer_id",
    "transfers": "transfer_id",
    "waitlist_entries": "entry_id",
}
"""The column of each table by which its rows belong to an aisle."""


@dataclass(frozen=True, slots=True)
class Aisle:
    """Part of the database: `keys` are the ids of everything that belongs to an aisle, whatever it is."""

    keys: Collection[str]

    def shadows(self) -> list[str]:
        """Every table cut down to the aisle, under its own name."""
        ids = "any (cast(:ids as uuid[]))"
        return [
            f"{table} as not materialized (select * from {table} where {key} = {ids})" for table, key in KEYS.items()
        ]


async def violations_in(database: Database, aisle: Aisle) -> list[str]:
    """The invariants that do not hold in an aisle."""
    async with database.snapshot() as session:
        return list(map(_in_words, await check(session, part=cast("Part", aisle))))


async def all_violations(database: Database) -> list[str]:
    """The invariants that do not hold anywhere."""
    return list(map(_in_words, await violations_of(database)))


def _in_words(violation: Violation) -> str:
    return f"{violation.invariant}: {violation.count} ({violation.samples[:1]})"


def unknown_tables() -> set[str]:
    """Tables that an invariant names and that nothing here cuts down: a new noun says which rows are an aisle's."""
    named = {name for query in INVARIANTS.values() for name in re.findall(r"\b(?:from|join)\s+(\w+)", query)}
    return (named & set(metadata.tables)) - set(KEYS)
