"""Serving and working processes of our own on the shared servers, killed at named points."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from temporalio.service import RPCError, RPCStatusCode

from db.engine import Database
from domain.contracts.names import reservation_workflow_id
from gateway.auth import SCOPES, development_token
from holdfast.rest_client import Rest, open_rest
from holdfast.stack.ports import LOOPBACK, free_port
from holdfast.stack.probes import http_answers
from runtime.settings import Settings
from runtime.temporal import connect
from tests.stocking import NO_SCHEDULED_RESTOCK

ROOT = Path(__file__).parents[2]
START_SECONDS_MAX = 120.0


@dataclass(slots=True)
class Processes:
    """Starts processes of ours on the servers of the test; all are gone at its end."""

    settings: Settings
    logs: Path
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    async def serve(self, failpoints: str = "", **environment: str) -> tuple[subprocess.Popen[bytes], str]:
        """A serving process, ready; answers it with the address of its API."""
        port = free_port()
        process = self._start("serve", failpoints, APP_PORT=str(port), **environment)
        await self._until_ready(process, port)
        return process, f"http://{LOOPBACK}:{port}"

    def several_serving(self, count: int) -> subprocess.Popen[bytes]:
        """The parent of so many serving processes, on ports that it chooses; not waited for."""
        return self._start("serve", "", APP_PORT="0", SERVE_PROCESSES=str(count))

    async def worker(self, failpoints: str = "") -> subprocess.Popen[bytes]:
        """A worker process, ready."""
        return await self._ready("worker", failpoints)

    async def bridge(self, failpoints: str = "", **environment: str) -> subprocess.Popen[bytes]:
        """A bridge process, ready."""
        return await self._ready("bridge", failpoints, **environment)

    async def _ready(self, name: str, failpoints: str, **environment: str) -> subprocess.Popen[bytes]:
        port = free_port()
        process = self._start(name, failpoints, PROMETHEUS_PORT=str(port), **environment)
        await self._until_ready(process, port)
        return process

    def _start(self, name: str, failpoints: str, **more: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, **told_to(self.settings), "GRPC_PORT": "0", "PROMETHEUS_PORT": "0", **more}
        environment |= NO_SCHEDULED_RESTOCK | {
            "FAILPOINTS": failpoints,
            "LOG_LEVEL": "warning",
            "RESERVATION_HOLD_SECONDS": "900",
        }
        with (self.logs / f"{name}-{len(self.started)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "holdfast", name], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        self.started.append(process)
        return process

    async def _until_ready(self, process: subprocess.Popen[bytes], port: int) -> None:
        async with asyncio.timeout(START_SECONDS_MAX):
            while True:
                assert process.poll() is None, self._said()
                try:
                    await http_answers(LOOPBACK, port, "/health/ready")
                except Exception:
                    await asyncio.sleep(0.05)
                else:
                    return

    def _said(self) -> str:
        return "\n".join(log.read_text("utf-8") for log in sorted(self.logs.glob("*.log")))

    def stop(self) -> None:
        for process in self.started:
            process.kill()
            process.wait()


@pytest.fixture
def processes(settings: Settings, tmp_path: Path) -> Iterator[Processes]:
    running = Processes(settings, tmp_path)
    yield running
    running.stop()


@pytest.fixture(scope="module")
async def db(settings: Settings) -> AsyncIterator[Database]:
    connected = Database.connect(settings, process="tests")
    yield connected
    await connected.close()


def told_to(settings: Settings) -> dict[str, str]:
    """Environment variables by which a process of ours has the values that were given to `settings`."""
    return {name.upper(): _as_text(getattr(settings, name)) for name in settings.model_fields_set}


def customer_of(api: str, settings: Settings) -> Any:
    """A REST client of one serving process: an async context manager of Rest."""
    return open_rest(api, development_token(settings, subject="customer", scopes=SCOPES))


async def workflow_has(settings: Settings, reservation_id: UUID, attribute: str) -> bool:
    """Whether the history of a reservation's workflow has an event of a kind; False when there is no workflow."""
    client = await connect(settings, process="tests")
    handle = client.get_workflow_handle(reservation_workflow_id(reservation_id))
    try:
        history = await handle.fetch_history()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return any(event.HasField(attribute) for event in history.events)  # type: ignore[arg-type]


async def killed(process: subprocess.Popen[bytes]) -> None:
    """Wait until a process has died of its failpoint."""
    async with asyncio.timeout(START_SECONDS_MAX):
        while process.poll() is None:  # noqa: ASYNC110 - a process tells nobody
            await asyncio.sleep(0.02)
    assert process.returncode == -9


def _as_text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return ",".join(value) if isinstance(value, tuple) else str(value)


__all__ = ["Processes", "Rest", "customer_of", "killed", "told_to", "workflow_has"]
