"""Prometheus, the collector and Grafana look where something is to be seen."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import temporalio.bridge
from prometheus_client.metrics import MetricWrapperBase

from holdfast.processes import NAMES
from runtime import metrics
from tests.deploy.files import DEPLOY, SERVICES, read_yaml

DASHBOARD = json.loads((DEPLOY / "grafana/dashboards/holdfast.json").read_text("utf-8"))
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS: list[str] = [target["expr"] for panel in PANELS for target in panel["targets"]]
SAMPLE = re.compile(r"\b((?:http|rpc|inventory|db|temporal)_\w+)")
OF_PROMETHEUS = {"le", "instance"}

SHOWN = (
    *("http_server_request_duration_seconds", "rpc_server_call_duration_seconds", "inventory_reservations_total"),
    *("inventory_reservation_expiry_lag_seconds", "inventory_outbox_oldest_seconds", "inventory_bridge_lag_seconds"),
    *("inventory_bridge_waiting_events", "inventory_admission_limit", "inventory_admission_inflight"),
    *("inventory_admission_shed_total", "db_pool_connections", "inventory_invariant_violations"),
    *("temporal_workflow_task_schedule_to_start_latency", "temporal_activity_schedule_to_start_latency"),
    *("temporal_worker_task_slots_available", "temporal_worker_task_slots_used", "temporal_sticky_cache_size"),
)


def _samples(metric: MetricWrapperBase) -> set[str]:
    """The names under which a metric appears on /metrics."""
    (family,) = metric.describe()
    endings = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}
    return {family.name + ending for ending in endings[family.type]}


OURS = {
    sample: metric
    for metric in vars(metrics).values()
    if isinstance(metric, MetricWrapperBase)
    for sample in _samples(metric)
}


@pytest.fixture(scope="module")
def sdk() -> bytes:
    """The Temporal SDK's engine, which holds the names of all its metrics."""
    (engine,) = Path(temporalio.bridge.__path__[0]).glob("temporal_sdk_bridge*")
    return engine.read_bytes()


def _known(sample: str, sdk: bytes) -> bool:
    if sample in OURS:
        return True
    name = re.sub(r"_(bucket|count|sum|total)$", "", sample.removeprefix("temporal_"))
    return sample.startswith("temporal_") and name.encode() in sdk


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_query_of_the_dashboard_asks_for_metrics_that_exist(expression: str, sdk: bytes) -> None:
    samples = SAMPLE.findall(expression)
    assert samples
    assert [sample for sample in samples if not _known(sample, sdk)] == []


@pytest.mark.parametrize("expression", [e for e in EXPRESSIONS if "temporal_" not in e])
def test_a_query_of_the_dashboard_uses_labels_that_its_metrics_have(expression: str) -> None:
    grouped = [label for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(", ")]
    used = {*grouped, *re.findall(r"[{,](\w+)=", expression)}
    for sample in SAMPLE.findall(expression):
        assert used <= {*OURS[sample]._labelnames, *OF_PROMETHEUS}


def test_a_metric_that_does_not_exist_would_be_noticed(sdk: bytes) -> None:
    assert not _known("inventory_reservations", sdk)
    assert not _known("temporal_no_such_thing_total", sdk)


def test_the_dashboard_shows_what_an_operator_asks_for() -> None:
    shown = " ".join(EXPRESSIONS)
    assert [name for name in SHOWN if name not in shown] == []
    for histogram in ("http_server_request_duration_seconds", "rpc_server_call_duration_seconds"):
        for quantile in (0.5, 0.95, 0.99):
            assert f"histogram_quantile({quantile}, sum by (le) (rate({histogram}_bucket" in shown


def test_every_panel_is_named_explained_and_reads_from_a_provisioned_source() -> None:
    sources = read_yaml(DEPLOY / "grafana/provisioning/datasources/holdfast.yml")["datasources"]
    uids = {source["uid"]: source["type"] for source in sources}
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"]
        assert uids[panel["datasource"]["uid"]] == panel["datasource"]["type"]
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(numbers) == len(set(numbers))


def test_no_panel_lies_over_another() -> None:
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert {x for x, _ in cells} == set(range(24))


def test_grafana_finds_the_dashboard_and_its_sources() -> None:
    grafana = SERVICES["grafana"]
    mounted = dict(volume.split(":")[:2] for volume in grafana["volumes"])
    (provider,) = read_yaml(DEPLOY / "grafana/provisioning/dashboards/holdfast.yml")["providers"]
    directory = mounted["./deploy/grafana/dashboards"]
    assert provider["options"]["path"] == directory
    assert grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == f"{directory}/holdfast.json"
    for source in read_yaml(DEPLOY / "grafana/provisioning/datasources/holdfast.yml")["datasources"]:
        assert source["url"].removeprefix("http://").split(":")[0] in SERVICES


def test_prometheus_reads_every_process_and_the_temporal_server() -> None:
    jobs = read_yaml(DEPLOY / "prometheus.yml")["scrape_configs"]
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in jobs}
    port = SERVICES["temporal"]["environment"]["PROMETHEUS_ENDPOINT"].rpartition(":")[2]
    assert targets == {
        "holdfast": [f"{name}:{SERVICES[name]['environment']['PROMETHEUS_PORT']}" for name in NAMES],
        "temporal": [f"temporal:{port}"],
    }


def test_the_collector_takes_what_we_send_and_passes_it_on() -> None:
    collector = read_yaml(DEPLOY / "otel-collector.yaml")
    pipelines = collector["service"]["pipelines"]
    for pipeline in pipelines.values():
        for kind in ("receivers", "processors", "exporters"):
            assert set(pipeline[kind]) <= collector[kind].keys()
    endpoint = SERVICES["serve"]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"]
    listening = collector["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"]
    assert endpoint.rpartition(":")[2] == listening.rpartition(":")[2]
    assert collector["exporters"]["otlp_grpc/jaeger"]["endpoint"].split(":")[0] in SERVICES
