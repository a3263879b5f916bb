"""One `holdfast up` for all acceptance tests, whose invariants are looked at after the last one, and its customer."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.acceptance.customer import Customer, open_customer
from tests.acceptance.up import Up


@pytest.fixture(scope="session")
async def up(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Up]:
    running = Up(tmp_path_factory.mktemp("acceptance") / "stack")
    try:
        yield running
        findings = (await running.doctor())["findings"]
        assert [it for it in findings if it["part"].startswith("invariant") and it["verdict"] != "ok"] == []
        assert running.stop() == 0
    finally:
        running.process.kill()


@pytest.fixture(scope="module")
async def customer(up: Up) -> AsyncIterator[Customer]:
    async with open_customer(up.facts()) as someone:
        yield someone
