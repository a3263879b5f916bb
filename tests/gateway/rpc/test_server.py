"""The server itself: health, reflection, limits, and how it stops."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from gateway import health as health_checks
from gateway.health import Check, HealthChecks
from gateway.rpc import health as rpc_health
from gateway.rpc.generated.inventory.v1 import inventory_pb2 as pb
from gateway.rpc.server import make_server
from runtime.settings import Settings
from tests.gateway.rpc.face import ITEM, ROW, Face, served

SERVICE = "inventory.v1.InventoryService"
GET = pb.GetInventoryRequest(inventory_id=str(ROW))
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


async def reflected(face: Face, **question: Any) -> reflection_pb2.ServerReflectionResponse:
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(face.channel)  # type: ignore[arg-type]
    call = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(**question)]))
    answer: reflection_pb2.ServerReflectionResponse = await call.read()
    return answer


def health(face: Face) -> Any:
    """A stub of the health service; its methods are known at run time only."""
    return health_pb2_grpc.HealthStub(face.channel)


@pytest.mark.parametrize("service", ["", SERVICE])
async def test_health_needs_no_token_and_serves(face: Face, service: str) -> None:
    answer = await health(face).Check(health_pb2.HealthCheckRequest(service=service))
    assert answer.status == SERVING


@pytest.mark.parametrize("service", ["", SERVICE])
async def test_health_follows_what_we_cannot_serve_without(monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    monkeypatch.setattr(rpc_health, "LOOK_EVERY_SECONDS", 0.02)
    monkeypatch.setattr(health_checks, "KEPT_SECONDS", 0.0)
    away: set[str] = {"redis"}

    def dependency(name: str) -> Check:
        async def check() -> None:
            if name in away:
                raise ConnectionError(name)

        return check

    checks = HealthChecks(required={"postgres": dependency("postgres")}, optional={"redis": dependency("redis")})
    async with served(Settings(app_env="test"), health=checks) as face, asyncio.timeout(60):
        watch = health(face).Watch(health_pb2.HealthCheckRequest(service=service))
        assert (await watch.read()).status == SERVING
        away.add("postgres")
        assert (await watch.read()).status == NOT_SERVING
        assert (await health(face).Check(health_pb2.HealthCheckRequest(service=service))).status == NOT_SERVING
        away.clear()
        assert (await watch.read()).status == SERVING
        checks.drain()
        assert (await watch.read()).status == NOT_SERVING
        watch.cancel()


async def test_a_server_that_starts_without_its_dependencies_says_so_at_once() -> None:
    async def away() -> None:
        raise ConnectionError

    async with served(Settings(app_env="test"), health=HealthChecks(required={"temporal": away}, optional={})) as face:
        answer = await health(face).Check(health_pb2.HealthCheckRequest(service=SERVICE))
    assert answer.status == NOT_SERVING


async def test_health_of_a_service_that_is_not_here_is_not_found(face: Face) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await health(face).Check(health_pb2.HealthCheckRequest(service="other"))
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_health_check_of_garbage_is_malformed_like_any_other(face: Face) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await face.raw("grpc.health.v1.Health/Check", b"\xff\xff")
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_reflection_lists_the_services(face: Face) -> None:
    answer = await reflected(face, list_services="")
    names = {service.name for service in answer.list_services_response.service}
    assert names == {SERVICE, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}


async def test_reflection_gives_the_proto_file_under_its_own_name(face: Face) -> None:
    answer = await reflected(face, file_containing_symbol=SERVICE)
    file = FileDescriptorProto.FromString(answer.file_descriptor_response.file_descriptor_proto[0])
    assert (file.name, file.package) == ("inventory/v1/inventory.proto", "inventory.v1")


async def test_a_message_beyond_the_limit_is_refused_and_the_server_goes_on(face: Face) -> None:
    big = pb.GetInventoryRequest(inventory_id="x" * (face.services.settings.request_body_bytes_max + 1))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await face.call("GetInventory", big)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (await face.call("GetInventory", GET)).inventory_id == str(ROW)


async def test_a_small_message_that_unpacks_to_a_big_one_is_refused_too(face: Face) -> None:
    big = pb.GetInventoryRequest(inventory_id="x" * (face.services.settings.request_body_bytes_max + 1))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await face.stub.GetInventory(big, metadata=face.metadata, compression=grpc.Compression.Gzip)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_port_that_is_taken_is_an_error(face: Face) -> None:
    first, second = (make_server(face.services, face.services.settings) for _ in range(2))
    port = first.bind("127.0.0.1", 0)
    await first.start()
    try:
        with pytest.raises(OSError, match=str(port)):
            second.bind("127.0.0.1", port)
    finally:
        await first.stop(0)
        await second.stop(0)


async def test_several_processes_may_share_a_port_when_they_are_meant_to(face: Face) -> None:
    settings = face.services.settings.model_copy(update={"serve_child": True})
    first, second = (make_server(face.services, settings) for _ in range(2))
    port = first.bind("127.0.0.1", 0)
    try:
        assert second.bind("127.0.0.1", port) == port
    finally:
        await first.stop(0)
        await second.stop(0)


async def test_draining_tells_watchers_and_still_answers() -> None:
    async with served(Settings(app_env="test")) as face:
        face.views.answers["inventory_item"] = ITEM
        watch = health(face).Watch(health_pb2.HealthCheckRequest(service=SERVICE))
        assert (await watch.read()).status == SERVING
        await face.server.announce()
        assert (await watch.read()).status == NOT_SERVING
        assert (await face.call("GetInventory", GET)).inventory_id == str(ROW)
        watch.cancel()


async def test_stopping_lets_a_running_call_finish_and_refuses_new_ones() -> None:
    async with served(Settings(app_env="test")) as face:
        started, finish = asyncio.Event(), asyncio.Event()

        async def work(_inventory_id: object) -> Any:
            started.set()
            await finish.wait()
            return ITEM

        face.views.answers["inventory_item"] = work
        running = asyncio.ensure_future(face.call("GetInventory", GET))
        await started.wait()
        stopping = asyncio.ensure_future(face.server.stop(grace_seconds=10.0))
        while face.channel.get_state() is grpc.ChannelConnectivity.READY:
            await face.channel.wait_for_state_change(grpc.ChannelConnectivity.READY)
        finish.set()
        assert (await running).inventory_id == str(ROW)
        await stopping
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await face.call("GetInventory", GET)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_stopping_does_not_wait_for_those_who_only_listen() -> None:
    async with served(Settings(app_env="test")) as face:
        watch = health(face).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == SERVING
        async with asyncio.timeout(30):
            await face.server.stop(grace_seconds=60.0)


async def test_stopping_cancels_what_outlasts_the_grace() -> None:
    async with served(Settings(app_env="test")) as face:
        started, cancelled = asyncio.Event(), asyncio.Event()

        async def work(_inventory_id: object) -> Any:
            started.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.set()
                raise

        face.views.answers["inventory_item"] = work
        running = asyncio.ensure_future(face.call("GetInventory", GET))
        await started.wait()
        await face.server.stop(grace_seconds=0.2)
        await cancelled.wait()
        with pytest.raises(grpc.aio.AioRpcError):
            await running
