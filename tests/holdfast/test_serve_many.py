"""SERVE_PROCESSES: one parent, two serving processes at one address, as their callers and Prometheus see them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import psutil
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.parser import text_string_to_metric_families

from holdfast.stack.ports import LOOPBACK
from tests.chaos.conftest import START_SECONDS_MAX, Processes, processes
from tests.stack.conftest import wait_until_ended
from tests.workers.waiting import until

__all__ = ["processes"]

ASKED = "/health/live"
TIMES = 40
"""On a connection each, which the kernel gives to one of two processes: that one gets all is out of the question."""

PORTS = ("APP_PORT", "GRPC_PORT", "PROMETHEUS_PORT")


@dataclass(frozen=True, slots=True)
class Serving:
    """The children of one parent: what it told them, and their process ids."""

    told: dict[str, str]
    pids: set[int]

    def address(self, port: str) -> str:
        """Where they listen, by the name of the setting."""
        return f"{LOOPBACK}:{self.told[port]}"

    def counted_by(self, pid: int) -> float:
        """How often one of them was asked, by its own files."""
        files = [str(file) for file in Path(self.told["PROMETHEUS_MULTIPROC_DIR"]).glob(f"*_{pid}.db")]
        return answers_in(MultiProcessCollector.merge(files))  # type: ignore[no-untyped-call]


async def test_two_processes_serve_at_one_address_and_one_that_dies_comes_back(processes: Processes) -> None:
    parent = processes.several_serving(2)
    serving = await two_serving(parent.pid)
    await ask(serving)
    assert await answering(serving) == serving.pids
    assert await counted_together(serving) == {TIMES}
    assert all(serving.counted_by(pid) > 0 for pid in serving.pids)
    assert await rpc_is_served(serving)

    victim, survivor = serving.pids
    os.kill(victim, signal.SIGKILL)
    again = await two_serving(parent.pid, but=victim)
    assert again.pids > {survivor}
    assert [again.told[port] for port in PORTS] == [serving.told[port] for port in PORTS]
    await ask(again)
    assert await answering(again) == again.pids
    assert await counted_together(again) == {2 * TIMES}, "what the dead one counted is not forgotten"
    assert all(again.counted_by(pid) > 0 for pid in again.pids)
    assert await rpc_is_served(again)

    family = psutil.Process(parent.pid).children(recursive=True)
    assert again.pids < {relative.pid for relative in family}
    parent.terminate()
    assert await asyncio.to_thread(parent.wait) == 0
    wait_until_ended(*family)
    with pytest.raises(aiohttp.ClientConnectionError):
        await ask(again)


async def two_serving(parent: int, *, but: int = 0) -> Serving:
    """The two children of a parent once both listen on all their ports; `but` is not one of them."""

    async def both() -> Serving | None:
        children = [child for child in psutil.Process(parent).children() if child.pid != but]
        ready = {child.pid: told for child in children if (told := _told_if_it_listens(child))}
        return Serving(next(iter(ready.values())), set(ready)) if len(ready) == 2 else None

    return await until(both, START_SECONDS_MAX)  # type: ignore[no-any-return]


def _told_if_it_listens(child: psutil.Process) -> dict[str, str] | None:
    """The environment of a serving child that listens on all its ports; None for one that does not, and for others."""
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        told = child.environ()
        if told.get("SERVE_CHILD"):
            listening = {link.laddr.port for link in child.net_connections("tcp") if link.status == psutil.CONN_LISTEN}
            return told if {int(told[port]) for port in PORTS} <= listening else None
    return None


@asynccontextmanager
async def _connection(serving: Serving, port: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A client with one connection, a new one."""
    async with aiohttp.ClientSession(f"http://{serving.address(port)}", connector=aiohttp.TCPConnector(limit=1)) as one:
        yield one


async def ask(serving: Serving) -> None:
    """Ask the API, each time on a new connection."""
    for _ in range(TIMES):
        async with _connection(serving, "APP_PORT") as one, one.get(ASKED) as answer:
            assert answer.status == 200


async def _scrapes(serving: Serving) -> dict[int, float]:
    """What is counted according to each of the processes, whoever answers Prometheus."""
    scraped: dict[int, float] = {}
    for _ in range(TIMES):
        async with _connection(serving, "PROMETHEUS_PORT") as one:
            async with one.get("/health/live") as answer:
                pid = (await answer.json())["pid"]
            async with one.get("/metrics") as answer:
                scraped[pid] = answers_in(text_string_to_metric_families(await answer.text()))
    return scraped


async def answering(serving: Serving) -> set[int]:
    """The process ids of who answers at the port of Prometheus."""
    return set(await _scrapes(serving))


async def counted_together(serving: Serving) -> set[float]:
    """What is counted according to any of them: one number when all say the same."""
    return set((await _scrapes(serving)).values())


def answers_in(families: Any) -> float:
    """How often the API answered what `ask` asks."""
    return sum(
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == "http_server_request_duration_seconds_count" and sample.labels["route"] == ASKED
    )


async def rpc_is_served(serving: Serving) -> bool:
    """Whether gRPC says that it serves."""
    async with grpc.aio.insecure_channel(serving.address("GRPC_PORT")) as channel:
        answer = await HealthStub(channel).Check(HealthCheckRequest(service=""), timeout=20)
    return bool(answer.status == HealthCheckResponse.SERVING)
