"""The four processes beside a migration that has not ended: alive, not ready, and ready once it has."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientConnectionError, ClientSession

from db.engine import Database
from db.readiness import newest_revision
from holdfast.processes import COMMANDS, NAMES
from holdfast.stack.ports import LOOPBACK, free_port
from runtime.settings import Settings
from tests.chaos.conftest import told_to
from tests.db.test_readiness import at_revision, one_before
from tests.workers.waiting import until


@pytest.fixture
async def db(settings: Settings) -> AsyncIterator[Database]:
    connected = Database.connect(settings, process="tests")
    yield connected
    await connected.close()


def environment_of(settings: Settings, port: int) -> dict[str, str]:
    """What leads a process to the servers of the tests, with its metrics on `port`."""
    own = {"PROMETHEUS_PORT": str(port), "APP_ENV": "test", "SHUTDOWN_GRACE_SECONDS": "1"}
    return {**os.environ, **told_to(settings), **own}


async def ready(port: int) -> tuple[int, dict[str, Any]] | None:
    """Status and body of the readiness probe; nothing while nobody listens."""
    try:
        async with ClientSession() as session, session.get(f"http://{LOOPBACK}:{port}/health/ready") as answer:
            return answer.status, await answer.json()
    except ClientConnectionError:
        return None


async def status_is(port: int, wanted: int) -> bool:
    answer = await ready(port)
    return answer is not None and answer[0] == wanted


@pytest.mark.parametrize("name", NAMES)
async def test_a_process_waits_for_the_schema_and_says_so(
    settings: Settings, db: Database, name: str, tmp_path: Path
) -> None:
    port, log = free_port(), tmp_path / f"{name}.log"
    await at_revision(db, one_before(newest_revision()))
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *COMMANDS[name], env=environment_of(settings, port), stdout=output, stderr=output
        )
    try:

        async def told() -> bool:
            return await ready(port) is not None and "holdfast migrate" in log.read_text("utf-8")

        await until(told)
        assert await status_is(port, 503)
        await at_revision(db, newest_revision())
        await until(partial(status_is, port, 200))
    finally:
        process.kill()
        await process.wait()
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines() if "holdfast migrate" in line]
    assert len(lines) == 1, "a reason is told once"
