"""The real servers: that they start, keep data, come back, and are used or left alone as the settings say."""

from __future__ import annotations

import os
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest

from holdfast.stack.cache import cache_part
from holdfast.stack.embedded import Plan, drop_data, embedded_stack, temporary_stack
from holdfast.stack.errors import NotReadyError, StackError
from holdfast.stack.part import Part
from holdfast.stack.placement import place_postgres, shared_home
from holdfast.stack.ports import LOOPBACK, free_port
from holdfast.stack.probes import accepts_connections, kafka_answers, redis_answers
from runtime.search_attributes import SEARCH_ATTRIBUTES
from runtime.settings import Settings
from runtime.temporal import connect
from tests.stack.conftest import Reports


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "stack"
    yield directory
    drop_data(directory)


def _execute(settings: Settings, statement: str) -> object:
    """The first value of the first row, None when there is no row."""
    with psycopg.connect(
        host=settings.db_host,
        port=settings.db_port,
        user=settings.db_user,
        password=settings.db_password.get_secret_value(),
        dbname=settings.db_name,
        autocommit=True,
    ) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
    return None if row is None else row[0]


async def test_all_servers_answer_in_their_own_protocols(directory: Path, reports: Reports) -> None:
    async with embedded_stack(directory, Settings(), report=reports) as stack:
        settings = stack.settings
        assert _execute(settings, "SELECT current_user") == settings.db_user
        assert (await connect(settings)).namespace == settings.temporal_namespace
        await kafka_answers(LOOPBACK, int(settings.kafka_brokers[0].rpartition(":")[2]))
        await redis_answers(settings.redis_host, settings.redis_port)
        names = set(stack.supervisor.pids())
        logs = {path.stem for path in stack.logs.iterdir()}

    assert names == logs == {"postgres", "temporal", "broker", "cache"}
    assert all(reports.events(name) == ["starting", "ready", "stopped"] for name in names)


async def test_only_the_parts_asked_for_are_started(directory: Path) -> None:
    async with embedded_stack(directory, Settings(), parts=["cache"]) as stack:
        assert set(stack.supervisor.pids()) == {"cache"}
        assert set(stack.environment()) == {"REDIS_HOST", "REDIS_PORT"}


