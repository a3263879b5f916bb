"""A connected database for each test module. Tests of one module share it and keep out of each other's way by ids."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from db.engine import Database
from runtime.settings import Settings


@pytest.fixture(scope="module")
async def db(database: Settings) -> AsyncIterator[Database]:
    connected = Database.connect(database, process="tests")
    yield connected
    await connected.close()
