"""Two of each of our processes on one stack, and how one of them is replaced: told to stop, waited for, succeeded.

The two serving processes share their ports (SO_REUSEPORT), as the children of SERVE_PROCESSES do. Knows of no load.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from db.migrations import upgrade
from holdfast.processes import COMMANDS, NAMES
from holdfast.stack.embedded import Stack, embedded_stack, stack_directory
from holdfast.stack.part import Part
from holdfast.stack.ports import LOOPBACK, free_port
from holdfast.stack.probes import http_answers
from holdfast.stack.process import PartProcess
from runtime.settings import Settings

DRAIN_SECONDS = 12
"""Shorter than in production, so that a run has many rounds."""

STOP_SECONDS_MAX = 60.0
READY_SECONDS_MAX = 180.0
"""On a machine that is busy with other things as well."""

OF_EACH = 2

COMPLAINT = re.compile(r'"level": ?"(error|critical)"|Traceback')


@dataclass(frozen=True, slots=True)
class Replacement:
    """One process told to stop. `began` is on the clock of time.perf_counter(); what follows are seconds.

    `successor_first`: the new one was ready before the old one was told. `code` is how the old one ended.
    """

    process: str
    successor_first: bool
    began: float
    stopping_seconds: float
    lasted_seconds: float
    code: int


@dataclass(slots=True)
class Fleet:
    """All running processes, by name: `serve-1`, `serve-2`, `worker-1` and so on."""

    stack: Stack
    settings: Settings
    running: dict[str, PartProcess] = field(default_factory=dict)
    started: int = 0

    async def start(self) -> None:
        """Start every process; returns when all are ready."""
        names = [f"{kind}-{number}" for kind in NAMES for number in range(1, OF_EACH + 1)]
        await asyncio.gather(*(self._launch(name) for name in names))

    async def replace(self, name: str, *, successor_first: bool) -> Replacement:
        """Tell a process to stop and let another take its place, before that or after."""
        began = time.perf_counter()
        old = self.running[name]
        if successor_first:
            await self._launch(name)
        asked = time.perf_counter()
        code = await _stopped(old)
        stopping_seconds = time.perf_counter() - asked
        if not successor_first:
            await self._launch(name)
        return Replacement(name, successor_first, began, stopping_seconds, time.perf_counter() - began, code)

    def died(self) -> list[str]:
        """Who is not there although nobody told it to stop."""
        return [name for name, process in self.running.items() if process.pid is None]

    def complaints(self) -> list[str]:
        """Lines of the logs that no orderly restart may write: errors and tracebacks."""
        return [
            f"{log.name}: {line[:400]}"
            for log in sorted(self.stack.logs.glob("*-*.log"))
            for line in log.read_text("utf-8", errors="replace").splitlines()
            if COMPLAINT.search(line)
        ]

    async def stop(self) -> None:
        """Stop every process."""
        await asyncio.gather(*(process.stop() for process in self.running.values()))

    async def _launch(self, name: str) -> None:
        process = PartProcess(self._part(name), self.stack.guard)
        await process.start()
        self.running[name] = process

    def _part(self, name: str) -> Part:
        kind = name.partition("-")[0]
        self.started += 1
        metrics_port = free_port()
        return Part(
            name=name,
            command=COMMANDS[kind],
            environment=self._environment(metrics_port),
            directory=Path.cwd(),
            log_path=self.stack.logs / f"{name}.{self.started}.log",
            ready=partial(http_answers, LOOPBACK, metrics_port, "/health/ready"),
            ready_seconds_max=READY_SECONDS_MAX,
            stop_seconds_max=STOP_SECONDS_MAX,
        )

    def _environment(self, metrics_port: int) -> Mapping[str, str]:
        ours = {
            "APP_PORT": self.settings.app_port,
            "GRPC_PORT": self.settings.grpc_port,
            "PROMETHEUS_PORT": metrics_port,
            "SERVE_CHILD": "true",
            "SHUTDOWN_DRAIN_SECONDS": DRAIN_SECONDS,
            "LOG_LEVEL": "info",
        }
        return {**os.environ, **self.stack.environment(), **{name: str(value) for name, value in ours.items()}}


@asynccontextmanager
async def running_fleet() -> AsyncIterator[Fleet]:
    """A stack of its own with two of each process, in a directory that is gone afterwards."""
    directory = stack_directory("rolling")
    async with AsyncExitStack() as exits:
        stack = await exits.enter_async_context(embedded_stack(directory, Settings(), temporary=True))
        await asyncio.to_thread(upgrade, stack.settings)
        ports = {"app_port": free_port(), "grpc_port": free_port()}
        fleet = Fleet(stack, stack.settings.model_copy(update=ports))
        exits.push_async_callback(fleet.stop)
        await fleet.start()
        yield fleet


async def _stopped(process: PartProcess) -> int:
    await process.stop()
    return await process.ended()
