from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from runtime import metrics
from runtime.metrics import exposition, forget_process
from tests.runtime.conftest import StartChild

OF_THE_CONTRACT = {
    "http_server_request_duration_seconds": {"method", "route", "status"},
    "rpc_server_call_duration_seconds": {"method", "code"},
    "inventory_reservations_total": {"outcome", "source"},
    "inventory_reservation_expiry_lag_seconds": set(),
    "inventory_hold_duration_seconds": set(),
    "inventory_outbox_oldest_seconds": set(),
    "inventory_outbox_events_total": {"type"},
    "inventory_bridge_events_total": {"type", "outcome"},
    "inventory_bridge_lag_seconds": set(),
    "inventory_bridge_waiting_events": set(),
    "inventory_invariant_violations": {"invariant"},
    "inventory_admission_limit": set(),
    "inventory_admission_inflight": set(),
    "inventory_admission_shed_total": set(),
    "inventory_availability_reads_total": {"result"},
    "inventory_sweeps_total": {"outcome"},
    "inventory_swept_reservations_total": set(),
    "inventory_decisions_without_workflow_total": {"decision"},
    "db_pool_connections": {"state"},
}

SERVE = """
    from runtime import metrics
    metrics.RESERVATIONS.labels("held", "rest").inc(5)
    metrics.HOLD_DURATION.observe(0.004)
    metrics.ADMISSION_INFLIGHT.set(3)
    print("counted", flush=True)
    input_never_comes = __import__("threading").Event().wait()
"""
SCRAPE = """
    import sys
    from runtime import metrics
    sys.stdout.buffer.write(metrics.exposition()[0])
"""


@pytest.mark.parametrize(("name", "labels"), OF_THE_CONTRACT.items())
def test_each_metric_has_its_name_and_labels(name: str, labels: set[str]) -> None:
    family = next(
        family
        for family in vars(metrics).values()
        if hasattr(family, "_labelnames") and name in {family._name, f"{family._name}_total"}
    )
    assert set(family._labelnames) == labels
    assert name in exposition()[0].decode()


def test_a_duration_falls_into_buckets_from_a_millisecond_to_ten_seconds() -> None:
    metrics.HOLD_DURATION.observe(0.004)
    bounds = [sample.labels["le"] for sample in samples("inventory_hold_duration_seconds") if "le" in sample.labels]
    assert bounds[0] == "0.001"
    assert bounds[-2:] == ["10.0", "+Inf"]


def test_what_is_counted_shows() -> None:
    before = REGISTRY.get_sample_value("inventory_admission_shed_total") or 0.0
    metrics.ADMISSION_SHED.inc()
    (sample,) = [s for s in samples("inventory_admission_shed") if s.name == "inventory_admission_shed_total"]
    assert sample.value == before + 1


def test_several_processes_answer_as_one(start_child: StartChild, tmp_path: Path) -> None:
    serving = [start_child(SERVE, PROMETHEUS_MULTIPROC_DIR=str(tmp_path)) for _ in range(2)]
    for child in serving:
        assert child.stdout is not None
        assert child.stdout.readline() == "counted\n"

    assert scrape(start_child, tmp_path) == {"reservations": 10.0, "holds": 2.0, "inflight": 6.0}

    os.kill(serving[0].pid, signal.SIGKILL)
    serving[0].wait()
    forget_process(tmp_path, serving[0].pid)
    assert scrape(start_child, tmp_path) == {"reservations": 10.0, "holds": 2.0, "inflight": 3.0}


def test_a_process_that_ends_in_order_leaves_the_shared_gauges(start_child: StartChild, tmp_path: Path) -> None:
    code = """
        from runtime import metrics
        from runtime.lifecycle import exit_process
        metrics.configure_metrics()
        metrics.RESERVATIONS.labels("held", "rest").inc(1)
        metrics.HOLD_DURATION.observe(1)
        metrics.ADMISSION_INFLIGHT.set(3)
        exit_process(0)
    """
    start_child(code, PROMETHEUS_MULTIPROC_DIR=str(tmp_path)).communicate(timeout=60)
    assert scrape(start_child, tmp_path) == {"reservations": 1.0, "holds": 1.0, "inflight": 0.0}


def samples(family_name: str) -> list[Sample]:
    families = text_string_to_metric_families(exposition()[0].decode())
    return [sample for family in families if family.name == family_name for sample in family.samples]


def scrape(start_child: StartChild, directory: Path) -> dict[str, float | None]:
    text, _ = start_child(SCRAPE, PROMETHEUS_MULTIPROC_DIR=str(directory)).communicate(timeout=60)
    values = {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.labels or sample.labels == {"outcome": "held", "source": "rest"}
    }
    return {
        "reservations": values.get("inventory_reservations_total"),
        "holds": values.get("inventory_hold_duration_seconds_count"),
        "inflight": values.get("inventory_admission_inflight"),
    }
