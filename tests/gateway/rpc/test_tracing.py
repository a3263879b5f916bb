"""With tracing on, a call is a span of the caller's trace and the command goes on from it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from opentelemetry.instrumentation.grpc import aio_server_interceptor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode, format_span_id, format_trace_id

from domain.errors import HoldfastError, InsufficientStock, Shortage
from gateway.commands.holding import Reserved
from gateway.rpc import server
from gateway.rpc.generated.inventory.v1 import inventory_pb2 as pb
from runtime.settings import Settings
from tests.gateway.rpc.face import HELD, Face, served

RESERVE = pb.ReserveStockRequest(order_id="o", items=[pb.Item(sku="TEA", quantity=1)])
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01")


class Spans(InMemorySpanExporter):
    """Takes the spans that have ended, on the event loop's own thread."""

    def __init__(self) -> None:
        super().__init__()
        self._ended = asyncio.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        exported = super().export(spans)
        self._ended.set()
        return exported

    async def only(self) -> ReadableSpan:
        """The one span, when it has ended."""
        await self._ended.wait()
        (span,) = self.get_finished_spans()
        return span


@pytest.fixture
async def traced() -> AsyncIterator[tuple[Face, Spans]]:
    spans = Spans()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    with pytest.MonkeyPatch.context() as patch:
        interceptor = aio_server_interceptor(tracer_provider=provider)  # type: ignore[no-untyped-call]
        patch.setattr(server, "grpc_interceptors", lambda: [interceptor])
        async with served(Settings(app_env="test")) as face:
            yield face, spans


async def test_the_command_continues_the_trace_from_the_calls_own_span(
    traced: tuple[Face, Spans],
) -> None:
    face, spans = traced
    face.reservations.answers["reserve"] = Reserved(HELD, is_new=True)
    await face.call("ReserveStock", RESERVE, TRACEPARENT)
    span = await spans.only()
    context = span.get_span_context()
    assert context is not None
    assert format_trace_id(context.trace_id) == TRACE
    assert face.reservations.last("reserve")[0][1].traceparent == f"00-{TRACE}-{format_span_id(context.span_id)}-01"


@pytest.mark.parametrize(
    ("error", "reason"),
    [(InsufficientStock([Shortage("TEA", 3, 1)]), "insufficient_stock"), (HoldfastError(), "internal_error")],
)
async def test_an_error_arrives_as_whole_as_without_tracing(
    traced: tuple[Face, Spans], error: HoldfastError, reason: str
) -> None:
    face, spans = traced
    face.reservations.answers["reserve"] = error
    assert (await face.refusal("ReserveStock", RESERVE, ("x-request-id", "r-1"))).reason == reason
    span = await spans.only()
    assert span.attributes is not None
    assert span.attributes["rpc.grpc.status_code"] != 0
    assert (span.status.status_code is StatusCode.ERROR) == (reason == "internal_error")
