"""Settings with which nobody starts, and what the person who set them is told: everything, at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.settings import DEVELOPMENT_SECRET, SettingsError, load_settings
from tests.runtime.conftest import use_file

FIT_FOR_PRODUCTION = {
    "APP_ENV": "production",
    "JWT_SECRET": "a secret of our own, long enough",
    "DB_PASSWORD": "a password of our own",
}


def both_of(what: str) -> dict[str, str]:
    """A file and its content at once, for the TLS towards Temporal."""
    return {f"TEMPORAL_TLS_{what}_PATH": "it.pem", f"TEMPORAL_TLS_{what}_DATA": "it"}


pytestmark = pytest.mark.usefixtures("bare_environment")


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


def test_wrong_values_wrong_pairs_and_wrong_names_are_reported_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_file(monkeypatch, tmp_path, "app_prot: 8080\ndb_max_idle_conns: 500\nredis_port: cache\n")
    for name, value in {"APP_PORT": "abc", "APP_ENV": "production", "KAFKA_SASL_MECHANISM": "PLAIN"}.items():
        monkeypatch.setenv(name, value)
    beginnings = ["CONFIG_FILE", "APP_PORT:", "REDIS_PORT:", "JWT_SECRET must", "DB_PASSWORD must"]
    beginnings += ["KAFKA_SECURITY_PROTOCOL=PLAINTEXT uses none", "DB_MAX_IDLE_CONNS must"]
    problems = told()
    assert [[said for said in problems if said.startswith(words)] for words in beginnings] == [[it] for it in problems]


@pytest.mark.parametrize(
    ("environment", "wrong"),
    [
        ({"DB_MAX_IDLE_CONNS": "500", "DB_MAX_OPEN_CONNS": "many"}, "DB_MAX_OPEN_CONNS"),
        ({"KAFKA_SASL_MECHANISM": "GSSAPI", "KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, "KAFKA_SASL_MECHANISM"),
        ({"APPROVAL_ESCALATE_SECONDS": "soon", "APPROVAL_LAPSE_SECONDS": "1"}, "APPROVAL_ESCALATE_SECONDS"),
        ({**FIT_FOR_PRODUCTION, "JWT_SECRET": "", "APP_ENV": "producton"}, "APP_ENV"),
    ],
)
def test_nothing_is_said_of_others_beside_a_setting_that_is_wrong(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], wrong: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert [problem.split(":")[0] for problem in told()] == [wrong]


def test_what_a_file_that_cannot_be_read_may_set_is_not_called_wrong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CONFIG_FILE", str(tmp_path / "nowhere.yaml"))
    for name, value in {"APP_PORT": "abc", "APP_ENV": "production"}.items():
        monkeypatch.setenv(name, value)
    assert [problem.split()[0] for problem in told()] == ["CONFIG_FILE", "APP_PORT:"]


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"DB_MAX_OPEN_CONNS": "5", "DB_MAX_IDLE_CONNS": "6"}, "DB_MAX_IDLE_CONNS must not exceed"),
        ({"RESERVATION_HOLD_SECONDS": "60", "RESERVATION_HOLD_SECONDS_MAX": "30"}, "RESERVATION_HOLD_SECONDS must not"),
        ({"TEMPORAL_TLS_CLIENT_CERT_PATH": "client.pem"}, "together with TEMPORAL_TLS_CLIENT_KEY_PATH or TEMPORAL_TLS"),
        ({"TEMPORAL_TLS_CLIENT_KEY_DATA": "key"}, "TEMPORAL_TLS_CLIENT_CERT_DATA goes together with TEMPORAL_TLS_CLI"),
        (both_of("SERVER_CA_CERT"), "_SERVER_CA_CERT_PATH and TEMPORAL_TLS_SERVER_CA_CERT_DATA say the same thing twi"),
        (both_of("CLIENT_CERT"), "_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_CERT_DATA say the same thing twice"),
        (both_of("CLIENT_KEY"), "_CLIENT_KEY_PATH and TEMPORAL_TLS_CLIENT_KEY_DATA say the same thing twice: set one"),
        ({"TEMPORAL_TLS_DISABLE_HOST_VERIFICATION": "1"}, "_VERIFICATION: Temporal's SDK for Python always verifies"),
        ({"KAFKA_BROKERS": " , "}, "KAFKA_BROKERS names no broker"),
        ({"KAFKA_TOPIC_ORDER_EVENTS": "inventory.events"}, "must be three topics"),
        ({"JWT_JWKS_URL": "file:///etc/keys"}, "JWT_JWKS_URL must be http or https"),
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, "=SASL_SSL needs all of KAFKA_SASL_MECHANISM, KAFKA_SASL_USER"),
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
    assert [problem.split()[0] for problem in told()] == ["JWT_SECRET", "DB_PASSWORD"]


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


def told() -> list[str]:
    """What is said of the settings, which are wrong."""
    with pytest.raises(SettingsError) as raised:
        load_settings()
    return raised.value.problems
