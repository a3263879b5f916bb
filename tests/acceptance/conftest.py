"""One `holdfast up` for all acceptance tests, its customer, and a look at the invariants after each module."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.acceptance.customer import Customer, open_customer
from tests.acceptance.up import Up


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    running = Up(tmp_path_factory.mktemp("acceptance") / "stack")
    try:
        yield running
        assert running.stop() == 0
    finally:
        running.process.kill()


@pytest.fixture(scope="module")
async def customer(up: Up) -> AsyncIterator[Customer]:
    async with open_customer(up.facts()) as someone:
        yield someone


@pytest.fixture(scope="module", autouse=True)
async def invariants_hold_afterwards(up: Up) -> AsyncIterator[None]:
    yield
    findings = (await up.doctor())["findings"]
    assert [
        finding for finding in findings if finding["part"].startswith("invariant") and finding["verdict"] != "ok"
    ] == []
