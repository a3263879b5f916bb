"""The scene for chaos on the real engines: two of each of our processes, every connection of theirs over a link.

Each `serve` has ports of its own, as two pods behind a balancer have. Temporal reaches Postgres directly: what is
broken is our network; but when Postgres dies, it dies for both.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from db.migrations import upgrade
from gateway.auth import SCOPES, development_token
from holdfast.processes import COMMANDS, NAMES, ProcessPorts, process_parts
from holdfast.stack.embedded import ALL_PARTS, Stack, embedded_stack
from holdfast.stack.part import Part
from holdfast.stack.ports import LOOPBACK, PortBook
from holdfast.stack.supervisor import Supervisor
from runtime.settings import Settings
from tests.chaos.links import Link
from tests.chaos.scene import Actor, Scene
from tests.cluster.engines import Engines
from tests.cluster.kafka_server import kafka_on_disk
from tests.cluster.running import new_directory, remove_with
from tests.cluster.temporal_server import temporal_on_postgres
from tests.cluster.up import ENVIRONMENT

NUMBERS = (1, 2)
"""Of each process."""

DOORS = ("rest", "rpc")


@asynccontextmanager
async def cluster_scene(engines: Engines) -> AsyncIterator[Scene]:
    """Started inside, in a new directory; nothing is left after, not even when this process is killed."""
    asked = Settings(app_port=0, grpc_port=0, prometheus_port=0)
    declared = {
        "temporal": partial(temporal_on_postgres, engines.temporal),
        "broker": partial(kafka_on_disk, engines.kafka, advertised_as="broker_link"),
    }
    async with AsyncExitStack() as opened:
        directory = opened.enter_context(new_directory())
        stack = await opened.enter_async_context(embedded_stack(directory, asked, keep_up=True, engines=declared))
        remove_with(stack.guard, directory)
        links = _links(stack.ports)
        for link in links:
            await opened.enter_async_context(link.opened())
        await asyncio.to_thread(upgrade, stack.settings)
        processes = Supervisor(_processes(stack), stack.guard)
        await opened.enter_async_context(processes.running(keep_up=True))
        scene = _scene(stack, processes, links)
        opened.callback(scene.restored)
        yield scene


def _scene(stack: Stack, processes: Supervisor, links: tuple[Link, ...]) -> Scene:
    book = stack.ports
    ours = tuple(Actor(processes, f"{kind}-{number}", kind) for kind in NAMES for number in NUMBERS)
    return Scene(
        title="Temporal Server on Postgres with 8 shards, Apache Kafka in KRaft mode, Valkey; two of each process",
        settings=stack.settings,
        rest=tuple(f"http://{LOOPBACK}:{book.port(f'rest_{number}_link')}" for number in NUMBERS),
        rpc=tuple(f"{LOOPBACK}:{book.port(f'rpc_{number}_link')}" for number in NUMBERS),
        token=development_token(stack.settings, subject="chaos", scopes=SCOPES),
        actors=(*ours, *(Actor(stack.supervisor, name) for name in ALL_PARTS)),
        links=links,
        broker_forgets=False,
    )


def _links(book: PortBook) -> tuple[Link, ...]:
    doors = {book.port(f"{door}_{number}_link"): book.port(f"{door}_{number}") for door in DOORS for number in NUMBERS}
    servers = (Link(name, {book.port(f"{name}_link"): book.port(name)}) for name in ALL_PARTS)
    return (*servers, Link("clients", doors))


def _processes(stack: Stack) -> list[Part]:
    environment = {
        **stack.environment(),
        "DB_PORT": str(stack.ports.port("postgres_link")),
        "TEMPORAL_ADDRESS": f"{LOOPBACK}:{stack.ports.port('temporal_link')}",
        "REDIS_PORT": str(stack.ports.port("cache_link")),
        "DB_MAX_OPEN_CONNS": ENVIRONMENT["DB_MAX_OPEN_CONNS"],
        "LOG_LEVEL": "warning",
    }
    return [part for number in NUMBERS for part in _one_of_each(number, stack, environment)]


def _one_of_each(number: int, stack: Stack, environment: dict[str, str]) -> list[Part]:
    book = stack.ports
    commands = {f"{kind}-{number}": COMMANDS[kind] for kind in NAMES}
    metrics = {name: book.port(f"{name}_metrics") for name in commands}
    ports = ProcessPorts(api=book.port(f"rest_{number}"), grpc=book.port(f"rpc_{number}"), metrics=metrics)
    return process_parts(stack.settings, ports, environment, stack.logs, commands)
