"""gRPC as a stranger finds it: methods and messages from reflection, filled with anything, sent as bytes or not.

Every answer is OK or a typed error that carries our ErrorInfo: never INTERNAL, never UNKNOWN.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status.rpc_status import from_call
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from gateway.rpc.methods import SERVICE
from tests.attack.findings import Findings
from tests.attack.state import State
from tests.attack.target import Known, Target
from tests.attack.tokens import refused_everywhere
from tests.gateway.rpc.test_fuzz import TEXTS, messages

SECONDS_MAX = 15.0
FINE = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.ABORTED,
}
MESSAGE_BYTES = 200


class Calls:
    """One channel to the service, and all that reflection tells of it."""

    def __init__(self, target: Target, findings: Findings, state: State, known: Known) -> None:
        self._target = target
        self._findings = findings
        self._state = state
        self._known = known
        self._channel = grpc.insecure_channel(target.grpc)
        self._pool = DescriptorPool(ProtoReflectionDescriptorDatabase(self._channel))
        self._metadata = (("authorization", target.bearer()),)

    def close(self) -> None:
        """Hang up."""
        self._channel.close()

    @property
    def service(self) -> ServiceDescriptor:
        """InventoryService, by reflection."""
        return self._pool.FindServiceByName(SERVICE.full_name)

    def every_method(self, *, times: int, number: int) -> None:
        """Each method with so many messages, and with half as many strings of random bytes."""
        for method in self.service.methods:
            kinds: list[tuple[st.SearchStrategy[Any], int]] = [
                (messages(method.input_type, self._texts()), times),
                (st.binary(max_size=MESSAGE_BYTES), times // 2),
            ]
            for strategy, examples in kinds:
                self._ask(method.name, strategy, examples, number)

    def refused(self) -> None:
        """Each method with tokens that open nothing, with metadata and messages past the limits."""
        methods, dice = [method.name for method in self.service.methods], random.Random(0)
        for name, authorization in refused_everywhere(self._target.settings):
            metadata = (("authorization", authorization),) if authorization else ()
            self._once(dice.choice(methods), b"", metadata, {grpc.StatusCode.UNAUTHENTICATED}, f"rpc token: {name}")
        flood = (*self._metadata, *((f"x-{number}", "y" * 1_000) for number in range(40)))
        self._once(methods[0], b"", flood, {grpc.StatusCode.RESOURCE_EXHAUSTED}, "rpc: metadata flood")
        too_long = b"\x00" * (self._target.settings.request_body_bytes_max + 1)
        self._once(methods[0], too_long, self._metadata, {grpc.StatusCode.RESOURCE_EXHAUSTED}, "rpc: too long")
        self._once("DropTables", b"", self._metadata, {grpc.StatusCode.UNIMPLEMENTED}, "rpc: no such method")

    def _texts(self) -> st.SearchStrategy[str]:
        known = [value for values in self._known.values.values() for value in values]
        return st.sampled_from(known) | TEXTS if known else TEXTS

    def _ask(self, method: str, strategy: st.SearchStrategy[Any], times: int, number: int) -> None:
        @seed(number)
        @settings(
            max_examples=max(1, times),
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(message=strategy)
        def send(message: Message | bytes) -> None:
            raw = message if isinstance(message, bytes) else message.SerializeToString()
            self._once(method, raw, self._metadata, FINE, f"rpc {method}")

        send()

    def _once(self, method: str, raw: bytes, metadata: Any, fine: set[grpc.StatusCode], operation: str) -> None:
        code, error = self._code(f"/{SERVICE.full_name}/{method}", raw, metadata)
        self._findings.count(operation, code.name)
        if code not in fine:
            self._findings.blame(
                operation, f"{method} ended {code.name}: {error and error.details()}; sent {raw[:300]!r}"
            )
        if error is not None:
            self._findings.look_for_leaks(operation, str(error.details()), asked=raw.decode("latin-1"))
        if error is not None and code in FINE and not _reason(error):
            self._findings.blame(operation, f"{method} ended {code.name} without ErrorInfo")
        self._state.judge(operation, refused=code is not grpc.StatusCode.OK, asked=repr(raw[:300]))

    def _code(self, path: str, raw: bytes, metadata: Any) -> tuple[grpc.StatusCode, Any]:
        call: Callable[..., bytes] = self._channel.unary_unary(path, lambda sent: sent, lambda got: got)
        try:
            call(raw, metadata=metadata, timeout=SECONDS_MAX)
        except grpc.RpcError as error:
            return error.code(), error
        return grpc.StatusCode.OK, None


def _reason(error: Any) -> str:
    status, info = from_call(error), ErrorInfo()
    return str(info.reason) if status and status.details and status.details[0].Unpack(info) else ""
