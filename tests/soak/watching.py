"""What a soak looks at from outside, every few seconds: the memory of each process, and how many workflows are open."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import psutil
from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError

OPEN = "WorkflowType = 'Reservation' and ExecutionStatus = 'Running'"
MEMORY_SECONDS = 5.0
OPEN_SECONDS = 2.0
MEBIBYTE = 2**20
STILL_OPEN_TOLD_MAX = 5


@dataclass(slots=True)
class Watch:
    """Samples with their times as time.time() has them. Memory in MiB by name of the process."""

    ours: Mapping[str, int]
    servers: Mapping[str, int]
    client: Client | None = None
    memory: list[tuple[float, dict[str, float]]] = field(default_factory=list)
    workflows: list[tuple[float, int]] = field(default_factory=list)

    @property
    def open_workflows(self) -> int:
        """The last count."""
        return self.workflows[-1][1] if self.workflows else 0

    async def still_open(self) -> AsyncIterator[WorkflowExecution]:
        """Some of those that are open."""
        if self.client is not None:
            async for execution in self.client.list_workflows(OPEN, limit=STILL_OPEN_TOLD_MAX):
                yield execution

    def highest(self) -> dict[str, float]:
        """The most that each process had."""
        highest: dict[str, float] = {}
        for _, sample in self.memory:
            for name, mebibytes in sample.items():
                highest[name] = max(highest.get(name, 0.0), mebibytes)
        return highest

    def at(self, moment: float) -> dict[str, float]:
        """Each process's memory at the last look before `moment`."""
        return next((sample for taken, sample in reversed(self.memory) if taken <= moment), {})

    def measure(self) -> None:
        """Look at every process once: resident memory, for the servers with what they share counted once."""
        sample = {name: _resident(process_id) for name, process_id in self.ours.items()}
        sample |= {name: _proportional(process_id) for name, process_id in self.servers.items()}
        self.memory.append((time.time(), sample))


@asynccontextmanager
async def watching(client: Client, ours: Mapping[str, int], servers: Mapping[str, int]) -> AsyncIterator[Watch]:
    """Look while the context is open."""
    watch = Watch(dict(ours), dict(servers), client)

    async def look_at_memory() -> None:
        while True:
            await asyncio.to_thread(watch.measure)
            await asyncio.sleep(MEMORY_SECONDS)

    async def look_at_workflows() -> None:
        while True:
            with contextlib.suppress(RPCError):  # a server that is busy is asked again
                watch.workflows.append((time.time(), (await client.count_workflows(OPEN)).count))
            await asyncio.sleep(OPEN_SECONDS)

    looking = [asyncio.create_task(look_at_memory()), asyncio.create_task(look_at_workflows())]
    try:
        yield watch
    finally:
        for task in looking:
            task.cancel()
        await asyncio.gather(*looking, return_exceptions=True)


def _tree(process_id: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(process_id)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _resident(process_id: int) -> float:
    """The largest of a process and its children: each has a memory limit of its own."""
    return max((_of(process, "rss") for process in _tree(process_id)), default=0.0)


def _proportional(process_id: int) -> float:
    return sum(_of(process, "pss") for process in _tree(process_id))


def _of(process: psutil.Process, kind: str) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        memory = process.memory_info() if kind == "rss" else process.memory_full_info()
        return float(getattr(memory, kind)) / MEBIBYTE
    return 0.0