async def test_a_process_given_the_environment_finds_the_stack(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with embedded_stack(directory, Settings()) as stack:
        for name, value in stack.environment().items():
            monkeypatch.setenv(name, value)
        assert Settings() == stack.settings


async def test_postgres_keeps_every_commit_and_takes_many_connections(directory: Path) -> None:
    async with embedded_stack(directory, Settings(), parts=["postgres"]) as stack:
        names = ("synchronous_commit", "fsync", "max_connections", "TimeZone")
        shown = [_execute(stack.settings, f"SHOW {name}") for name in names]
    assert shown == ["on", "on", "300", "UTC"]


async def test_the_services_role_is_no_superuser_and_needs_its_password(directory: Path) -> None:
    async with embedded_stack(directory, Settings(), parts=["postgres"]) as stack:
        assert _execute(stack.settings, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
        stranger = stack.settings.model_copy(update={"db_password": SecretStr("guess")})
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            _execute(stranger, "SELECT 1")


async def test_data_and_addresses_stay_until_they_are_dropped(directory: Path) -> None:
    async with embedded_stack(directory, Settings(), parts=["postgres"]) as first:
        _execute(first.settings, "CREATE TABLE kept AS SELECT 42 AS answer")
    async with embedded_stack(directory, Settings(), parts=["postgres"]) as second:
        assert _execute(second.settings, "SELECT answer FROM kept") == 42
        assert second.settings == first.settings
        with pytest.raises(StackError, match="already"):
            drop_data(directory)

    drop_data(directory)
    assert not any(map(os.path.exists, (directory, shared_home(directory))))


async def test_names_and_passwords_of_the_settings_are_those_of_the_servers(directory: Path) -> None:
    wanted = Settings().model_copy(
        update={
            "db_name": 'odd "name"',
            "db_user": "o'brien",
            "db_password": SecretStr("it's \\ secret"),
            "redis_password": SecretStr('say "please"'),
        }
    )
    async with embedded_stack(directory, wanted, parts=["postgres", "cache"]) as stack:
        settings = stack.settings
        assert _execute(settings, "SELECT current_database()") == 'odd "name"'
        await redis_answers(settings.redis_host, settings.redis_port, 'say "please"')
        with pytest.raises(NotReadyError):
            await redis_answers(settings.redis_host, settings.redis_port)


async def test_a_killed_server_comes_back_with_its_data_at_its_address(directory: Path, reports: Reports) -> None:
    async with embedded_stack(directory, Settings(), parts=["postgres"], report=reports, keep_up=True) as stack:
        _execute(stack.settings, "CREATE TABLE kept AS SELECT 42 AS answer")
        os.kill(stack.supervisor.pids()["postgres"], signal.SIGKILL)
        await reports.until("postgres", "ready", times=2)
        assert _execute(stack.settings, "SELECT answer FROM kept") == 42


async def test_a_service_that_the_settings_name_is_used_instead(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server((LOOPBACK, 0)) as elsewhere:
        monkeypatch.setenv("REDIS_HOST", LOOPBACK)
        monkeypatch.setenv("REDIS_PORT", str(elsewhere.getsockname()[1]))
        async with embedded_stack(directory, Settings(), parts=["cache", "broker"]) as stack:
            assert set(stack.supervisor.pids()) == {"broker"}
            assert set(stack.environment()) == {"KAFKA_BROKERS"}
            assert stack.settings.redis_port == elsewhere.getsockname()[1]


async def test_every_named_service_that_does_not_answer_is_reported_before_anything_starts(
    directory: Path, monkeypatch: pytest.MonkeyPatch, reports: Reports
) -> None:
    port = free_port()
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"{LOOPBACK}:{port}")
    monkeypatch.setenv("KAFKA_BROKERS", f"{LOOPBACK}:{port},not-an-address")

    with pytest.raises(StackError, match=rf"(?s)temporal: TEMPORAL_ADDRESS .*:{port}.*broker: KAFKA_BROKERS "):
        async with embedded_stack(directory, Settings(), report=reports):
            pytest.fail("two services are missing")
    assert reports.heard == []


async def test_a_damaged_cluster_is_reported_with_postgres_own_words(directory: Path) -> None:
    placement = place_postgres(directory)
    placement.data.mkdir()

    with pytest.raises(StackError, match=r"(?s)postgres ended with code .*before it served.*data"):
        async with embedded_stack(directory, Settings(), parts=["postgres"]):
            pytest.fail("an empty directory is no cluster")


async def test_a_temporary_stack_leaves_nothing() -> None:
    async with temporary_stack(Settings(), parts=["postgres", "cache"]) as stack:
        assert _execute(stack.settings, "SHOW fsync") == "off"
    assert not os.path.exists(stack.directory)
    with pytest.raises(NotReadyError):
        await accepts_connections(stack.settings.redis_host, stack.settings.redis_port)


def test_the_servers_account_can_reach_its_data_and_nobody_elses_permissions_changed(directory: Path) -> None:
    """As root, pytest's own directories are closed to every other account; as anyone else the data stays inside."""
    parent = directory.parent.parent
    before = stat.S_IMODE(parent.stat().st_mode)
    placement = place_postgres(directory)

    assert placement.home == (shared_home(directory) if os.geteuid() == 0 else directory / "postgres")
    assert placement.home.is_dir()
    assert bool(placement.user) == (os.geteuid() == 0)
    assert stat.S_IMODE(parent.stat().st_mode) == before


async def test_temporal_knows_our_search_attributes_in_each_namespace(directory: Path) -> None:
    async with embedded_stack(directory, Settings(), parts=["temporal"], namespaces=["second"]) as stack:
        for namespace in ("default", "second"):
            client = await connect(stack.settings.model_copy(update={"temporal_namespace": namespace}))
            known = await client.operator_service.list_search_attributes(
                ListSearchAttributesRequest(namespace=namespace)
            )
            assert dict(known.custom_attributes) == SEARCH_ATTRIBUTES
            every = " AND ".join(f"{name} IS NULL" for name in SEARCH_ATTRIBUTES)
            assert (await client.count_workflows(every)).count == 0


async def test_another_engine_takes_the_place_of_a_packaged_server(directory: Path) -> None:
    def other_cache(plan: Plan, log_path: Path) -> Part:
        plan.addresses.update(redis_host=LOOPBACK, redis_port=plan.ports.port("other"))
        return cache_part(plan.directory / "other", plan.ports.port("other"), log_path, password="")

    async with embedded_stack(directory, Settings(), parts=["cache"], engines={"cache": other_cache}) as stack:
        await redis_answers(LOOPBACK, stack.ports.port("other"))
        assert stack.settings.redis_port == stack.ports.port("other")
        assert (stack.logs / "cache.log").exists()
        assert not (directory / "cache").exists()
