"""Whether Postgres is ready for this code: it answers, and its schema is new enough. Migrates nothing."""

from __future__ import annotations

from pathlib import Path

from db.engine import Database
from db.servers import postgres_facts
from domain.errors import Unavailable


def newest_revision() -> str:
    """The revision this code expects: the number that its last migration begins with.

    Asked without Alembic, which each process would else carry along for 10 MB and 80 ms of its start.
    """
    return max(path.name[:4] for path in (Path(__file__).parent / "migrations" / "versions").glob("[0-9]*.py"))


class Readiness:
    """The check of Postgres that a process shows as its own readiness."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._needed = newest_revision()
        self._is_migrated = False

    async def check(self) -> None:
        """One round trip. Raises Unavailable when Postgres does not answer, or its schema is older than we need.

        A newer schema is as good: an old process stays ready while the next release rolls out, which is why a schema
        that was new enough once is not asked for its revision again.
        """
        if self._is_migrated:
            await self._database.check()
            return
        async with self._database.read() as session:
            revision = (await postgres_facts(session)).revision
        if revision < self._needed:  # they are numbers of four digits
            found = f"at revision {revision}" if revision else "missing"
            raise Unavailable(f"the schema is {found}, this code needs {self._needed}: run `holdfast migrate`")
        self._is_migrated = True
