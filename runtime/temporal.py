"""The connection to Temporal, made the same way by every process.

Starts no workflow and runs no worker. Payloads are plain JSON, readable in Temporal UI; nothing personal is in them.
Pydantic reads and writes them: measured on a hold's request, 8 µs to read where the SDK's own converter takes 357.
Its type adapters are made once in a process: the SDK makes a converter for each workflow, and an empty cache with it,
which took 16 % of a serving process's time.
"""

from __future__ import annotations

import functools
import logging
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from temporalio.api.common.v1 import Payload
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client, Interceptor
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import CompositePayloadConverter, DataConverter, DefaultPayloadConverter
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    MetricBuffer,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)
from temporalio.service import GrpcCompression, KeepAliveConfig, RetryConfig, RPCError, RPCStatusCode, TLSConfig
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_delay, wait_exponential_jitter

from runtime.logs import get_logger
from runtime.settings import Settings
from runtime.temporal_build import NamesBuild, build_of
from runtime.temporal_metrics import make_metric_buffer, pumping

_CONNECT_TIMEOUT = timedelta(seconds=5)
RPC_TIMEOUT = timedelta(seconds=5)
"""Of a single call to the server, retries not counted."""

_KEEP_ALIVE = KeepAliveConfig(interval_millis=10_000, timeout_millis=5_000)
_RETRIES = RetryConfig(
    initial_interval_millis=50, max_interval_millis=1_000, max_elapsed_time_millis=5_000, max_retries=10
)
_REFUSALS = {
    RPCStatusCode.NOT_FOUND: "knows no namespace {namespace!r}: create it, or set TEMPORAL_NAMESPACE to one it has",
    RPCStatusCode.INVALID_ARGUMENT: "refuses the namespace {namespace!r}: correct TEMPORAL_NAMESPACE",
    RPCStatusCode.PERMISSION_DENIED: "keeps us out of the namespace {namespace!r}: check the API key or certificate",
    RPCStatusCode.UNAUTHENTICATED: "does not know who we are: check the API key or certificate",
}

_FIRST_CALL_REFUSED = {
    "code: PermissionDenied": RPCStatusCode.PERMISSION_DENIED,
    "code: Unauthenticated": RPCStatusCode.UNAUTHENTICATED,
}
"""The SDK makes a call as it connects, and of its failure has nothing but the words of a RuntimeError."""

_log = get_logger(__name__)


class _JsonConverter(PydanticJSONPlainPayloadConverter):
    """JSON by pydantic, with one set of type adapters for all converters of this process."""

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        """Read a payload as `type_hint`, or as plain JSON values."""
        return _type_adapter(Any if type_hint is None else type_hint).validate_json(payload.data)


class _PayloadConverter(CompositePayloadConverter):
    """The SDK's converters with its JSON one replaced; the encoding stays `json/plain`."""

    def __init__(self) -> None:
        converters = DefaultPayloadConverter.default_encoding_payload_converters
        super().__init__(*(_JsonConverter() if c.encoding == "json/plain" else c for c in converters))


@functools.cache
def _type_adapter(type_hint: Any) -> TypeAdapter[Any]:
    return TypeAdapter(type_hint)


DATA_CONVERTER = DataConverter(payload_converter_class=_PayloadConverter)
"""How payloads are written and read, by every client, worker and replay of ours."""


class TemporalConnectionError(Exception):
    """No usable connection: unreachable for too long, or refused. The message is for the person who runs us."""


async def connect(
    settings: Settings,
    *,
    runtime: Runtime | None = None,
    interceptors: Sequence[Interceptor] = (),
    process: str = "holdfast",
    patience_seconds: float = 60.0,
) -> Client:
    """A client of the namespace in the settings, checked to exist.

    A server that does not answer yet is tried again for `patience_seconds`; one that refuses is not.
    Raises TemporalConnectionError saying what to change.
    """
    attempts = AsyncRetrying(
        retry=retry_if_exception(_may_pass),
        wait=wait_exponential_jitter(multiplier=0.1, max=2.0, jitter=0.1),
        stop=stop_after_delay(patience_seconds),
        before_sleep=_log_attempt,
        reraise=True,
    )
    try:
        return await attempts(_connect_once, settings, runtime, interceptors, process)
    except (RPCError, RuntimeError, OSError, ValueError) as error:
        raise TemporalConnectionError(_in_words(settings, error)) from error


