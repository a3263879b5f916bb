"""The whole embedded stack in one directory: what `holdfast up`, the demo, the benchmarks and the tests start.

A service whose address the settings name is used instead of being started. Runs no process of ours and no migration.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import SecretStr

from holdfast.stack.broker import broker_part
from holdfast.stack.cache import cache_part
from holdfast.stack.directory_lock import locked
from holdfast.stack.external import check_external, named_in
from holdfast.stack.guard import Guard
from holdfast.stack.part import Part
from holdfast.stack.placement import place_postgres, shared_home
from holdfast.stack.ports import LOOPBACK, PortBook
from holdfast.stack.postgres import EmbeddedPostgres
from holdfast.stack.supervisor import Report, Supervisor, silent
from holdfast.stack.temporal import EmbeddedTemporal
from runtime.settings import Settings

ALL_PARTS = ("postgres", "temporal", "broker", "cache")

Engine = Callable[["Plan", Path], Part]
"""Declares another server in place of a packaged one, given the plan so far and where it logs; adds its addresses."""

Engines = Mapping[str, Engine]

NO_OTHER_ENGINES: Engines = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack. `settings` reach it; so does whatever is started with `environment()`."""

    directory: Path
    settings: Settings
    supervisor: Supervisor
    guard: Guard
    ports: PortBook
    addresses: dict[str, Any]

    @property
    def logs(self) -> Path:
        """Where each part writes its log."""
        return self.directory / "logs"

    def environment(self) -> dict[str, str]:
        """Environment variables that lead a process of ours to this stack."""
        return {name.upper(): _as_text(value) for name, value in self.addresses.items()}


@asynccontextmanager
async def embedded_stack(
    directory: Path,
    settings: Settings,
    *,
    parts: Collection[str] = ALL_PARTS,
    namespaces: Sequence[str] = (),
    report: Report = silent,
    keep_up: bool = False,
    temporary: bool = False,
    engines: Engines = NO_OTHER_ENGINES,
) -> AsyncIterator[Stack]:
    """Start `parts` with their data in `directory` and yield the running stack; everything is stopped at the end.

    A part that `engines` names is declared there instead of here. With `keep_up`, a part that dies is
    started again. A `temporary` stack writes its data carelessly and leaves none.
    Raises StackError when the directory is in use or a part does not start. Whatever happens to this process, a
    kill −9 included, no other outlives it.
    """
    with locked(directory) as lock:
        guard = Guard(keep_open=[lock])
        try:
            if temporary:
                guard.remove_afterwards(directory)
                guard.remove_afterwards(shared_home(directory))
            plan = Plan(directory, settings, namespaces=namespaces, durable=not temporary, engines=engines)
            async with _running(plan, parts, guard, report, keep_up) as stack:
                yield stack
        finally:
            guard.close()


@asynccontextmanager
async def temporary_stack(settings: Settings, **options: Any) -> AsyncIterator[Stack]:
    """An `embedded_stack` in a new directory of its own that is gone afterwards. `options` are the same."""
    async with embedded_stack(stack_directory(), settings, temporary=True, **options) as stack:
        yield stack


def drop_data(directory: Path) -> None:
    """Delete what a stack kept in `directory`, and what it kept elsewhere. Raises StackError while one runs there."""
    with locked(directory):
        shutil.rmtree(shared_home(directory), ignore_errors=True)
        shutil.rmtree(directory)


@asynccontextmanager
async def _running(
    plan: Plan, parts: Collection[str], guard: Guard, report: Report, keep_up: bool
) -> AsyncIterator[Stack]:
    external = named_in(plan.settings, parts)
    await check_external(external)
    wanted = [name for name in parts if name not in {service.part for service in external}]
    supervisor = Supervisor([plan.build(name) for name in wanted], guard, report)
    settings = plan.settings.model_copy(update=plan.addresses)
    async with supervisor.running(keep_up=keep_up):
        yield Stack(plan.directory, settings, supervisor, guard, plan.ports, plan.addresses)


class Plan:
    """Declares parts one by one and collects, in `addresses`, the settings that lead to them."""

    def __init__(
        self, directory: Path, settings: Settings, *, namespaces: Sequence[str], durable: bool, engines: Engines
    ) -> None:
        self.directory = directory.resolve()
        self.settings = settings
        self.ports = PortBook(self.directory / "ports.json")
        self.addresses: dict[str, Any] = {}
        self._namespaces = [settings.temporal_namespace, *namespaces]
        self._durable = durable
        self._engines = engines
        _set_old_logs_aside(self.directory)

    def build(self, name: str) -> Part:
        """Declare the part called `name`."""
        if name in self._engines:
            return self._engines[name](self, self._log_path(name))
        builders = {
            "postgres": self._postgres,
            "temporal": self._temporal,
            "broker": self._broker,
            "cache": self._cache,
        }
        return builders[name](self._log_path(name))

    def _log_path(self, name: str) -> Path:
        return self.directory / "logs" / f"{name}.log"

    def _postgres(self, log_path: Path) -> Part:
        placement = place_postgres(self.directory)
        port = self.ports.port("postgres")
        server = EmbeddedPostgres(placement, port, self.settings, log_path, durable=self._durable)
        self.addresses.update(
            db_host=LOOPBACK,
            db_port=port,
            db_name=self.settings.db_name,
            db_user=self.settings.db_user,
            db_password=SecretStr(server.password),
        )
        return server.part()

    def _temporal(self, log_path: Path) -> Part:
        server = EmbeddedTemporal(self.directory / "temporal", self.ports, log_path, self._namespaces)
        self.addresses.update(
            temporal_address=f"{LOOPBACK}:{server.port}",
            temporal_namespace=self.settings.temporal_namespace,
            temporal_ui_url=f"http://{LOOPBACK}:{server.ui_port}",
        )
        return server.part()

    def _broker(self, log_path: Path) -> Part:
        port = self.ports.port("broker")
        self.addresses.update(kafka_brokers=(f"{LOOPBACK}:{port}",))
        return broker_part(self.directory / "broker", port, log_path)

    def _cache(self, log_path: Path) -> Part:
        port = self.ports.port("cache")
        self.addresses.update(redis_host=LOOPBACK, redis_port=port)
        return cache_part(self.directory / "cache", port, log_path, self.settings.redis_password.get_secret_value())


def stack_directory(of: str = "") -> Path:
    """A temporary one for a stack, with a name that says of what: Postgres' account may pass it when we are root."""
    directory = Path(tempfile.mkdtemp(prefix=f"holdfast-{of}-" if of else "holdfast-")).resolve()
    directory.chmod(0o711)
    return directory


def _set_old_logs_aside(directory: Path) -> None:
    logs, previous = directory / "logs", directory / "logs.previous"
    if logs.exists():
        shutil.rmtree(previous, ignore_errors=True)
        logs.rename(previous)


def _as_text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return ",".join(value) if isinstance(value, tuple) else str(value)
