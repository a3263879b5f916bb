"""The scene of `make chaos`: the embedded stack and our four processes, every connection of theirs over a link."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from db.migrations import upgrade
from gateway.auth import SCOPES, development_token
from holdfast.processes import NAMES, ProcessPorts, choose_ports, process_parts
from holdfast.stack.broker import broker_part
from holdfast.stack.embedded import Stack, embedded_stack, stack_directory
from holdfast.stack.placement import shared_home
from holdfast.stack.ports import LOOPBACK
from holdfast.stack.supervisor import Supervisor
from runtime.settings import Settings
from tests.chaos.links import Link
from tests.chaos.scene import Actor, Scene

SERVERS = ("postgres", "temporal", "cache")
"""Those that the stack starts; the broker is started here, since it has to tell clients the address of its link."""

CLIENTS = "clients"
"""The link between callers and the API, REST and gRPC."""


@asynccontextmanager
async def embedded_scene() -> AsyncIterator[Scene]:
    """Started inside, in a new directory; nothing is left after, not even when this process is killed.

    The data is kept as carefully as in `make up`: what Postgres has answered is on the disk.
    """
    directory = stack_directory("chaos")
    asked = Settings(app_port=0, grpc_port=0, prometheus_port=0)
    async with AsyncExitStack() as opened:
        stack = await opened.enter_async_context(embedded_stack(directory, asked, parts=SERVERS, keep_up=True))
        for place in (directory, shared_home(directory)):
            stack.guard.remove_afterwards(place)
        broker, address = _broker(stack)
        await opened.enter_async_context(broker.running(keep_up=True))
        ports = choose_ports(asked, stack.ports)
        links = _links(stack, ports)
        for link in links.values():
            await opened.enter_async_context(link.opened())
        settings = stack.settings.model_copy(update={"kafka_brokers": (address,)})
        await asyncio.to_thread(upgrade, settings)
        parts = process_parts(settings, ports, _environment(stack, address), stack.logs)
        processes = Supervisor(parts, stack.guard)
        await opened.enter_async_context(processes.running(keep_up=True))
        scene = Scene(
            title="embedded stack: one process of each kind, Temporal's dev server, Tansu, Valkey, Postgres",
            settings=settings,
            rest=(f"http://{LOOPBACK}:{stack.ports.port('rest_link')}",),
            rpc=(f"{LOOPBACK}:{stack.ports.port('rpc_link')}",),
            token=development_token(settings, subject="chaos", scopes=SCOPES),
            actors=(
                *(Actor(processes, name) for name in NAMES),
                *(Actor(stack.supervisor, name) for name in SERVERS),
                Actor(broker, "broker"),
            ),
            links=tuple(links.values()),
            broker_forgets=True,
        )
        opened.callback(scene.restored)
        yield scene


def _broker(stack: Stack) -> tuple[Supervisor, str]:
    """The broker and the address of its link, at which it sends clients to itself."""
    port, link_port = stack.ports.port("broker"), stack.ports.port("broker_link")
    part = broker_part(stack.directory / "broker", port, stack.logs / "broker.log", advertised_port=link_port)
    return Supervisor([part], stack.guard), f"{LOOPBACK}:{link_port}"


def _links(stack: Stack, ports: ProcessPorts) -> dict[str, Link]:
    book = stack.ports
    links = {name: Link(name, {book.port(f"{name}_link"): book.port(name)}) for name in (*SERVERS, "broker")}
    return {**links, CLIENTS: Link(CLIENTS, {book.port("rest_link"): ports.api, book.port("rpc_link"): ports.grpc})}


def _environment(stack: Stack, kafka_address: str) -> dict[str, str]:
    """What leads our processes to the servers over the links."""
    book = stack.ports
    return {
        **stack.environment(),
        "DB_PORT": str(book.port("postgres_link")),
        "TEMPORAL_ADDRESS": f"{LOOPBACK}:{book.port('temporal_link')}",
        "REDIS_PORT": str(book.port("cache_link")),
        "KAFKA_BROKERS": kafka_address,
        "LOG_LEVEL": "warning",
    }
