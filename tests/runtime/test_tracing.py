from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from runtime import tracing
from runtime.settings import Settings
from tests.runtime.conftest import StartChild


class Collector(TraceServiceServicer):
    """Keeps the spans it is sent, as Jaeger or the OpenTelemetry collector would."""

    def __init__(self) -> None:
        self.address = ""
        self.services: set[str] = set()
        self.spans: list[Span] = []

    def Export(self, request: ExportTraceServiceRequest, context: grpc.ServicerContext) -> ExportTraceServiceResponse:  # noqa: N802
        for resource in request.resource_spans:
            attributes = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
            self.services.add(attributes["service.name"])
            self.spans.extend(span for scope in resource.scope_spans for span in scope.spans)
        return ExportTraceServiceResponse()

    def named(self, name: str) -> Span:
        return next(span for span in self.spans if span.name == name)


@pytest.fixture
def collector() -> Iterator[Collector]:
    service = Collector()
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    add_TraceServiceServicer_to_server(service, server)  # type: ignore[no-untyped-call]
    service.address = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield service
    server.stop(grace=0).wait()


TRACED = """
import asyncio, sys
from aiohttp import ClientSession, web
from sqlalchemy import create_engine, text
from temporalio import activity
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from opentelemetry.trace import SpanKind
from runtime import lifecycle, tracing
from runtime.lifecycle import run_process
from runtime.logs import configure_logging
from runtime.settings import load_settings
from runtime.temporal import connect
from tests.runtime.traced_workflow import Traced

lifecycle.EXIT_SECONDS_MAX = 30  # a busy machine may take its time to hear the spans
settings = load_settings()
configure_logging(settings, "serve")
tracing.configure_tracing(settings, "serve")
engine = create_engine("sqlite://")
tracing.instrument_engine(engine)
kept = []

@activity.defn
async def hold():
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    kept.append(tracing.current_traceparent())
    return "held"

async def main(stop):
    client = await connect(settings, interceptors=tracing.temporal_interceptors())

    async def reserve(request):
        answer = await client.execute_workflow(
            Traced.run, id=f"traced-{RUNNER}", task_queue="traced", request_eager_start=True)
        return web.Response(text=answer)

    application = web.Application(middlewares=tracing.http_middlewares())
    application.router.add_post("/api/v1/reservations", reserve)
    http = web.AppRunner(application)
    await http.setup()
    site = web.TCPSite(http, "127.0.0.1", 0)
    await site.start()
    port = http.addresses[0][1]
    async with Worker(client, task_queue="traced", workflows=[Traced], activities=[hold], workflow_runner=RUNNER()):
        async with ClientSession() as session:
            caller = {"traceparent": "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"}
            url = f"http://127.0.0.1:{port}/api/v1/reservations"
            async with session.post(url, headers=caller) as response:
                print(await response.text())
    with tracing.continue_trace(kept[0], "send inventory.events", kind=SpanKind.PRODUCER):
        sent = tracing.current_traceparent()
    with tracing.continue_trace(sent, "process inventory.reserved"):
        pass
    await http.cleanup()

RUNNER = %s
run_process(main)
"""


@pytest.mark.parametrize("runner", ["UnsandboxedWorkflowRunner", "SandboxedWorkflowRunner"])
def test_one_trace_runs_from_the_request_through_workflow_and_sql_to_the_event(
    start_child: StartChild, collector: Collector, temporal_server: str, runner: str
) -> None:
    child = start_child(
        TRACED % runner, OTEL_EXPORTER_OTLP_ENDPOINT=collector.address, TEMPORAL_ADDRESS=temporal_server
    )
    output, errors = child.communicate(timeout=60)
    assert (child.returncode, output) == (0, "held\n"), errors
    assert collector.services == {"holdfast-serve"}
    assert {span.trace_id for span in collector.spans} == {bytes.fromhex("ab" * 16)}
    assert ancestry(collector, "SELECT") == [
        "RunActivity:hold",
        "StartActivity:hold",
        "StartWorkflow:Traced",
        "POST /api/v1/reservations",
    ]
    assert ancestry(collector, "RunWorkflow:Traced")[0] == "StartWorkflow:Traced"
    assert ancestry(collector, "process inventory.reserved")[0] == "send inventory.events"
    assert ancestry(collector, "send inventory.events")[0] == "RunActivity:hold"


