from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from prometheus_client import REGISTRY
from temporalio import activity, workflow
from temporalio.runtime import (
    BUFFERED_METRIC_KIND_COUNTER,
    BUFFERED_METRIC_KIND_GAUGE,
    BUFFERED_METRIC_KIND_HISTOGRAM,
    BufferedMetricKind,
)
from temporalio.worker import Worker

from runtime.metrics import exposition
from runtime.settings import load_settings
from runtime.temporal import connect, open_runtime
from runtime.temporal_metrics import record


@activity.defn
async def hold() -> str:
    return "held"


@workflow.defn(sandboxed=False)
class Held:
    @workflow.run
    async def run(self) -> str:
        return await workflow.execute_local_activity(hold, start_to_close_timeout=timedelta(seconds=5))


async def test_what_the_sdk_measures_is_on_our_metrics_page(temporal_server: str) -> None:
    async with open_runtime() as runtime:
        client = await connect(load_settings(temporal_address=temporal_server), runtime=runtime)
        async with Worker(client, task_queue="measured", workflows=[Held], activities=[hold]):
            assert await client.execute_workflow(Held.run, id="measured", task_queue="measured") == "held"
    text = exposition()[0].decode()
    for said in (
        'temporal_request_total{namespace="default",operation="StartWorkflowExecution"} ',
        'temporal_request_latency_bucket{le="0.01",namespace="default",operation="StartWorkflowExecution"} ',
        'temporal_workflow_completed_total{namespace="default",task_queue="measured",workflow_type="Held"} 1.0',
        'temporal_workflow_endtoend_latency_bucket{le="604800.0",',
        "temporal_local_activity_execution_latency_count{",
        "temporal_worker_task_slots_available{",
    ):
        assert said in text


@dataclass(frozen=True)
class Metric:
    name: str
    kind: BufferedMetricKind
    description: str | None = None
    unit: str | None = None


@dataclass(frozen=True)
class Update:
    metric: Metric
    value: float
    attributes: Mapping[str, str | int | float | bool]


def test_counts_add_up_gauges_replace_and_observations_are_counted() -> None:
    counter = Metric("temporal_test_counted", BUFFERED_METRIC_KIND_COUNTER)
    gauge = Metric("temporal_test_level", BUFFERED_METRIC_KIND_GAUGE)
    histogram = Metric("temporal_test_latency", BUFFERED_METRIC_KIND_HISTOGRAM, "How long.", "s")
    record([Update(metric, value, {}) for metric in (counter, gauge, histogram) for value in (2, 3)])
    assert REGISTRY.get_sample_value("temporal_test_counted_total") == 5
    assert REGISTRY.get_sample_value("temporal_test_level") == 3
    assert REGISTRY.get_sample_value("temporal_test_latency_sum") == 5


def test_requests_with_and_without_a_task_queue_are_one_series() -> None:
    requests = Metric("temporal_request_of_a_test", BUFFERED_METRIC_KIND_COUNTER)
    core = {"service_name": "temporal-core-sdk", "operation": "Poll"}
    record([Update(requests, 1, core), Update(requests, 1, {**core, "namespace": "", "task_queue": "q"})])
    labels = {"namespace": "", "operation": "Poll"}
    assert REGISTRY.get_sample_value("temporal_request_of_a_test_total", labels) == 2


def test_an_attribute_that_comes_and_goes_breaks_nothing() -> None:
    tasks = Metric("temporal_test_tasks", BUFFERED_METRIC_KIND_COUNTER)
    record([Update(tasks, 1, {"eager": True}), Update(tasks, 1, {}), Update(tasks, 1, {"eager": True, "new": "x"})])
    assert REGISTRY.get_sample_value("temporal_test_tasks_total", {"eager": "True"}) == 2
    assert REGISTRY.get_sample_value("temporal_test_tasks_total", {"eager": ""}) == 1
