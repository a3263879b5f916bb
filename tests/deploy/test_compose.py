from __future__ import annotations

import re
from typing import Any

import pytest
from check_jsonschema.builtin_schemas import get_builtin_schema  # type: ignore[import-untyped]
from jsonschema.validators import validator_for

from holdfast.__main__ import app
from holdfast.processes import NAMES
from runtime.settings import Settings, load_settings
from tests.deploy.files import COMPOSE, OURS, ROOT, SERVICES
from tests.runtime.test_settings import OF_THE_SPECIFICATION

HEALTHY, COMPLETED = "service_healthy", "service_completed_successfully"


def _settings_of(name: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for variable, value in SERVICES[name]["environment"].items():
        monkeypatch.setenv(variable, str(value))
    return load_settings()


def _dependencies(service: dict[str, Any]) -> dict[str, str]:
    named = service.get("depends_on", {})
    return {name: named[name]["condition"] if isinstance(named, dict) else "service_started" for name in named}


def test_the_file_is_one_that_compose_accepts() -> None:
    schema: Any = get_builtin_schema("vendor.compose-spec")
    assert [error.message for error in validator_for(schema)(schema).iter_errors(COMPOSE)] == []


def test_every_process_and_the_migration_run_as_commands_that_exist() -> None:
    known = {command.callback.__name__ for command in app.registered_commands if command.callback}
    commands = {name: SERVICES[name]["command"] for name in OURS}
    assert commands == {name: [name] for name in ("migrate", *NAMES)}
    assert known.issuperset(commands)


@pytest.mark.parametrize("name", OURS)
def test_only_settings_are_passed_and_they_are_valid(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = SERVICES[name]["environment"]
    assert {variable for variable in variables if variable.lower() not in Settings.model_fields} == set()
    settings = _settings_of(name, monkeypatch)
    assert (settings.app_host, settings.db_host) == ("0.0.0.0", "postgres")


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_of_the_specification_is_passed(name: str) -> None:
    assert {variable for variable, *_ in OF_THE_SPECIFICATION} - SERVICES[name]["environment"].keys() == set()


def test_the_addresses_that_are_passed_are_services_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _settings_of("serve", monkeypatch)
    kafka, temporal_ui = SERVICES["kafka"]["environment"], SERVICES["temporal-ui"]
    assert settings.temporal_address == temporal_ui["environment"]["TEMPORAL_ADDRESS"]
    assert f"INTERNAL://{settings.kafka_brokers[0]}" in kafka["KAFKA_ADVERTISED_LISTENERS"].split(",")
    assert temporal_ui["ports"] == [f"{settings.temporal_ui_url.removeprefix('http://')}:8080"]
    addresses = (settings.temporal_address, *settings.kafka_brokers)
    hosts = {settings.db_host, settings.redis_host, *(address.partition(":")[0] for address in addresses)}
    assert hosts <= SERVICES.keys()


def test_traces_go_to_the_collector_and_without_it_to_jaeger(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _settings_of("serve", monkeypatch).otlp_endpoint == "http://otel-collector:4317"
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT")
    assert load_settings().otlp_endpoint == "http://jaeger:4317"
    assert {"otel-collector", "jaeger"} <= SERVICES.keys()


def test_passwords_agree_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _settings_of("serve", monkeypatch)
    roles = dict(re.findall(r"CREATE ROLE (\w+) .*PASSWORD '(\w+)'", (ROOT / "deploy/postgres/roles.sql").read_text()))
    schema, server = SERVICES["temporal-schema"]["environment"], SERVICES["temporal"]["environment"]
    assert roles[settings.db_user] == settings.db_password.get_secret_value()
    assert roles[schema["SQL_USER"]] == schema["SQL_PASSWORD"]
    assert roles[server["POSTGRES_USER"]] == server["POSTGRES_PWD"]
    redis = SERVICES["redis"]
    assert f"--requirepass {settings.redis_password.get_secret_value()} " in redis["command"]
    assert redis["environment"]["REDISCLI_AUTH"] == settings.redis_password.get_secret_value()


def test_every_port_is_published_to_this_machine_only_and_once() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert [port for port in published if not re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)] == []
    numbers = [port.split(":")[1] for port in published]
    assert len(numbers) == len(set(numbers))


def test_every_image_is_pinned_to_a_release() -> None:
    images = {name: service["image"] for name, service in SERVICES.items() if name not in OURS}
    assert {n: i for n, i in images.items() if not re.fullmatch(r"[a-z/-]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)?", i)} == {}


def test_what_is_mounted_exists() -> None:
    for name, service in SERVICES.items():
        for source in (volume.split(":")[0] for volume in service.get("volumes", [])):
            assert (ROOT / source).exists() if source.startswith("./") else source in COMPOSE["volumes"], (name, source)


def test_who_waits_for_another_waits_for_what_it_can_become() -> None:
    for name, service in SERVICES.items():
        for other, condition in _dependencies(service).items():
            target = SERVICES[other]
            ends = target.get("restart", "no") == "no"
            assert condition != HEALTHY or "test" in target["healthcheck"], (name, other)
            assert (condition == COMPLETED) == ends, (name, other)


def test_a_process_starts_when_its_servers_are_ready_and_the_schema_is_there() -> None:
    for name in NAMES:
        assert _dependencies(SERVICES[name]) == {
            "migrate": COMPLETED,
            "temporal-namespace": COMPLETED,
            "kafka": HEALTHY,
            "redis": HEALTHY,
        }


def test_a_process_is_probed_where_it_answers_and_given_time_to_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        settings = _settings_of(name, monkeypatch)
        address = f"http://127.0.0.1:{settings.prometheus_port}/health/ready"
        assert address in SERVICES[name]["healthcheck"]["test"][-1]
        assert int(SERVICES[name]["stop_grace_period"].rstrip("s")) >= settings.shutdown_grace_seconds + 15