def test_a_grpc_call_continues_the_trace_of_its_caller(start_child: StartChild, collector: Collector) -> None:
    code = """
        import asyncio
        import grpc
        from grpc_health.v1.health import aio
        from grpc_health.v1.health_pb2 import HealthCheckRequest
        from grpc_health.v1.health_pb2_grpc import HealthStub, add_HealthServicer_to_server
        from runtime import lifecycle, tracing
        from runtime.logs import configure_logging
        from runtime.lifecycle import run_process
        from runtime.settings import load_settings
        lifecycle.EXIT_SECONDS_MAX = 30
        settings = load_settings()
        configure_logging(settings, "serve")
        tracing.configure_tracing(settings, "serve")

        async def main(stop):
            server = grpc.aio.server(interceptors=tracing.grpc_interceptors())
            add_HealthServicer_to_server(aio.HealthServicer(), server)
            port = server.add_insecure_port("127.0.0.1:0")
            await server.start()
            caller = (("traceparent", "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"),)
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                await HealthStub(channel).Check(HealthCheckRequest(), metadata=caller)
            await server.stop(None)

        run_process(main)
    """
    child = start_child(code, OTEL_EXPORTER_OTLP_ENDPOINT=collector.address)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 0, errors
    (span,) = collector.spans
    assert (span.name, span.trace_id) == ("/grpc.health.v1.Health/Check", bytes.fromhex("ab" * 16))
    assert span.parent_span_id == bytes.fromhex("cd" * 8)


def test_a_message_without_a_traceparent_starts_a_trace_of_its_own(
    start_child: StartChild, collector: Collector
) -> None:
    code = """
        from runtime import lifecycle, tracing
        from runtime.lifecycle import exit_process
        from runtime.settings import load_settings
        lifecycle.EXIT_SECONDS_MAX = 30
        tracing.configure_tracing(load_settings(), "bridge")
        for traceparent in (None, "", "00-nonsense"):
            with tracing.continue_trace(traceparent, f"process {traceparent}"):
                assert tracing.current_traceparent()
        exit_process(0)
    """
    child = start_child(code, JAEGER_ENDPOINT="http://127.0.0.1:14268", OTEL_EXPORTER_OTLP_ENDPOINT=collector.address)
    _, errors = child.communicate(timeout=60)
    assert (child.returncode, errors) == (0, "")
    assert len({span.trace_id for span in collector.spans}) == 3
    assert all(not span.parent_span_id for span in collector.spans)


def test_jaegers_endpoint_is_said_to_be_read_as_otlp(start_child: StartChild, free_port: int) -> None:
    code = """
        from runtime import tracing
        from runtime.lifecycle import exit_process
        from runtime.logs import configure_logging
        from runtime.settings import load_settings
        settings = load_settings()
        configure_logging(settings, "bridge")
        tracing.configure_tracing(settings, "bridge")
        exit_process(0)
    """
    child = start_child(code, JAEGER_ENDPOINT=f"http://127.0.0.1:{free_port}/api/traces")
    _, errors = child.communicate(timeout=30)
    line = json.loads(errors.splitlines()[0])
    assert (line["event"], line["otlp"]) == ("jaeger_endpoint_read_as_otlp", "http://127.0.0.1:4317")


def test_a_collector_that_is_not_there_does_not_keep_the_process_from_ending(
    start_child: StartChild, free_port: int
) -> None:
    code = """
        from runtime import tracing
        from runtime.lifecycle import exit_process
        from runtime.settings import load_settings
        tracing.configure_tracing(load_settings(), "bridge")
        with tracing.continue_trace(None):
            pass
        exit_process(0)
    """
    child = start_child(code, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port}")
    child.communicate(timeout=30)
    assert child.returncode == 0


def test_without_an_endpoint_nothing_is_installed_and_nothing_is_loaded(start_child: StartChild) -> None:
    code = """
        import sys
        from runtime import tracing
        from runtime.settings import load_settings
        tracing.configure_tracing(load_settings(otel_exporter_otlp_endpoint=""), "serve")
        tracing.instrument_engine(object())
        with tracing.continue_trace("00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"):
            print(tracing.current_traceparent())
        print(tracing.temporal_interceptors(), tracing.http_middlewares(), tracing.grpc_interceptors())
        print([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "temporalio", "sqlalchemy"))])
    """
    child = start_child(code)
    output, errors = child.communicate(timeout=60)
    assert (child.returncode, errors) == (0, "")
    assert output == "None\n[] [] []\n[]\n"


def test_tracing_is_off_until_it_is_configured(settings: Settings) -> None:
    assert not tracing.tracing_is_on()


def ancestry(collector: Collector, name: str) -> list[str]:
    """The names of the spans above the one called `name`, nearest first."""
    by_id = {span.span_id: span for span in collector.spans}
    names, parent = [], collector.named(name).parent_span_id
    while parent in by_id:
        names.append(by_id[parent].name)
        parent = by_id[parent].parent_span_id
    return names
