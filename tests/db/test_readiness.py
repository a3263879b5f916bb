"""Ready is a Postgres whose schema this code can work on: as new as it knows, or newer."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import event, text

from db.engine import Database
from db.readiness import Readiness, newest_revision
from domain.errors import Unavailable
from holdfast.stack.embedded import Stack
from runtime.settings import Settings


@pytest.fixture
async def unmigrated(postgres_server: Stack) -> AsyncIterator[Database]:
    """The server's own database, where nobody has migrated anything."""
    opened = Database.connect(postgres_server.settings, process="tests")
    yield opened
    await opened.close()


@pytest.fixture
async def db(database: Settings) -> AsyncIterator[Database]:
    """The module's database, at the newest revision again for each test."""
    opened = Database.connect(database, process="tests")
    await at_revision(opened, newest_revision())
    yield opened
    await opened.close()


async def at_revision(database: Database, revision: str) -> None:
    async with database.write() as session:
        await session.execute(text("delete from alembic_version"))
        if revision:
            await session.execute(text("insert into alembic_version values (:revision)"), {"revision": revision})


def one_before(revision: str) -> str:
    return f"{int(revision) - 1:04}"


@pytest.mark.parametrize("revision", ["", "0001", one_before(newest_revision())])
async def test_an_older_schema_is_not_ready_and_the_reason_says_what_to_do(db: Database, revision: str) -> None:
    await at_revision(db, revision)
    with pytest.raises(Unavailable, match=rf"{revision or 'missing'}.* `holdfast migrate`"):
        await Readiness(db).check()


async def test_a_database_without_a_schema_is_not_ready(unmigrated: Database) -> None:
    with pytest.raises(Unavailable, match=r"missing.* `holdfast migrate`"):
        await Readiness(unmigrated).check()


@pytest.mark.parametrize("newer_by", [0, 1, 100])
async def test_a_schema_as_new_as_the_code_or_newer_is_ready(db: Database, newer_by: int) -> None:
    await at_revision(db, f"{int(newest_revision()) + newer_by:04}")
    await Readiness(db).check()


async def test_a_process_becomes_ready_when_somebody_migrates(db: Database) -> None:
    readiness = Readiness(db)
    await at_revision(db, one_before(newest_revision()))
    with pytest.raises(Unavailable):
        await readiness.check()
    await at_revision(db, newest_revision())
    await readiness.check()


async def test_a_schema_that_was_new_enough_is_not_asked_again(db: Database) -> None:
    readiness = Readiness(db)
    await readiness.check()
    asked: list[str] = []
    event.listen(db.sync_engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    await readiness.check()
    assert asked == ["select 1"]


async def test_postgres_is_asked_each_time(db: Database) -> None:
    readiness = Readiness(db)
    await readiness.check()
    await db.close()
    event.listen(db.sync_engine, "do_connect", lambda *call: call[3].update(port=1))
    with pytest.raises(Unavailable, match="cannot answer"):
        await readiness.check()
