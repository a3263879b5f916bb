"""Traces through HTTP → workflow → activity → SQL → Kafka, sent over OTLP when an endpoint is set.

Without an endpoint everything here costs next to nothing: no SDK is loaded, hooks return nothing to install. Imports
neither SQLAlchemy nor gRPC nor aiohttp for itself; their owners ask here for the hook and install it. Sampling is
OpenTelemetry's own matter (OTEL_TRACES_SAMPLER).
"""
# ruff: noqa: PLC0415 - the SDK and the instrumentations cost half a second to import, paid only when tracing is on

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from opentelemetry import context, propagate, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from runtime.lifecycle import before_exit
from runtime.logs import get_logger
from runtime.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from temporalio.contrib.opentelemetry import TracingInterceptor

_EXPORT_TIMEOUT_SECONDS = 5.0
_TRACEPARENT = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("holdfast")
_log = get_logger(__name__)
_provider: TracerProvider | None = None


def configure_tracing(settings: Settings, process: str) -> None:
    """Send this process's spans to the settings' OTLP endpoint as `holdfast-<process>`, or do nothing without one."""
    if not settings.otlp_endpoint:
        return
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = _new_provider(settings, process)
    exporter = OTLPSpanExporter(endpoint=settings.otlp_endpoint, timeout=_EXPORT_TIMEOUT_SECONDS)
    processor = BatchSpanProcessor(
        exporter,
        max_queue_size=4096,
        max_export_batch_size=512,
        schedule_delay_millis=1_000,
        export_timeout_millis=_EXPORT_TIMEOUT_SECONDS * 1000,
    )
    provider.add_span_processor(processor)
    _install(provider)
    if not settings.otel_exporter_otlp_endpoint:
        _log.info("jaeger_endpoint_read_as_otlp", jaeger_endpoint=settings.jaeger_endpoint, otlp=settings.otlp_endpoint)


def tracing_is_on() -> bool:
    """Whether spans of this process go anywhere."""
    return _provider is not None


def temporal_interceptors() -> list[TracingInterceptor]:
    """For `Client.connect`, which hands them on to its workers: spans from the caller into workflow and activity.

    Workflow spans are made outside the sandbox, so that it may be on or off.
    """
    if not tracing_is_on():
        return []
    from temporalio.contrib.opentelemetry import TracingInterceptor

    return [TracingInterceptor()]


def http_middlewares() -> list[Any]:
    """aiohttp middlewares to put before all others."""
    if not tracing_is_on():
        return []
    from opentelemetry.instrumentation.aiohttp_server import AioHttpServerInstrumentor, create_aiohttp_middleware

    # Instrumenting prepares what the middleware needs, but also replaces web.Application for everybody, so that
    # every scrape of a health page would be a trace: only the first is wanted.
    instrumentor = AioHttpServerInstrumentor()
    instrumentor.instrument()
    instrumentor.uninstrument()
    return [create_aiohttp_middleware()]


def grpc_interceptors() -> list[Any]:
    """Interceptors for a grpc.aio server, to put before all others."""
    if not tracing_is_on():
        return []
    from opentelemetry.instrumentation.grpc import aio_server_interceptor

    return [aio_server_interceptor()]  # type: ignore[no-untyped-call]


def instrument_engine(engine: Any) -> None:
    """Span each statement of a SQLAlchemy engine (of an async engine: its `sync_engine`). For one engine a process."""
    if not tracing_is_on():
        return
    from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor

    # It declares SQLAlchemy < 2.1 and works with 2.1: shown by a test.
    SQLAlchemyInstrumentor().instrument(engine=engine, skip_dep_check=True)


def current_traceparent() -> str | None:
    """The active span as a W3C `traceparent`, to be stored with an event; None when there is none."""
    carrier: dict[str, str] = {}
    _TRACEPARENT.inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def continue_trace(
    traceparent: str | None, name: str = "process event", *, kind: SpanKind = SpanKind.CONSUMER
) -> Iterator[None]:
    """Do what a Kafka message asks, or send it (`SpanKind.PRODUCER`), as part of the trace that it came from.

    A missing or malformed `traceparent` starts a trace of its own.
    """
    if not tracing_is_on():
        yield
        return
    origin = _TRACEPARENT.extract({"traceparent": traceparent} if traceparent else {}, context=context.Context())
    with _tracer.start_as_current_span(name, context=origin, kind=kind):
        yield


def _new_provider(settings: Settings, process: str) -> TracerProvider:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    resource = Resource.create(
        {
            "service.name": f"holdfast-{process}",
            "service.version": version("holdfast"),
            "deployment.environment.name": settings.app_env,
        }
    )
    return TracerProvider(resource=resource, shutdown_on_exit=False)


def _install(provider: TracerProvider) -> None:
    global _provider  # noqa: PLW0603 - one per process, like OpenTelemetry's own
    _provider = provider
    trace.set_tracer_provider(provider)
    propagate.set_global_textmap(CompositePropagator([_TRACEPARENT, W3CBaggagePropagator()]))
    before_exit(provider.shutdown)
