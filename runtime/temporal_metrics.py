"""Carries the Temporal SDK's own metrics to Prometheus, under their own names.

The SDK can open a Prometheus endpoint itself, but one per process, which nobody could add up. Instead it records into
a buffer that we empty into prometheus_client, whose values several processes can share. `service_name` is dropped
(always the SDK), and so is the task queue of requests (only some carry it). Counters end in `_total`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from prometheus_client import Counter, Gauge, Histogram
from temporalio.runtime import (
    BUFFERED_METRIC_KIND_COUNTER,
    BUFFERED_METRIC_KIND_GAUGE,
    BufferedMetric,
    BufferedMetricUpdate,
    MetricBuffer,
    MetricBufferDurationFormat,
)

from runtime.metrics import SECONDS_BUCKETS

BUFFER_UPDATES_MAX = 100_000
"""Room for half a minute of saturation; what does not fit is dropped by the SDK."""

PUMP_PERIOD_SECONDS = 0.2
"""Often enough that emptying the buffer never holds the event loop for long."""

_LIFETIME_SECONDS_BUCKETS = (1.0, 10.0, 60.0, 300.0, 900.0, 3600.0, 21_600.0, 86_400.0, 604_800.0)
_REQUESTS = ("temporal_request", "temporal_long_request")


@dataclass(frozen=True, slots=True)
class _Family:
    metric: Counter | Gauge | Histogram
    labels: tuple[str, ...]


_families: dict[str, _Family] = {}


def make_metric_buffer() -> MetricBuffer:
    """The buffer for the SDK's runtime; durations in seconds."""
    return MetricBuffer(BUFFER_UPDATES_MAX, MetricBufferDurationFormat.SECONDS)


@asynccontextmanager
async def pumping(buffer: MetricBuffer) -> AsyncIterator[None]:
    """Keep the buffer empty while the context is open. The buffer's runtime must exist."""
    task = asyncio.create_task(_pump(buffer), name="temporal-metrics")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        record(buffer.retrieve_updates())


async def _pump(buffer: MetricBuffer) -> None:
    while True:
        await asyncio.sleep(PUMP_PERIOD_SECONDS)
        record(buffer.retrieve_updates())


def record(updates: Iterable[BufferedMetricUpdate]) -> None:
    """Apply updates to the metrics of this process."""
    for update in updates:
        family = _families.get(update.metric.name) or _new_family(update)
        labels = [str(update.attributes.get(label, "")) for label in family.labels]
        _apply(family.metric.labels(*labels) if labels else family.metric, update.value)


def _apply(metric: Counter | Gauge | Histogram, value: float) -> None:
    if isinstance(metric, Counter):
        metric.inc(value)
    elif isinstance(metric, Gauge):
        metric.set(value)
    else:
        metric.observe(value)


def _new_family(update: BufferedMetricUpdate) -> _Family:
    metric = update.metric
    labels = _labels(metric.name, update.attributes)
    family = _Family(_make(metric, metric.description or "A metric of the Temporal SDK.", labels), labels)
    _families[metric.name] = family
    return family


def _make(metric: BufferedMetric, help_text: str, labels: tuple[str, ...]) -> Counter | Gauge | Histogram:
    if metric.kind == BUFFERED_METRIC_KIND_COUNTER:
        return Counter(metric.name, help_text, labels)
    if metric.kind == BUFFERED_METRIC_KIND_GAUGE:
        return Gauge(metric.name, help_text, labels, multiprocess_mode="livesum")
    buckets = _LIFETIME_SECONDS_BUCKETS if metric.name == "temporal_workflow_endtoend_latency" else SECONDS_BUCKETS
    return Histogram(metric.name, help_text, labels, buckets=buckets)


def _labels(name: str, attributes: Mapping[str, object]) -> tuple[str, ...]:
    labels = set(attributes) - {"service_name"}
    if name.startswith(_REQUESTS):
        labels = (labels | {"namespace"}) - {"task_queue"}
    return tuple(sorted(labels))
