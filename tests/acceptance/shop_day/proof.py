"""The invariants of db/invariants, asked about one aisle after each step, and about everything at the end of a run.

The same queries: each table that they name is narrowed to the rows of the aisle, which an order never leaves.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from db.engine import Database
from db.invariants import INVARIANTS, OUTBOX_KEPT, OVERDUE_LAG_SECONDS, violations_of
from db.tables import metadata

NARROWED = {
    "inventory": "inventory_id = any (cast(:rows as uuid[]))",
    "stock_movements": "inventory_id = any (cast(:rows as uuid[]))",
    "reservations": "reservation_id = any (cast(:works as uuid[]))",
    "reservation_lines": "inventory_id = any (cast(:rows as uuid[]))",
    "reservation_returns": "reservation_id = any (cast(:works as uuid[]))",
    "reservation_return_lines": "reservation_id = any (cast(:works as uuid[]))",
    "alerts": "subject_id = any (cast(:rows as uuid[]))",
    "outbox": "stream_id = any (cast(:rows as uuid[]) || cast(:works as uuid[]))",
    "adjustments": "adjustment_id = any (cast(:works as uuid[]))",
    "audit": "subject_id = any (cast(:works as uuid[]))",
}
"""Which rows of a table belong to an aisle: by its inventory rows, and by its reservations and operations."""


@dataclass(frozen=True, slots=True)
class Extent:
    """What belongs to an aisle: ids of inventory rows, and of reservations and operations."""

    rows: Collection[str]
    works: Collection[str]


async def violations_in(database: Database, extent: Extent) -> list[str]:
    """The invariants that do not hold in an aisle, with the first row that contradicts each."""
    values: dict[str, Any] = {
        "rows": list(extent.rows),
        "works": list(extent.works),
        "lag": timedelta(seconds=OVERDUE_LAG_SECONDS),
        "kept": OUTBOX_KEPT,
    }
    found = []
    async with database.snapshot() as session:
        for name, query in _QUERIES.items():
            used = {key: value for key, value in values.items() if f":{key}" in query}
            if (row := (await session.execute(text(query), used)).first()) is not None:
                found.append(f"{name}: {dict(row._mapping)}")
    return found


async def all_violations(database: Database) -> list[str]:
    """The invariants that do not hold anywhere."""
    return [f"{it.invariant}: {it.count} ({it.samples[:1]})" for it in await violations_of(database)]


def _narrowed(query: str) -> str:
    tables = sorted(set(re.findall(r"\b(?:from|join)\s+(\w+)", query)) & set(metadata.tables))
    scopes = ", ".join(f"{table} as (select * from public.{table} where {NARROWED[table]})" for table in tables)
    return f"with {scopes} {query} limit 1"


_QUERIES = {name: _narrowed(query) for name, query in INVARIANTS.items()}
