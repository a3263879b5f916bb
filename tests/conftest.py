"""The real servers, each started once per session and only when a test asks for it.

In a parallel run each runner is a session with servers of its own; `tests/sharing_out.py` says who runs what.
`database` is a fresh, migrated database for each test module and needs only Postgres. `settings` leads to that
database and to all other servers, where each module has a Temporal namespace, Kafka topics and a Redis database of
its own, so that nothing one module leaves behind is seen by another.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from hypothesis import settings as hypothesis_settings
from psycopg import sql
from psycopg.errors import InsufficientPrivilege
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_fixed
from xdist.remote import Producer

from db.migrations import upgrade
from holdfast.stack import ports
from holdfast.stack.cache import DATABASES
from holdfast.stack.embedded import Stack, temporary_stack
from runtime.settings import Settings
from tests.ending import pytest_sessionstart, pytest_unconfigure  # noqa: F401 - hooks of this file
from tests.patience import patient_connections
from tests.sharing_out import FileByFile, rank, runners

NAMESPACES = tuple(f"tests-{number}" for number in range(DATABASES))
TEMPLATE = "migrated_template"

_database_numbers = itertools.count(1)
_module_numbers = iter(range(DATABASES))


hypothesis_settings.register_profile("holdfast", deadline=None)
hypothesis_settings.load_profile("holdfast")
"""No example is judged by the clock: a busy machine must not fail a test."""


def pytest_configure() -> None:
    """A shell that names real services must not lead the tests there."""
    for name in list(os.environ):
        if name.lower() in Settings.model_fields or name == "CONFIG_FILE":
            del os.environ[name]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    return runners()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FileByFile:
    return FileByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=rank)


@pytest.fixture(scope="session", autouse=True)
def _patience() -> Iterator[None]:
    with patient_connections():
        yield


@pytest.fixture
def free_port() -> int:
    """A port where nobody listens."""
    return ports.free_port()


@pytest.fixture(scope="session")
async def postgres_server() -> AsyncIterator[Stack]:
    async with temporary_stack(Settings(), parts=["postgres"]) as stack:
        yield stack


@pytest.fixture(scope="session")
async def temporal_server() -> AsyncIterator[Stack]:
    async with temporary_stack(Settings(), parts=["temporal"], namespaces=NAMESPACES) as stack:
        yield stack


@pytest.fixture(scope="session")
async def kafka_server() -> AsyncIterator[Stack]:
    async with temporary_stack(Settings(), parts=["broker"]) as stack:
        yield stack


@pytest.fixture(scope="session")
async def redis_server() -> AsyncIterator[Stack]:
    async with temporary_stack(Settings(), parts=["cache"]) as stack:
        yield stack


@pytest.fixture(scope="session")
async def migrated_template(postgres_server: Stack) -> str:
    """The name of a migrated database that others are copied from; nobody connects to it."""
    _administer(postgres_server.settings, "CREATE DATABASE {}", TEMPLATE)
    template = postgres_server.settings.model_copy(update={"db_name": TEMPLATE})
    await asyncio.to_thread(upgrade, template)
    return TEMPLATE


@pytest.fixture(scope="module")
def database(postgres_server: Stack, migrated_template: str, request: pytest.FixtureRequest) -> Iterator[Settings]:
    """Settings that lead to a fresh, migrated, empty database."""
    name = f"{_slug(request)}_{next(_database_numbers)}"[-63:]
    _administer(postgres_server.settings, "CREATE DATABASE {} TEMPLATE {}", name, migrated_template)
    yield postgres_server.settings.model_copy(update={"db_name": name})
    _drop(postgres_server.settings, name)


@pytest.fixture(scope="module")
def settings(
    database: Settings,
    temporal_server: Stack,
    kafka_server: Stack,
    redis_server: Stack,
    request: pytest.FixtureRequest,
) -> Settings:
    """Settings that lead to every server; listening ports are chosen by whoever listens."""
    number = next(_module_numbers)
    topics = {
        f"kafka_topic_{kind}_events": f"{kind}.events.{_slug(request)}.{number}"
        for kind in ("inventory", "order", "product")
    }
    return database.model_copy(
        update={
            **temporal_server.addresses,
            **kafka_server.addresses,
            **redis_server.addresses,
            **topics,
            "kafka_group_id": f"tests-{number}",
            "temporal_namespace": NAMESPACES[number],
            "redis_db": number,
            "app_port": 0,
            "grpc_port": 0,
            "prometheus_port": 0,
        }
    )


def _slug(request: pytest.FixtureRequest) -> str:
    return re.sub(r"[^a-z0-9]+", "_", str(request.node.nodeid).lower())[-40:].strip("_")


@retry(retry=retry_if_exception_type(InsufficientPrivilege), wait=wait_fixed(0.5), stop=stop_after_attempt(20))
def _drop(settings: Settings, name: str) -> None:
    """Not while Postgres itself is cleaning up in there: its own processes are not ours to end, and go soon."""
    _administer(settings, "DROP DATABASE {} WITH (FORCE)", name)


def _administer(settings: Settings, statement: str, *names: str) -> None:
    command = sql.SQL(statement).format(*map(sql.Identifier, names))
    with psycopg.connect(
        host=settings.db_host,
        port=settings.db_port,
        user=settings.db_user,
        password=settings.db_password.get_secret_value(),
        dbname=settings.db_name,
        autocommit=True,
    ) as connection:
        connection.execute(command)
