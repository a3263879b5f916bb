"""How Postgres goes about what it is asked: the indexes that it uses, and the tables that it reads from end to end.

For measurements. Looks at the plans of statements that have just run, with their values; runs none of them again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event

from db.engine import Database

READING = ("select", "with")


@dataclass(frozen=True, slots=True)
class Access:
    """How tables were reached: by these indexes, and these tables whole."""

    indexes: frozenset[str]
    read_whole: frozenset[str]


async def access_of(database: Database, work: Callable[[], Awaitable[object]]) -> Access:
    """Do `work`, which reads from `database`, and answer how it reached what it read."""
    with _listening(database) as asked:
        await work()
    nodes: list[dict[str, Any]] = []
    async with database.read() as session:
        for statement, values in asked:
            found = await session.connection.exec_driver_sql(f"explain (format json) {statement}", values)
            [explained] = found.scalar_one()
            nodes += _nodes(explained["Plan"])
    return Access(
        indexes=frozenset(node["Index Name"] for node in nodes if "Index Name" in node),
        read_whole=frozenset(node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"),
    )


@contextmanager
def _listening(database: Database) -> Iterator[list[tuple[str, Any]]]:
    asked: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        if statement.lstrip().lower().startswith(READING):
            asked.append((statement, values))

    event.listen(database.sync_engine, "before_cursor_execute", hear)
    try:
        yield asked
    finally:
        event.remove(database.sync_engine, "before_cursor_execute", hear)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)
