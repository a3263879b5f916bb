"""The manifests fit together and fit the code: settings that we read, ports and probes that we serve, budgets."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from gateway.leaving import LISTENING_SECONDS_MAX
from holdfast.processes import NAMES
from runtime.settings import Settings, load_settings
from tests.deploy.files import DEPLOY, read_yaml
from tests.deploy.test_observability import EXPRESSIONS, OF_PROMETHEUS, OURS, SAMPLE, _known, sdk

__all__ = ["sdk"]

KUBERNETES = DEPLOY / "kubernetes"
LISTED = read_yaml(KUBERNETES / "kustomization.yaml")["resources"]
DOCUMENTS: list[dict[str, Any]] = [
    document for name in LISTED for document in yaml.safe_load_all((KUBERNETES / name).read_text("utf-8"))
]
DEPLOYMENTS = {document["metadata"]["name"]: document for document in DOCUMENTS if document["kind"] == "Deployment"}
SCALED = {
    document["spec"]["scaleTargetRef"]["name"]: document["spec"]["minReplicaCount"]
    for document in DOCUMENTS
    if document["kind"] == "ScaledObject"
}
"""How many pods at least of what KEDA scales."""
SETTINGS = read_yaml(KUBERNETES / "settings.yaml")["data"]
SECRETS = read_yaml(KUBERNETES / "secret.example.yaml")["stringData"]
RULES = read_yaml(DEPLOY / "alerts.yml")["groups"][0]["rules"]
QUERIES = [
    trigger["metadata"]["query"]
    for document in DOCUMENTS
    if document["kind"] == "ScaledObject"
    for trigger in document["spec"]["triggers"]
    if trigger["type"] == "prometheus"
]


def _container(name: str) -> dict[str, Any]:
    (container,) = DEPLOYMENTS[f"holdfast-{name}"]["spec"]["template"]["spec"]["containers"]
    return container  # type: ignore[no-any-return]


def test_every_process_of_ours_is_deployed_more_than_once() -> None:
    assert set(DEPLOYMENTS) == {f"holdfast-{name}" for name in NAMES}
    least = {name: deployment["spec"].get("replicas") for name, deployment in DEPLOYMENTS.items()} | SCALED
    assert all(number >= 2 for number in least.values()), least
    assert {name: _container(name)["args"] for name in NAMES} == {name: [name] for name in NAMES}


def test_no_apply_resets_what_was_scaled() -> None:
    assert SCALED
    assert [name for name in SCALED if "replicas" in DEPLOYMENTS[name]["spec"]] == []


def test_a_finished_migration_is_not_in_the_way_of_the_next_release() -> None:
    (job,) = [document for document in DOCUMENTS if document["kind"] == "Job"]
    assert job["spec"]["ttlSecondsAfterFinished"] <= 60, "the template of a Job cannot be changed"


def test_every_file_is_applied_but_the_example() -> None:
    files = {path.name for path in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}
    assert files - set(LISTED) == {"secret.example.yaml"}


def test_what_they_are_told_is_what_we_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**SETTINGS, **SECRETS, "JWT_SECRET": "x" * 32, "DB_PASSWORD": "y"}.items():
        assert name.lower() in Settings.model_fields
        monkeypatch.setenv(name, value)
    assert load_settings().app_env == "production"


def test_ports_and_probes_are_the_ones_that_we_serve() -> None:
    for name in NAMES:
        container = _container(name)
        ports = {port["name"]: str(port["containerPort"]) for port in container["ports"]}
        wanted = {"metrics": "PROMETHEUS_PORT"} | ({"http": "APP_PORT", "grpc": "GRPC_PORT"} if name == "serve" else {})
        assert ports == {port: SETTINGS[setting] for port, setting in wanted.items()}
        probes = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
        assert all(probe["port"] in ports for probe in probes.values())
        assert (probes["liveness"]["path"], probes["readiness"]["path"]) == ("/health/live", "/health/ready")


def test_a_drain_ends_before_the_kill() -> None:
    told = Settings(**{name.lower(): value for name, value in SETTINGS.items() if name.startswith("SHUTDOWN_")})
    assert told.shutdown_drain_seconds >= 4 * LISTENING_SECONDS_MAX
    for name in NAMES:
        grace = DEPLOYMENTS[f"holdfast-{name}"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        drain = told.shutdown_drain_seconds if name == "serve" else 0
        assert grace > drain + told.shutdown_grace_seconds + 10


def test_a_new_pod_is_ready_before_an_old_one_is_told_to_stop() -> None:
    for deployment in DEPLOYMENTS.values():
        assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_nothing_runs_as_root_or_writes_outside_tmp() -> None:
    pods = [document["spec"]["template"]["spec"] for document in DOCUMENTS if document["kind"] in {"Deployment", "Job"}]
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"]
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert not container["securityContext"]["allowPrivilegeEscalation"]
            assert container["resources"]["limits"]["memory"]


def test_budgets_services_and_scalers_point_at_what_is_there() -> None:
    labels = {
        deployment["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"]
        for deployment in DEPLOYMENTS.values()
    }
    budgets = []
    for document in DOCUMENTS:
        if document["kind"] == "PodDisruptionBudget":
            budgets.append(document["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"])
        if document["kind"] == "Service":
            assert document["spec"]["selector"]["app.kubernetes.io/name"] in labels
    assert set(budgets) == labels
    assert set(SCALED) <= set(DEPLOYMENTS)


@pytest.mark.parametrize("query", [*QUERIES, *(rule["expr"] for rule in RULES if rule["expr"].find("up{") < 0)])
def test_alerts_and_scalers_ask_for_metrics_that_exist(query: str, sdk: bytes) -> None:
    samples = SAMPLE.findall(query)
    assert samples
    assert [sample for sample in samples if not _known(sample, sdk)] == []
    if not any(sample.startswith("temporal_") for sample in samples):
        used = set(re.findall(r"[{,](\w+)=", query)) | {
            label for group in re.findall(r"by \(([^)]*)\)", query) for label in group.split(", ")
        }
        assert used <= {label for sample in samples for label in OURS[sample]._labelnames} | OF_PROMETHEUS


def test_saturation_age_lag_and_violations_are_shown_and_wake_somebody_up() -> None:
    shown, alerted = " ".join(EXPRESSIONS), " ".join(rule["expr"] for rule in RULES)
    for metric in (
        "inventory_reservation_expiry_lag_seconds",
        "inventory_admission_shed_total",
        "temporal_worker_task_slots_available",
        "inventory_outbox_oldest_seconds",
        "inventory_invariant_violations",
    ):
        assert metric in shown, metric
        assert metric in alerted, metric


def test_processes_grow_by_the_slots_in_use_and_the_age_of_the_outbox() -> None:
    asked = " ".join(QUERIES)
    assert "temporal_worker_task_slots_used" in asked
    assert "inventory_outbox_oldest_seconds" in asked


def test_what_is_the_same_for_any_number_of_pods_is_no_average_of_them() -> None:
    for document in DOCUMENTS:
        for trigger in document["spec"]["triggers"] if document["kind"] == "ScaledObject" else ():
            is_sum_over_pods = trigger["metadata"].get("query", "").startswith("sum(rate(")
            is_share_or_time = trigger["type"] == "prometheus" and not is_sum_over_pods
            assert (trigger.get("metricType") == "Value") == is_share_or_time, trigger


def test_prometheus_finds_every_pod_and_knows_them_by_the_name_in_the_alerts() -> None:
    (labels,) = read_yaml(KUBERNETES / "kustomization.yaml")["labels"]
    (monitor,) = [document["spec"] for document in DOCUMENTS if document["kind"] == "PodMonitor"]
    assert labels["includeTemplates"], "kustomize labels pods only when told to"
    assert monitor["selector"]["matchLabels"].items() <= labels["pairs"].items()
    job = labels["pairs"][monitor["jobLabel"]]
    assert {name for rule in RULES for name in re.findall(r'job="([^"]+)"', rule["expr"])} == {job}
    for endpoint in monitor["podMetricsEndpoints"]:
        assert all(endpoint["port"] in {port["name"] for port in _container(name)["ports"]} for name in NAMES)


def test_every_alert_says_what_to_do() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"]
        assert len(rule["annotations"]["runbook"]) > 60