def make_runtime(metrics: MetricBuffer) -> Runtime:
    """The SDK's engine: metrics into the buffer (which must be emptied), warnings into our logs.

    One per process is enough; each has threads of its own.
    """
    forwarding = LogForwardingConfig(logging.getLogger("temporalio"), append_target_to_name=False)
    telemetry = TelemetryConfig(
        logging=LoggingConfig(TelemetryFilter(core_level="WARN", other_level="ERROR"), forwarding=forwarding),
        metrics=metrics,
    )
    return Runtime(telemetry=telemetry)


@asynccontextmanager
async def open_runtime() -> AsyncIterator[Runtime]:
    """A runtime whose metrics appear on /metrics while the context is open."""
    buffer = make_metric_buffer()
    runtime = make_runtime(buffer)
    async with pumping(buffer):
        yield runtime


async def _connect_once(
    settings: Settings, runtime: Runtime | None, interceptors: Sequence[Interceptor], process: str
) -> Client:
    client = await Client.connect(
        settings.temporal_address,
        namespace=settings.temporal_namespace,
        data_converter=DATA_CONVERTER,
        api_key=settings.temporal_api_key.get_secret_value() or None,
        tls=_tls(settings),
        interceptors=[NamesBuild(build_of(settings)), *interceptors],
        retry_config=_RETRIES,
        keep_alive_config=_KEEP_ALIVE,
        connect_timeout=_CONNECT_TIMEOUT,
        identity=f"{process}-{os.getpid()}@{socket.gethostname()}",
        runtime=runtime,
        grpc_compression=GrpcCompression.GZIP if _crosses_a_network(settings) else GrpcCompression.NONE,
    )
    await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace), timeout=RPC_TIMEOUT
    )
    return client


def _tls(settings: Settings) -> TLSConfig | bool | None:
    named = TLSConfig(
        domain=settings.temporal_tls_server_name or None,
        server_root_ca_cert=_pem(settings.temporal_tls_server_ca_cert_path, settings.temporal_tls_server_ca_cert_data),
        client_cert=_pem(settings.temporal_tls_client_cert_path, settings.temporal_tls_client_cert_data),
        client_private_key=_pem(
            settings.temporal_tls_client_key_path, settings.temporal_tls_client_key_data.get_secret_value()
        ),
    )
    if named != TLSConfig():
        return named
    # A key in plain text would be anybody's.
    return True if settings.temporal_tls or settings.temporal_api_key.get_secret_value() else None


def _pem(path: Path | None, data: str) -> bytes | None:
    return path.read_bytes() if path else data.encode() or None


def _crosses_a_network(settings: Settings) -> bool:
    """Next door, compressing small messages only costs time; TLS or a key tell of a server further away."""
    return bool(_tls(settings))


def _refusal(error: BaseException) -> RPCStatusCode | None:
    if isinstance(error, RPCError):
        return error.status if error.status in _REFUSALS else None
    return next((status for words, status in _FIRST_CALL_REFUSED.items() if words in str(error)), None)


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, RPCError | RuntimeError) and _refusal(error) is None


def _log_attempt(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    _log.warning("temporal_unreachable", attempt=state.attempt_number, error=str(error))


def _in_words(settings: Settings, error: Exception) -> str:
    where = f"Temporal at {settings.temporal_address}"
    if (refusal := _refusal(error)) is not None:
        return f"{where} {_REFUSALS[refusal].format(namespace=settings.temporal_namespace)}"
    return f"{where} cannot be reached: {error}"
