"""A gRPC server that is left under load: no call is cancelled or refused, whichever moment it comes in."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from gateway import leaving
from gateway.health import HealthChecks
from gateway.leaving import Drain, leave
from gateway.rpc.generated.inventory.v1 import inventory_pb2 as pb
from gateway.rpc.generated.inventory.v1.inventory_pb2_grpc import InventoryServiceStub
from gateway.rpc.server import RpcServer, make_server
from runtime.settings import Settings
from tests.gateway.rpc.face import ITEM, ROW, Face, served

SETTINGS = Settings(app_env="test", shutdown_drain_seconds=4.0, serve_child=True)
GET = pb.GetInventoryRequest(inventory_id=str(ROW))
ALONE = (("grpc.use_local_subchannel_pool", 1),)
"""Otherwise a client as everybody has it: a call that meets the GOAWAY of an aged connection, and that the server is
known not to have begun, is begun again by gRPC itself. With `grpc.enable_retries` 0 one call fails in every fifth run
(compare grpc/grpc#31733); a call that the server has cancelled or refused fails either way."""

CALLERS = 12
LISTENING_SECONDS = Drain(SETTINGS.shutdown_drain_seconds).listening_seconds
DRAIN_SECONDS = 8.0
"""Twice what the age of connections is made for: on a busy machine the last ones end late. Who has not left by then
meets the end of the server, and fails. It lasts to its end, since the new server has connections on the same port."""


class Handover:
    """The door of a server that is left; another opens on its port as soon as it takes nobody new."""

    def __init__(self, old: RpcServer, new: RpcServer, port: int) -> None:
        self._old = old
        self._new = new
        self._port = port
        self.announce = old.announce
        self.until_all_have_left = old.until_all_have_left

    async def take_no_new_connections(self) -> None:
        await self._old.take_no_new_connections()
        self._new.bind("127.0.0.1", self._port)
        await self._new.start()


async def call_until(stop: asyncio.Event, face: Face, port: int) -> list[str]:
    """What went wrong of calls without a pause on one connection after the other, as its age tells."""
    wrong = []
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=ALONE) as channel:
        stub = InventoryServiceStub(channel)
        while not stop.is_set():
            try:
                await stub.GetInventory(GET, metadata=face.metadata, timeout=10)
            except grpc.aio.AioRpcError as error:
                wrong.append(f"{error.code().name}: {error.details()}")
    return wrong


@pytest.mark.timeout(60)
async def test_a_server_that_is_left_under_load_fails_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "LISTENING_SECONDS_MAX", LISTENING_SECONDS)
    health, stop = HealthChecks(required={}, optional={}), asyncio.Event()
    async with served(SETTINGS) as face:
        face.views.answers["inventory_item"] = ITEM
        old, new = (make_server(face.services, SETTINGS) for _ in range(2))
        port = old.bind("127.0.0.1", 0)
        await old.start()
        calling = [asyncio.create_task(call_until(stop, face, port)) for _ in range(CALLERS)]
        await leave(health, [Handover(old, new, port)], Drain(DRAIN_SECONDS))
        await old.stop(5.0)
        stop.set()
        assert [wrong for caller in calling for wrong in await caller] == []
        await new.stop(5.0)
