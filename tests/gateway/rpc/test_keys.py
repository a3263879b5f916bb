"""Idempotency keys over gRPC, kept in a real database: the same key and request, the same answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from google.rpc.error_details_pb2 import ErrorInfo, RequestInfo, RetryInfo

from db.engine import Database
from domain.errors import InsufficientStock, Saturated, Shortage
from gateway.commands.holding import Reserved
from gateway.rpc.generated.inventory.v1 import inventory_pb2 as pb
from runtime.settings import Settings
from tests.gateway.rpc.face import HELD, RESERVATION, SETTLED, Face, Lines, Refusal, served

RESERVE = pb.ReserveStockRequest(order_id="o", items=[pb.Item(sku="TEA", quantity=1)])
OTHER = pb.ReserveStockRequest(order_id="o", items=[pb.Item(sku="TEA", quantity=2)])
WRONG = pb.ReserveStockRequest(order_id="o")
COMMIT = pb.CommitReservationRequest(reservation_id=str(RESERVATION))


@pytest.fixture(scope="module")
async def keeping_face(database: Settings) -> AsyncIterator[Face]:
    connected = Database.connect(database, process="tests")
    async with served(database, database=connected) as face:
        yield face
    await connected.close()


@pytest.fixture
def face(keeping_face: Face) -> Face:
    keeping_face.reservations.asked.clear()
    keeping_face.reservations.answers = {"reserve": Reserved(HELD, is_new=True), "commit": SETTLED}
    return keeping_face


def new_key() -> tuple[str, str]:
    return ("idempotency-key", str(uuid4()))


async def answered(face: Face, method: str, request: Any, *metadata: tuple[str, str]) -> tuple[Any, bool]:
    """An answer, and whether it says that it is a replay."""
    call = getattr(face.stub, method)(request, metadata=(*face.metadata, *metadata))
    answer = await call
    return answer, ("idempotent-replayed", "true") in list(await call.trailing_metadata())


async def test_the_same_key_and_request_get_the_first_answer_again(face: Face) -> None:
    key = new_key()
    first, was_replayed = await answered(face, "ReserveStock", RESERVE, key)
    face.reservations.answers["reserve"] = AssertionError("must not be asked again")
    second, is_replayed = await answered(face, "ReserveStock", RESERVE, key)
    assert second == first
    assert (was_replayed, is_replayed) == (False, True)


async def test_an_empty_answer_is_kept_too(face: Face) -> None:
    key = new_key()
    await answered(face, "CommitReservation", COMMIT, key)
    assert await answered(face, "CommitReservation", COMMIT, key) == (Empty(), True)
    assert len(face.reservations.asked) == 1


async def test_a_refusal_is_kept_with_all_its_details_and_told_under_the_new_request_id(face: Face) -> None:
    key = new_key()
    face.reservations.answers["reserve"] = InsufficientStock([Shortage("TEA", 3, 1)], reservation_id=str(RESERVATION))
    await face.refusal("ReserveStock", RESERVE, key, ("x-request-id", "first"))
    face.reservations.answers["reserve"] = Reserved(HELD, is_new=True)
    refusal = await face.refusal("ReserveStock", RESERVE, key, ("x-request-id", "second"))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "insufficient_stock")
    assert refusal.details[ErrorInfo].metadata["reservationId"] == str(RESERVATION)
    assert refusal.details[pb.StockShortage].shortages[0].sku == "TEA"
    assert refusal.details[RequestInfo].request_id == refusal.trailing["x-request-id"] == "second"
    assert refusal.trailing["idempotent-replayed"] == "true"


async def test_what_was_only_for_the_moment_is_not_kept(face: Face) -> None:
    key = new_key()
    face.reservations.answers["reserve"] = Saturated()
    assert (await face.refusal("ReserveStock", RESERVE, key)).reason == "saturated"
    face.reservations.answers["reserve"] = Reserved(HELD, is_new=True)
    assert (await answered(face, "ReserveStock", RESERVE, key))[1] is False


async def test_the_same_key_with_another_request_is_refused(face: Face) -> None:
    key = new_key()
    await answered(face, "ReserveStock", RESERVE, key)
    refusal = await face.refusal("ReserveStock", OTHER, key)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "idempotency_key_reused")


async def test_a_request_that_cannot_be_read_uses_no_key_up(face: Face) -> None:
    key = new_key()
    await face.refusal("ReserveStock", WRONG, key)
    assert (await answered(face, "ReserveStock", RESERVE, key))[1] is False


async def test_while_the_first_is_running_the_second_is_told_when_to_come_back(face: Face) -> None:
    key, started, go_on = new_key(), asyncio.Event(), asyncio.Event()

    async def work(*_args: Any, **_keywords: Any) -> Any:
        started.set()
        await go_on.wait()
        return Reserved(HELD, is_new=True)

    face.reservations.answers["reserve"] = work
    first = asyncio.ensure_future(answered(face, "ReserveStock", RESERVE, key))
    await started.wait()
    refusal = await face.refusal("ReserveStock", RESERVE, key)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "request_in_progress")
    assert refusal.details[RetryInfo].retry_delay.seconds >= 1
    go_on.set()
    assert (await first)[1] is False


async def test_one_of_two_at_one_instant_does_the_work(face: Face) -> None:
    key = new_key()
    outcomes = await asyncio.gather(
        *(answered(face, "ReserveStock", RESERVE, key) for _ in range(5)), return_exceptions=True
    )
    assert len(face.reservations.asked) == 1
    for outcome in outcomes:
        if isinstance(outcome, tuple):
            assert outcome[0].reservation_id == str(RESERVATION)
        else:
            assert isinstance(outcome, grpc.aio.AioRpcError)
            assert Refusal.of(outcome).reason == "request_in_progress"


async def test_a_caller_who_hung_up_finds_his_answer_under_the_key(face: Face, lines: Lines) -> None:
    key, started, go_on = new_key(), asyncio.Event(), asyncio.Event()

    async def work(*_args: Any, **_keywords: Any) -> Any:
        started.set()
        await go_on.wait()
        return Reserved(HELD, is_new=True)

    face.reservations.answers["reserve"] = work
    call = face.stub.ReserveStock(RESERVE, metadata=(*face.metadata, key))
    waiting = asyncio.ensure_future(call.code())
    await started.wait()
    call.cancel()
    await waiting
    await lines.written("rpc_call", code="CANCELLED")
    go_on.set()
    await face.server._in_flight.wait_until_idle()
    assert await answered(face, "ReserveStock", RESERVE, key) == (await face.call("ReserveStock", RESERVE, key), True)
    assert len(face.reservations.asked) == 1


async def test_work_resumed_with_a_key_makes_the_same_reservation(face: Face) -> None:
    key = new_key()
    face.reservations.answers["reserve"] = Saturated()
    await face.refusal("ReserveStock", RESERVE, key)
    first = face.reservations.last("reserve")[0][0].reservation_id
    await face.refusal("ReserveStock", RESERVE, key)
    assert face.reservations.last("reserve")[0][0].reservation_id == first


async def test_a_decision_takes_the_id_recorded_with_its_key(face: Face) -> None:
    key = new_key()
    face.reservations.answers["commit"] = Saturated()
    for _ in range(2):
        await face.refusal("CommitReservation", COMMIT, key)
    first, second = (keywords["decision_id"] for _, _, keywords in face.reservations.asked)
    assert first == second


async def test_keys_belong_to_their_subject_and_method(face: Face) -> None:
    key = new_key()
    await answered(face, "ReserveStock", RESERVE, key)
    await answered(face, "CommitReservation", COMMIT, key)
    await face.stub.ReserveStock(RESERVE, metadata=(face.token("admin", subject="somebody else"), key))
    assert len(face.reservations.asked) == 3
