"""Whatever bytes or values arrive, the answer is a typed error or a good one: never INTERNAL, never a crash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import grpc
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.availability import BulkAvailability, BulkAvailabilityItem
from domain.errors import UnknownItem
from gateway.rpc.generated.inventory.v1 import inventory_pb2 as pb
from gateway.rpc.methods import METHODS, SERVICE
from tests.gateway.rpc.face import Face, Refusal

EXAMPLES = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

INTS = st.sampled_from([-(2**31), -1, 0, 1, 200, 604_801, 1_000_001, 2**31 - 1]) | st.integers(-(2**31), 2**31 - 1)
TEXTS = st.sampled_from(["", " ", "\x00", "TEA", "茶" * 60, "00000000-0000-0000-0000-00000000000b"]) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=120
)


def messages(descriptor: Descriptor, texts: st.SearchStrategy[str] = TEXTS) -> st.SearchStrategy[Message]:
    """Messages of a type with any subset of its fields, each with a likely or an unlikely value."""
    fields = {field.name: values(field, texts) for field in descriptor.fields}
    made = GetMessageClass(descriptor)
    return st.fixed_dictionaries({}, optional=fields).map(lambda chosen: made(**chosen))


def values(field: FieldDescriptor, texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    kinds: dict[int, Callable[[], st.SearchStrategy[Any]]] = {
        FieldDescriptor.CPPTYPE_STRING: lambda: texts,
        FieldDescriptor.CPPTYPE_INT32: lambda: INTS,
        FieldDescriptor.CPPTYPE_INT64: lambda: st.integers(-(2**63), 2**63 - 1),
        FieldDescriptor.CPPTYPE_ENUM: lambda: st.integers(-1, 25),
        FieldDescriptor.CPPTYPE_BOOL: st.booleans,
        FieldDescriptor.CPPTYPE_DOUBLE: st.floats,
        FieldDescriptor.CPPTYPE_MESSAGE: lambda: messages(cast("Descriptor", field.message_type), texts),
    }
    one = kinds[field.cpp_type]()
    return st.lists(one, max_size=4) if field.is_repeated else one


async def outcome(face: Face, method: str, raw: bytes) -> grpc.StatusCode:
    """Send bytes; the code they were answered with. Errors must carry their details."""

    async def by_itself(queries: list[Any]) -> BulkAvailability:
        return BulkAvailability(available=False, items=(BulkAvailabilityItem(error=UnknownItem()),) * len(queries))

    face.views.answers["check_availability_bulk"] = by_itself
    try:
        await face.raw(f"{SERVICE.full_name}/{method}", raw)
    except grpc.aio.AioRpcError as error:
        return Refusal.of(error).code
    return grpc.StatusCode.OK


@pytest.mark.parametrize("method", [method.name for method in METHODS])
@EXAMPLES
@given(raw=st.binary(max_size=200))
async def test_random_bytes_are_malformed_or_refused(face: Face, method: str, raw: bytes) -> None:
    assert await outcome(face, method, raw) in {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OK}


@pytest.mark.parametrize("method", [method.name for method in METHODS])
@EXAMPLES
@given(data=st.data())
async def test_any_message_of_the_right_type_is_answered_or_refused(face: Face, method: str, data: Any) -> None:
    message = data.draw(messages(SERVICE.methods_by_name[method].input_type))
    raw = message.SerializeToString()
    assert await outcome(face, method, raw) in {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OK}


@EXAMPLES
@given(
    name=st.sampled_from(["authorization", "x-request-id", "traceparent", "x-request-id-bin"]),
    value=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=300),
)
async def test_any_metadata_is_answered_or_refused(face: Face, name: str, value: str) -> None:
    sent = (name, value.encode() if name.endswith("-bin") else value)
    metadata = (sent,) if name == "authorization" else (sent, *face.metadata)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await face.stub.CommitReservation(pb.CommitReservationRequest(), metadata=metadata)
    assert Refusal.of(refused.value).code in {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNAUTHENTICATED}
