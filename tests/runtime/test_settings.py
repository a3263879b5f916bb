from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from runtime.settings import DEVELOPMENT_SECRET, Settings, SettingsError, load_settings

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

FIT_FOR_PRODUCTION = {
    "APP_ENV": "production",
    "JWT_SECRET": "a secret of our own, long enough",
    "DB_PASSWORD": "a password of our own",
}

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


def test_every_wrong_variable_is_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {
        "APP_ENV": "staging",
        "APP_PORT": "http",
        "DB_PORT": "65536",
        "DB_MAX_OPEN_CONNS": "0",
        "REDIS_DB": "-1",
        "LOG_LEVEL": "chatty",
        "KAFKA_GROUP_ID": "",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert {problem.split(":")[0] for problem in raised.value.problems} == set(wrong)
    assert all(name in str(raised.value) for name in wrong)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"DB_MAX_OPEN_CONNS": "5", "DB_MAX_IDLE_CONNS": "6"}, "DB_MAX_IDLE_CONNS must not exceed"),
        ({"RESERVATION_HOLD_SECONDS": "60", "RESERVATION_HOLD_SECONDS_MAX": "30"}, "RESERVATION_HOLD_SECONDS must not"),
        ({"TEMPORAL_TLS_CLIENT_CERT_PATH": "client.pem"}, "TEMPORAL_TLS_CLIENT_KEY_PATH go together"),
        ({"KAFKA_BROKERS": " , "}, "KAFKA_BROKERS names no broker"),
        ({"KAFKA_TOPIC_ORDER_EVENTS": "inventory.events"}, "must be three topics"),
        ({"JWT_JWKS_URL": "file:///etc/keys"}, "JWT_JWKS_URL must be http or https"),
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, "=SASL_SSL needs all of KAFKA_SASL_MECHANISM, _USERNAME and"),
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "KAFKA_SASL_USERNAME": "us"}, "=SASL_PLAINTEXT needs all of"),
        ({"KAFKA_SASL_PASSWORD": "secret"}, "=PLAINTEXT uses none of KAFKA_SASL_MECHANISM"),
        ({"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SASL_MECHANISM": "PLAIN"}, "=SSL uses none of"),
        ({"KAFKA_SSL_CAFILE": __file__}, "=PLAINTEXT uses no KAFKA_SSL_CAFILE"),
        ({"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CAFILE": "/no/ca.pem"}, "KAFKA_SSL_CAFILE: Path does not"),
        ({"KAFKA_SASL_MECHANISM": "GSSAPI"}, "KAFKA_SASL_MECHANISM: Input should be"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], said: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=said):
        load_settings()


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment in which production starts."""
    for name, value in FIT_FOR_PRODUCTION.items():
        monkeypatch.setenv(name, value)
    assert load_settings().app_env == "production"
    return monkeypatch


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWT_SECRET", ""),
        ("JWT_SECRET", "short"),
        ("JWT_SECRET", DEVELOPMENT_SECRET),
        ("JWT_JWKS_URL", "http://login.example/keys"),
        ("DB_PASSWORD", ""),
        ("DB_PASSWORD", "development"),
        ("FAILPOINTS", "after_delivery=kill"),
    ],
)
def test_production_refuses_what_is_only_good_for_trying_out(
    production: pytest.MonkeyPatch, name: str, value: str
) -> None:
    production.setenv(name, value)
    with pytest.raises(SettingsError, match=name) as refused:
        load_settings()
    assert not value or value not in str(refused.value)
    production.setenv("APP_ENV", "development")
    assert load_settings().app_env == "development"


def test_production_tells_everything_unsafe_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_ENV", "production")
    with pytest.raises(SettingsError, match=r"JWT_SECRET.*DB_PASSWORD"):
        load_settings()


@pytest.mark.parametrize("url", ["https://login.example/keys", "http://127.0.0.1:8081/keys", "http://[::1]/keys"])
def test_production_takes_a_key_set_that_nobody_can_change_on_its_way(production: pytest.MonkeyPatch, url: str) -> None:
    production.delenv("JWT_SECRET")
    production.setenv("JWT_JWKS_URL", url)
    assert load_settings().jwt_jwks_url == url


def test_a_database_behind_a_socket_needs_no_password(production: pytest.MonkeyPatch) -> None:
    production.delenv("DB_PASSWORD")
    production.setenv("DB_HOST", "/run/postgresql")
    assert load_settings().db_host == "/run/postgresql"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REQUEST_TIMEOUT_SECONDS", "inf"),
        ("SHUTDOWN_GRACE_SECONDS", "inf"),
        ("SWEEP_GRACE_SECONDS", "nan"),
        ("REQUEST_TIMEOUT_SECONDS", "301"),
        ("REQUEST_BODY_BYTES_MAX", "16777217"),
        ("JWT_ISSUER", ""),
        ("JWT_AUDIENCE", ""),
    ],
)
def test_a_limit_that_limits_nothing_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name):
        load_settings()


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


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("app_prot: 8080\nlog_levle: info", "app_prot.*\n.*log_levle"),
        ("- 8080", "must hold settings as NAME: value"),
        ("app_port: [", "cannot be read"),
        ("app_port: http", "APP_PORT"),
    ],
)
def test_a_wrong_file_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str, said: str) -> None:
    use_file(monkeypatch, tmp_path, content)
    with pytest.raises(SettingsError, match=said):
        load_settings()


def test_a_missing_file_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CONFIG_FILE", str(tmp_path / "nowhere.yaml"))
    with pytest.raises(SettingsError, match=r"nowhere\.yaml cannot be read"):
        load_settings()


def test_an_otlp_endpoint_wins_over_jaegers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAEGER_ENDPOINT", "http://jaeger:14268/api/traces")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:443")
    assert load_settings().otlp_endpoint == "https://collector:443"


def test_without_an_endpoint_traces_go_nowhere() -> None:
    assert load_settings().otlp_endpoint == ""


def test_secrets_do_not_show_when_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DB_PASSWORD", "REDIS_PASSWORD", "JWT_SECRET", "TEMPORAL_API_KEY"):
        monkeypatch.setenv(name, "do-not-show-this")
    assert "do-not-show-this" not in repr(load_settings())


def test_settings_do_not_change_once_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().app_port = 1


def read(settings: Settings, attribute: str) -> Any:
    value = getattr(settings, attribute)
    return value.get_secret_value() if hasattr(value, "get_secret_value") else value


def use_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(content, "utf-8")
    monkeypatch.setenv("CONFIG_FILE", str(path))
