"""The whole service on its stack: servers, schema, the four processes, and the file that tells others where it all is.

`holdfast up` shows it to a person; the demo and the benchmarks drive it. Prints nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from db.migrations import upgrade
from gateway.auth import SCOPES, development_token
from holdfast.processes import COMMANDS, ProcessPorts, choose_ports, process_parts, reachable_host
from holdfast.stack.embedded import NO_OTHER_ENGINES, Engines, Stack, embedded_stack
from holdfast.stack.errors import StackError
from holdfast.stack.supervisor import Report, Supervisor, silent
from holdfast.stack_file import STACK_FILE, StackFile
from runtime.settings import Settings

DEVELOPER = "developer"
"""The subject of the development token."""


@dataclass(frozen=True, slots=True)
class Service:
    """The running service. `settings` reach its servers; `facts()` is what stack.json holds."""

    stack: Stack
    processes: Supervisor
    ports: ProcessPorts
    token: str

    @property
    def settings(self) -> Settings:
        """Settings with the addresses and ports of this service."""
        ports = {
            "app_port": self.ports.api,
            "grpc_port": self.ports.grpc,
            "prometheus_port": self.ports.metrics["serve"],
        }
        return self.stack.settings.model_copy(update=ports)

    def facts(self) -> dict[str, Any]:
        """Addresses, the development token and process ids, as CONTRACT names them."""
        settings = self.stack.settings
        host = reachable_host(settings)
        return {
            "api": f"http://{host}:{self.ports.api}",
            "grpc": f"{host}:{self.ports.grpc}",
            "temporal": settings.temporal_address,
            "temporal_ui": settings.temporal_ui_url,
            "namespace": settings.temporal_namespace,
            "postgres": _postgres_url(settings),
            "redis": _redis_url(settings),
            "kafka": ",".join(settings.kafka_brokers),
            "metrics": {name: f"http://{host}:{port}/metrics" for name, port in self.ports.metrics.items()},
            "token": self.token,
            "pids": self.processes.pids(),
            "parts": self.stack.supervisor.pids(),
            "logs": str(self.stack.logs),
        }


@asynccontextmanager
async def running_service(
    directory: Path,
    settings: Settings,
    *,
    report: Report = silent,
    temporary: bool = False,
    commands: Mapping[str, tuple[str, ...]] = COMMANDS,
    migrate: Callable[[Settings], str] = upgrade,
    engines: Engines = NO_OTHER_ENGINES,
) -> AsyncIterator[Service]:
    """Start everything with its data in `directory`, keep it up inside, stop it in order after.

    `directory`/stack.json tells where it is for as long as it runs. Raises StackError saying what did not start.
    """
    stack_file = StackFile(directory / STACK_FILE)

    def tell(part: str, event: str, detail: str) -> None:
        stack_file.refresh()
        report(part, event, detail)

    options: dict[str, Any] = {"keep_up": True, "temporary": temporary, "engines": engines}
    async with embedded_stack(directory, settings, report=tell, **options) as stack:
        ports = choose_ports(settings, stack.ports, tuple(commands))
        await _migrate(stack.settings, migrate, report)
        parts = process_parts(settings, ports, stack.environment(), stack.logs, commands)
        processes = Supervisor(parts, stack.guard, tell)
        token = development_token(settings, subject=DEVELOPER, scopes=SCOPES)
        service = Service(stack, processes, ports, token)
        async with processes.running(keep_up=True):
            with stack_file.following(service.facts):
                yield service


async def _migrate(settings: Settings, migrate: Callable[[Settings], str], report: Report) -> None:
    report("schema", "starting", "")
    try:
        revision = await asyncio.to_thread(migrate, settings)
    except Exception as error:
        raise StackError(f"schema: the migration failed: {error}") from error
    report("schema", "ready", f"revision {revision}")


def _postgres_url(settings: Settings) -> str:
    login = f"{quote(settings.db_user, safe='')}:{quote(settings.db_password.get_secret_value(), safe='')}"
    return f"postgresql://{login}@{settings.db_host}:{settings.db_port}/{quote(settings.db_name, safe='')}"


def _redis_url(settings: Settings) -> str:
    password = settings.redis_password.get_secret_value()
    login = f":{quote(password, safe='')}@" if password else ""
    return f"redis://{login}{settings.redis_host}:{settings.redis_port}/{settings.redis_db}"
