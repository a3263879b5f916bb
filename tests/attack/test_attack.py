"""The short attack: bounded, always the same questions, on processes of ours with real servers behind them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from schemathesis.generation.hypothesis.builder import HypothesisTestMode

from holdfast.stack.ports import LOOPBACK, free_port
from runtime.settings import Settings
from tests.attack.campaign import Campaign, campaign
from tests.attack.findings import Findings
from tests.attack.target import Target
from tests.chaos.conftest import Processes

SEED = 7


@pytest.fixture(scope="module")
async def target(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    running, grpc_port = Processes(settings, Path(tmp_path_factory.mktemp("attack"))), free_port()
    try:
        (_, api), *_ = await asyncio.gather(running.serve(GRPC_PORT=str(grpc_port)), running.worker(), running.bridge())
        yield Target(api, f"{LOOPBACK}:{grpc_port}", settings)
    finally:
        running.stop()


@pytest.fixture(scope="module")
def attackers(target: Target) -> Iterator[Campaign]:
    with campaign(target, number=SEED) as gathered:
        gathered.furnish()
        yield gathered


@pytest.fixture
def held(attackers: Campaign) -> Iterator[Findings]:
    """The findings, which are none after the test; nothing that must be true is false then."""
    yield attackers.findings
    attackers.last_look()
    assert attackers.findings.wrong == []


def test_what_opens_nothing_is_refused_and_moves_nothing(attackers: Campaign, held: Findings) -> None:
    attackers.refusals()
    assert held.refused > 200


def test_every_operation_keeps_to_its_document_on_real_rows(attackers: Campaign, held: Findings) -> None:
    attackers.once(times=3, number=SEED, modes=[HypothesisTestMode.FUZZING])
    answered = {operation for operation, status in held.answers if status.startswith("2") or status == "OK"}
    assert len(answered) > len(attackers.documented.operations) / 3


def test_no_record_stops_the_bridge_or_moves_stock_by_being_wrong(attackers: Campaign, held: Findings) -> None:
    attackers.records.everything(times=30, number=SEED)
    assert held.answers["events: good ones", "settled"] > 0


@pytest.mark.parametrize(
    "leak", ["Traceback (most", 'File "x.py"', "select a from b", "KeyError", "/usr/lib", "secret!"]
)
def test_a_leak_is_found_unless_it_was_asked_for(leak: str) -> None:
    findings = Findings(("secret!",))
    findings.look_for_leaks("it", f'{{"detail": "{leak}"}}')
    assert findings.wrong_count == 1
    findings.look_for_leaks("it", "nothing is there", asked="Traceback")
    assert findings.wrong_count == 1
    if leak != "secret!":
        findings.look_for_leaks("it", f"you sent {leak}", asked=leak)
        assert findings.wrong_count == 1


def test_a_refusal_that_moves_anything_is_found(attackers: Campaign) -> None:
    honest, attackers.state._findings = attackers.state._findings, (found := Findings(()))
    try:
        while not found.refused:  # a hold that expires meanwhile leaves it unjudged
            attackers.state.settle()
            attackers.state._connection.execute("update warehouses set name = name || '!'")
            attackers.state.judge("it", refused=True)
        assert found.wrong == ["it: was refused and changed warehouses; asked "]
    finally:
        attackers.state._findings = honest
