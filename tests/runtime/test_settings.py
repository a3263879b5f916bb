from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from runtime.settings import Settings, load_settings
from tests.runtime.conftest import use_file

OF_THE_SPECIFICATION: list[tuple[str, str, str, Any]] = [
    ("APP_ENV", "test", "app_env", "test"),
    ("APP_PORT", "18080", "app_port", 18080),
    ("GRPC_PORT", "19090", "grpc_port", 19090),
    ("DB_HOST", "postgres", "db_host", "postgres"),
    ("DB_PORT", "15432", "db_port", 15432),
    ("DB_NAME", "stock", "db_name", "stock"),
    ("DB_USER", "keeper", "db_user", "keeper"),
    ("DB_PASSWORD", "secret", "db_password", "secret"),
    ("DB_MAX_OPEN_CONNS", "42", "db_max_open_conns", 42),
    ("DB_MAX_IDLE_CONNS", "7", "db_max_idle_conns", 7),
    ("REDIS_HOST", "redis", "redis_host", "redis"),
    ("REDIS_PORT", "16379", "redis_port", 16379),
    ("REDIS_PASSWORD", "secret", "redis_password", "secret"),
    ("REDIS_DB", "3", "redis_db", 3),
    ("KAFKA_BROKERS", "kafka-1:9092, kafka-2:9092", "kafka_brokers", ("kafka-1:9092", "kafka-2:9092")),
    ("KAFKA_GROUP_ID", "warehouse", "kafka_group_id", "warehouse"),
    ("KAFKA_TOPIC_INVENTORY_EVENTS", "stock.events", "kafka_topic_inventory_events", "stock.events"),
    ("KAFKA_TOPIC_ORDER_EVENTS", "shop.orders", "kafka_topic_order_events", "shop.orders"),
    ("JAEGER_ENDPOINT", "http://jaeger:14268/api/traces", "otlp_endpoint", "http://jaeger:4317"),
    ("PROMETHEUS_PORT", "19091", "prometheus_port", 19091),
    ("LOG_LEVEL", "WARNING", "log_level", "warning"),
]

pytestmark = pytest.mark.usefixtures("bare_environment")


@pytest.mark.parametrize(("name", "value", "attribute", "expected"), OF_THE_SPECIFICATION)
def test_every_variable_of_the_specification_is_read(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, attribute: str, expected: Any
) -> None:
    assert read(load_settings(), attribute) != expected
    monkeypatch.setenv(name, value)
    assert read(load_settings(), attribute) == expected


def test_a_value_of_money_is_read_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().adjustment_approval_value is None
    monkeypatch.setenv("ADJUSTMENT_APPROVAL_VALUE", "250.10")
    assert load_settings().adjustment_approval_value == Decimal("250.10")


def test_the_environment_wins_over_the_file_and_the_file_over_the_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_file(monkeypatch, tmp_path, "APP_PORT: 1001\ngrpc_port: 1002\n")
    monkeypatch.setenv("APP_PORT", "2001")
    settings = load_settings(grpc_port=3002, prometheus_port=3003)
    assert (settings.app_port, settings.grpc_port, settings.prometheus_port) == (2001, 1002, 3003)


def test_the_file_may_hold_lists_as_yaml_or_as_text(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_file(monkeypatch, tmp_path, "kafka_brokers: [a:1, b:2]\n")
    assert load_settings().kafka_brokers == ("a:1", "b:2")
    use_file(monkeypatch, tmp_path, "kafka_brokers: a:1,b:2\n")
    assert load_settings().kafka_brokers == ("a:1", "b:2")


def test_an_otlp_endpoint_wins_over_jaegers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAEGER_ENDPOINT", "http://jaeger:14268/api/traces")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:443")
    assert load_settings().otlp_endpoint == "https://collector:443"


def test_without_an_endpoint_traces_go_nowhere() -> None:
    assert load_settings().otlp_endpoint == ""


def test_secrets_do_not_show_when_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DB_PASSWORD", "REDIS_PASSWORD", "JWT_SECRET", "TEMPORAL_API_KEY", "TEMPORAL_TLS_CLIENT_KEY_DATA"):
        monkeypatch.setenv(name, "do-not-show-this")
    monkeypatch.setenv("TEMPORAL_TLS_CLIENT_CERT_DATA", "may be shown")
    assert "do-not-show-this" not in repr(load_settings())


def test_settings_do_not_change_once_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().app_port = 1


def read(settings: Settings, attribute: str) -> Any:
    value = getattr(settings, attribute)
    return value.get_secret_value() if hasattr(value, "get_secret_value") else value
