"""Around every call: who asks, its request id and trace, its deadline, and what is said of it afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
import structlog
from google.rpc.error_details_pb2 import ErrorInfo, RequestInfo
from prometheus_client import REGISTRY

from domain.errors import NotFound
from gateway.rpc import calls
from gateway.rpc.calls import ANSWER_SECONDS
from gateway.rpc.generated.inventory.v1 import inventory_pb2 as pb
from tests.gateway.rpc.face import HELD, ITEM, RESERVATION, ROW, Face, Lines, Refusal

GET = pb.GetInventoryRequest(inventory_id=str(ROW))
RESERVE = pb.ReserveStockRequest(order_id="o", items=[pb.Item(sku="TEA", quantity=1)])
COMMIT = pb.CommitReservationRequest(reservation_id=str(RESERVATION))
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

METHOD = "inventory.v1.InventoryService/GetInventory"


def answered(method: str, code: str) -> float:
    labels = {"method": method, "code": code}
    return REGISTRY.get_sample_value("rpc_server_call_duration_seconds_count", labels) or 0.0


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer nonsense", "Basic dXNlcjpwYXNz", "Bearer " + "x" * 5000]
)
async def test_a_call_without_a_good_token_is_unauthenticated(face: Face, authorization: str | None) -> None:
    metadata = (("authorization", authorization),) if authorization is not None else ()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await face.stub.GetInventory(GET, metadata=metadata)
    refusal = Refusal.of(refused.value)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAUTHENTICATED, "unauthenticated")
    assert not face.views.asked


async def test_the_missing_scope_is_named(face: Face) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await face.stub.ReserveStock(RESERVE, metadata=(face.token("inventory:read"),))
    refusal = Refusal.of(refused.value)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.PERMISSION_DENIED, "forbidden")
    assert "reservations:write" in refusal.message


async def test_a_request_id_is_taken_and_comes_back(face: Face) -> None:
    call = face.stub.ReserveStock(RESERVE, metadata=(*face.metadata, ("x-request-id", "checkout-17")))
    await call
    assert ("x-request-id", "checkout-17") in list(await call.initial_metadata())
    assert face.reservations.last("reserve")[0][1].request_id == "checkout-17"


async def test_a_request_id_that_is_missing_or_unfit_is_made(face: Face) -> None:
    made = set()
    for given in ((), (("x-request-id", "no spaces please"),), (("x-request-id", "x" * 500),)):
        call = face.stub.GetInventory(GET, metadata=(*face.metadata, *given))
        await call
        made.add(dict(await call.initial_metadata())["x-request-id"])
    assert len(made) == 3
    assert all(len(request_id) == 36 for request_id in made)


async def test_an_error_carries_the_request_id_too(face: Face) -> None:
    face.views.answers["inventory_item"] = NotFound()
    refusal = await face.refusal("GetInventory", GET, ("x-request-id", "checkout-18"))
    assert refusal.trailing["x-request-id"] == "checkout-18"
    assert refusal.details[RequestInfo].request_id == "checkout-18"


@pytest.mark.parametrize(("sent", "taken"), [(TRACEPARENT, TRACEPARENT), ("garbage", None)])
async def test_a_trace_is_continued_when_it_is_well_formed(face: Face, sent: str, taken: str | None) -> None:
    await face.call("ReserveStock", RESERVE, ("traceparent", sent))
    assert face.reservations.last("reserve")[0][1].traceparent == taken


async def test_the_callers_deadline_bounds_the_command_with_room_for_the_answer(face: Face) -> None:
    await face.call("ReserveStock", RESERVE, deadline_seconds=8.0)
    seconds = face.reservations.last("reserve")[1]["deadline_seconds"]
    assert 1.0 < seconds < 8.0 - ANSWER_SECONDS < face.services.settings.request_timeout_seconds


async def test_without_a_deadline_and_beyond_the_limit_the_settings_limit_holds(face: Face) -> None:
    limit = face.services.settings.request_timeout_seconds
    for timeout in (None, 10 * limit):
        await face.stub.ReserveStock(RESERVE, metadata=face.metadata, timeout=timeout)
        seconds = face.reservations.last("reserve")[1]["deadline_seconds"]
        assert limit / 2 < seconds < limit - ANSWER_SECONDS


@pytest.fixture
def never() -> Iterator[Any]:
    """Work that lasts until the test is over."""
    over = asyncio.Event()

    async def work(*_args: Any, **_keywords: Any) -> Any:
        await over.wait()
        return HELD

    yield work
    over.set()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> float:
    """A deadline in seconds of which nearly all is kept back for the answer, so that a busy machine is no matter."""
    monkeypatch.setattr(calls, "ANSWER_SECONDS", 29.5)
    return 30.0


async def test_a_change_whose_time_is_up_says_that_the_outcome_is_unknown_before_the_caller_gives_up(
    face: Face, never: Any, hurried: float
) -> None:
    face.reservations.answers["commit"] = never
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await face.call("CommitReservation", COMMIT, deadline_seconds=hurried)
    refusal = Refusal.of(refused.value)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "outcome_unknown")
    assert refusal.details[ErrorInfo].metadata["reservationId"] == str(RESERVATION)


async def test_a_read_whose_time_is_up_is_unavailable(face: Face, never: Any, hurried: float) -> None:
    face.views.answers["inventory_item"] = never
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await face.call("GetInventory", GET, deadline_seconds=hurried)
    assert Refusal.of(refused.value).reason == "unavailable"


async def test_a_reader_who_hangs_up_ends_the_work_and_is_counted_as_cancelled(face: Face) -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def work(*_args: Any, **_keywords: Any) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    face.views.answers["inventory_item"] = work
    before = answered(METHOD, "CANCELLED")
    call = face.stub.GetInventory(GET, metadata=face.metadata)
    waiting = asyncio.ensure_future(call.code())
    await started.wait()
    call.cancel()
    await ended.wait()
    assert await waiting is grpc.StatusCode.CANCELLED
    await face.server._in_flight.wait_until_idle()
    assert answered(METHOD, "CANCELLED") == before + 1


async def test_a_change_goes_on_to_its_end_when_the_caller_hangs_up(face: Face, lines: Lines) -> None:
    started, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work(*_args: Any, **_keywords: Any) -> Any:
        started.set()
        await go_on.wait()
        ended.set()
        return HELD

    face.reservations.answers["commit"] = work
    call = face.stub.CommitReservation(COMMIT, metadata=face.metadata)
    waiting = asyncio.ensure_future(call.code())
    await started.wait()
    call.cancel()
    assert await waiting is grpc.StatusCode.CANCELLED
    await lines.written("rpc_call", code="CANCELLED")
    go_on.set()
    await ended.wait()


async def test_a_change_that_fails_after_its_caller_left_is_logged(face: Face, lines: Lines) -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def work(*_args: Any, **_keywords: Any) -> Any:
        started.set()
        await go_on.wait()
        raise ZeroDivisionError

    face.reservations.answers["commit"] = work
    call = face.stub.CommitReservation(COMMIT, metadata=face.metadata)
    waiting = asyncio.ensure_future(call.code())
    await started.wait()
    call.cancel()
    await waiting
    await lines.written("rpc_call", code="CANCELLED")
    go_on.set()
    await lines.written("rpc_work_failed")


@pytest.mark.parametrize("method", ["GetInventory", "ReserveStock", "UpdateStock"])
async def test_bytes_that_are_no_message_are_malformed(face: Face, method: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await face.raw(f"inventory.v1.InventoryService/{method}", b"\xff\xff\xff")
    refusal = Refusal.of(refused.value)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "malformed_request")


async def test_calls_are_measured_by_method_and_code(face: Face) -> None:
    before = answered(METHOD, "OK"), answered(METHOD, "NOT_FOUND")
    await face.call("GetInventory", GET)
    face.views.answers["inventory_item"] = NotFound()
    await face.refusal("GetInventory", GET)
    await face.server._in_flight.wait_until_idle()
    assert (answered(METHOD, "OK"), answered(METHOD, "NOT_FOUND")) == (before[0] + 1, before[1] + 1)


async def test_a_method_that_does_not_exist_adds_no_series_of_its_own(face: Face) -> None:
    before = answered("_OTHER", "UNIMPLEMENTED")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await face.raw("made.up/Method", b"")
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert answered("_OTHER", "UNIMPLEMENTED") == before + 1
    assert answered("made.up/Method", "UNIMPLEMENTED") == 0


async def test_each_call_writes_one_line_that_says_who_what_and_how(face: Face, lines: Lines) -> None:
    await face.call("GetInventory", GET, ("x-request-id", "seen"))
    await face.server._in_flight.wait_until_idle()
    (line,) = lines
    assert (line["event"], line["method"], line["code"]) == ("rpc_call", METHOD, "OK")
    assert (line["request_id"], line["subject"]) == ("seen", "tester")
    assert line["ms"] >= 0


async def test_an_unexpected_error_is_logged_with_its_request_id(face: Face, lines: Lines) -> None:
    face.views.answers["inventory_item"] = ZeroDivisionError()
    await face.refusal("GetInventory", GET, ("x-request-id", "broken"))
    await face.server._in_flight.wait_until_idle()
    assert [(line["event"], line["request_id"]) for line in lines] == [
        ("rpc_failed", "broken"),
        ("rpc_call", "broken"),
    ]


async def test_calls_do_not_see_each_others_request_ids(face: Face) -> None:
    seen, all_are_here = {}, asyncio.Barrier(20)

    async def look(_reservation_id: object, caller: Any, **_keywords: Any) -> Any:
        await all_are_here.wait()
        seen[caller.request_id] = structlog.contextvars.get_contextvars()["request_id"]
        return HELD

    face.reservations.answers["commit"] = look
    await asyncio.gather(
        *(face.call("CommitReservation", COMMIT, ("x-request-id", f"call-{number}")) for number in range(20))
    )
    assert seen == {f"call-{number}": f"call-{number}" for number in range(20)}


async def test_a_key_on_a_read_is_ignored(face: Face) -> None:
    answer = await face.call("GetInventory", GET, ("idempotency-key", ""))
    assert answer.inventory_id == str(ITEM.inventory_id)


@pytest.mark.parametrize("key", ["", "x" * 256, '"open', "  "])
async def test_a_key_that_is_none_is_malformed(face: Face, key: str) -> None:
    refusal = await face.refusal("ReserveStock", RESERVE, ("idempotency-key", key))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "malformed_request")
    assert not face.reservations.asked
