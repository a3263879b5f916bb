"""The doctor on real servers: what it finds when all is well, and what it says to do when something is not."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog
from aiohttp import web
from sqlalchemy import text

from db.engine import Database
from holdfast.doctor import examine, main, servers
from holdfast.doctor.findings import Finding, Verdict
from holdfast.stack.embedded import Stack
from holdfast.stack.ports import free_port
from runtime.settings import Settings
from tests.stocking import add_stock


@pytest.fixture
async def db(settings: Settings) -> AsyncIterator[Database]:
    connected = Database.connect(settings, process="tests")
    yield connected
    await connected.close()


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """The doctor sets it up for a process of its own, with the standard error of one test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging.disable(logging.NOTSET)
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def nowhere() -> Settings:
    """Settings that lead to servers that are not there."""
    return Settings(
        db_port=free_port(),
        redis_port=free_port(),
        temporal_address=f"127.0.0.1:{free_port()}",
        kafka_brokers=(f"127.0.0.1:{free_port()}",),
    )


def of(findings: list[Finding], part: str) -> Finding:
    return next(finding for finding in findings if finding.part == part)


async def test_a_stack_without_our_processes_lacks_nothing_but_them(
    settings: Settings, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "CLOCK_SKEW_SECONDS_MAX", 60.0)  # a machine that stands still is no wrong clock
    await add_stock(db, 5)
    findings = await examine(settings)
    verdicts = {finding.part: finding.verdict for finding in findings}
    well = ("settings", "postgres", "schema", "clock", "temporal", "temporal retention", "temporal eager start")
    assert {verdicts[part] for part in (*well, "kafka", "redis", "invariants")} == {Verdict.OK}
    assert verdicts["temporal workers"] is Verdict.FAIL
    assert "holdfast worker" in of(findings, "temporal workers").advice
    assert "18" in of(findings, "postgres").detail


async def test_without_servers_each_is_named_with_what_to_do(nowhere: Settings) -> None:
    findings = await examine(nowhere)
    verdicts = {finding.part: finding.verdict for finding in findings}
    for part in ("postgres", "temporal", "kafka", "outbox", "invariants"):
        assert verdicts[part] is Verdict.FAIL, part
        assert of(findings, part).advice, part
    assert verdicts["redis"] is Verdict.WARN


async def test_a_database_that_was_never_migrated_is_told_from_one_that_was(
    settings: Settings, postgres_server: Stack
) -> None:
    empty = settings.model_copy(update={"db_name": "postgres"})
    schema = of(await examine(empty), "schema")
    assert schema.verdict is Verdict.FAIL
    assert "holdfast migrate" in schema.advice


async def test_a_broken_invariant_is_shown_with_the_rows_that_break_it(settings: Settings, db: Database) -> None:
    item = await add_stock(db, 7)
    forge = text("update stock_movements set quantity = quantity + 1, total_after = total_after + 1 "
                 "where inventory_id = :id")  # fmt: skip
    undo = text("update stock_movements set quantity = quantity - 1, total_after = total_after - 1 "
                "where inventory_id = :id")  # fmt: skip
    async with db.write() as session:
        await session.execute(text("alter table stock_movements disable trigger user"))
        await session.execute(forge, {"id": item.inventory_id})
    broken = of(await examine(settings), "invariant total_is_sum_of_movements")
    assert broken.verdict is Verdict.FAIL
    assert item.sku in broken.detail
    async with db.write() as session:
        await session.execute(undo, {"id": item.inventory_id})
        await session.execute(text("alter table stock_movements enable trigger user"))
    assert of(await examine(settings), "invariants").verdict is Verdict.OK


@pytest.mark.parametrize(("age_seconds", "verdict"), [(20, Verdict.WARN), (90, Verdict.FAIL)])
async def test_news_that_wait_too_long_are_seen(
    settings: Settings, db: Database, age_seconds: int, verdict: Verdict
) -> None:
    await add_stock(db, 3)
    age = text("update outbox set created_at = clock_timestamp() - make_interval(secs => :age) where sent_at is null")
    async with db.write() as session:
        await session.execute(age, {"age": age_seconds})
    assert of(await examine(settings), "outbox").verdict is verdict
    async with db.write() as session:
        await session.execute(text("update outbox set sent_at = clock_timestamp() where sent_at is null"))
    assert of(await examine(settings), "outbox").verdict is Verdict.OK


async def test_each_process_is_asked_whether_it_is_ready(settings: Settings) -> None:
    async def ready(_request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_get("/health/ready", ready)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    dead_port = free_port(frozenset({port}))
    await web.TCPSite(runner, "127.0.0.1", port).start()
    facts = {
        "metrics": {
            "serve": f"http://127.0.0.1:{port}/metrics",
            "relay": f"http://127.0.0.1:{dead_port}/metrics",
        },
        "pids": {"serve": 1},
        "logs": "/somewhere",
    }
    try:
        findings = await examine(settings, facts)
    finally:
        await runner.cleanup()
    assert of(findings, "serve").verdict is Verdict.OK
    assert of(findings, "relay").verdict is Verdict.FAIL
    assert "/somewhere/relay.log" in of(findings, "relay").advice


@pytest.mark.parametrize("exposed", [{"app_env": "test"}, {"app_host": "0.0.0.0"}])
async def test_settings_that_deserve_a_second_look_are_named(nowhere: Settings, exposed: dict[str, str]) -> None:
    doubtful = nowhere.model_copy(update={**exposed, "failpoints": ("after_send=kill",)})
    details = [it.detail for it in await examine(doubtful) if it.part == "settings" and it.verdict is Verdict.WARN]
    assert any("JWT_SECRET" in detail for detail in details)
    assert any("FAILPOINTS" in detail for detail in details)


@pytest.mark.parametrize("as_json", [False, True])
async def test_the_command_shows_findings_and_fails_when_one_does(
    nowhere: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    code = await asyncio.to_thread(main, nowhere, tmp_path / "stack.json", as_json=as_json)
    shown = capsys.readouterr().out
    assert code == 1
    if as_json:
        found = json.loads(shown)
        assert found["healthy"] is False
        assert {"part", "verdict", "detail", "advice"} == set(found["findings"][0])
    else:
        assert "fail postgres" in shown
        assert "→ Start it" in shown
