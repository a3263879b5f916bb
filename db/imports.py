"""Which rows an import has dealt with. What it does to them is gateway/commands/imports.py."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import insert, select

from db.engine import ReadSession, WriteSession
from db.tables import import_lines
from domain.ids import Actor


async def dealt_with(session: ReadSession, import_id: UUID, inventory_ids: Collection[UUID]) -> set[UUID]:
    """Those of these rows that this import has dealt with before."""
    statement = select(import_lines.c.inventory_id).where(
        import_lines.c.import_id == import_id, import_lines.c.inventory_id.in_(inventory_ids)
    )
    return set((await session.execute(statement)).scalars())


async def record(session: WriteSession, import_id: UUID, lines: Mapping[UUID, int], actor: Actor) -> None:
    """Write down the locked rows that are dealt with now, and the line of the file for each."""
    rows = [
        {
            "import_id": import_id,
            "inventory_id": inventory_id,
            "line": line,
            "performed_by": actor.actor_id,
            "performed_by_name": actor.name,
        }
        for inventory_id, line in lines.items()
    ]
    if rows:
        await session.execute(insert(import_lines), rows)
