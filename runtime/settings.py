"""What a process is told from outside: read once, checked whole, frozen.

The environment is read here and nowhere else. Every variable of the owner's specification keeps its name; the
Temporal ones carry the names of Temporal's own environment configuration. A YAML file named by CONFIG_FILE may
hold the same settings in lower or upper case; the environment wins.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, ModelWrapValidatorHandler, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from domain.limits import TRANSIT_SECONDS_MAX
from domain.restock import RestockMode
from runtime.kafka_settings import KafkaSettings
from runtime.settings_file import read_settings_file
from runtime.temporal_settings import TemporalSettings

DEVELOPMENT_SECRET = "holdfast-development-secret-not-for-production"  # noqa: S105 - refused in production
DEVELOPMENT_PASSWORDS: Final = frozenset({"", "development"})
"""None, and the one that temporal-dev.yml shows to everybody."""

OTLP_PORT = 4317
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

Port = Annotated[int, Field(ge=0, le=65535)]
"""A TCP port; 0 asks for a free one where a server listens."""

Failpoint = Annotated[str, Field(pattern=r"^[a-z0-9_]+=(kill|hang|pause:\d+(\.\d+)?)(@[1-9]\d*)?$")]
"""`name=kill`, `name=hang`, `name=pause:SECONDS`, each with `@PASS` if wanted; see runtime/failpoints.py."""


class SettingsError(Exception):
    """Every wrong setting at once, one line each, in words for the person who set them.

    Some are wrong by themselves (`of_one_setting`), others only together.
    """

    def __init__(self, of_one_setting: Sequence[str], together: Sequence[str] = ()) -> None:
        self.of_one_setting = of_one_setting
        self.problems = [*of_one_setting, *together]
        super().__init__("settings are wrong:\n  " + "\n  ".join(self.problems))


class Settings(KafkaSettings, TemporalSettings):
    """All settings of all processes. Read with `load_settings()`; passed as an argument from there on.

    Raises SettingsError. Words about several settings name each of them in full: they are not said of one that is
    wrong by itself.
    """

    model_config = SettingsConfigDict(frozen=True, case_sensitive=False, extra="ignore", allow_inf_nan=False)

    # Application
    app_env: Literal["development", "test", "production"] = "development"
    app_host: str = "127.0.0.1"
    app_port: Port = 8080
    grpc_port: Port = 9090
    serve_processes: int = Field(default=1, ge=1, le=64)
    serve_child: bool = False
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    build_id: str = Field(default="", max_length=200)
    shutdown_drain_seconds: float = Field(default=0.0, ge=0, le=600)
    shutdown_grace_seconds: float = Field(default=10.0, gt=0)

    # Database
    db_host: str = "127.0.0.1"
    db_port: Port = 5432
    db_name: str = "inventory_service"
    db_user: str = "inventory_service"
    db_password: SecretStr = SecretStr("")
    db_max_open_conns: int = Field(default=100, ge=2, le=10_000)
    db_max_idle_conns: int = Field(default=10, ge=0, le=10_000)

    # Redis
    redis_host: str = "127.0.0.1"
    redis_port: Port = 6379
    redis_password: SecretStr = SecretStr("")
    redis_db: int = Field(default=0, ge=0)

    # Temporal's workers
    worker_max_cached_workflows: int = Field(default=2000, ge=1)
    worker_sticky_timeout_seconds: float = Field(default=2.0, gt=0)

    # Observability
    prometheus_port: Port = 9091
    otel_exporter_otlp_endpoint: str = ""
    jaeger_endpoint: str = ""

    # Who may call
    jwt_secret: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    jwt_jwks_url: str = ""
    jwt_issuer: str = Field(default="holdfast", min_length=1)
    jwt_audience: str = Field(default="inventory-service", min_length=1)

    # Rules of the house
    reservation_hold_seconds: int = Field(default=900, ge=1, le=604_800)
    reservation_hold_seconds_max: int = Field(default=604_800, ge=1, le=604_800)
    reservation_extends_max: int = Field(default=10, ge=0)
    adjustment_approval_threshold: int = Field(default=100, ge=1)
    adjustment_approval_value: Decimal | None = Field(default=None, ge=0)
    approval_remind_seconds: int = Field(default=24 * 3600, ge=1)
    approval_escalate_seconds: int = Field(default=48 * 3600, ge=1)
    approval_lapse_seconds: int = Field(default=7 * 24 * 3600, ge=1)
    transfer_approval_threshold: int = Field(default=500, ge=1)
    transfer_late_seconds: int = Field(default=259_200, ge=1, le=TRANSIT_SECONDS_MAX)
    purchase_over_receipt_percent: int = Field(default=10, ge=0, le=100)
    restock_mode: RestockMode = RestockMode.REVIEW
    restock_every_seconds: int = Field(default=3600, ge=60)
    sweep_grace_seconds: float = Field(default=2.0, ge=0)
    request_timeout_seconds: float = Field(default=10.0, gt=0, le=300)
    request_body_bytes_max: int = Field(default=1_048_576, ge=1024, le=16_777_216)
    admission_in_work_max: int = Field(default=64, ge=1)
    admission_target_seconds: float = Field(default=0.2, gt=0)
    event_wait_seconds: float = Field(default=120.0, gt=0)

    # Chaos tests
    failpoints: Annotated[tuple[Failpoint, ...], NoDecode] = ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment before the file; no .env and no secrets directory. Values given in code come last."""
        return env_settings, init_settings

    @field_validator("kafka_brokers", "failpoints", mode="before")
    @classmethod
    def _split_list(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("log_level", "app_env", "restock_mode", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @model_validator(mode="wrap")
    @classmethod
    def _refuse_what_cannot_work(cls, values: dict[str, Any], handler: ModelWrapValidatorHandler[Settings]) -> Settings:
        """Look at the fields together even if some are wrong, as if nobody had set those."""
        problems: list[str] = []
        wrong: set[str] = set()
        try:
            settings = handler(values)
        except ValidationError as error:
            problems = [_in_words(problem) for problem in error.errors()]
            wrong = {str(problem["loc"][0]) for problem in error.errors()}
            settings = handler({name: value for name, value in values.items() if name not in wrong})
        found = [*settings._unsafe_in_production(), *settings._contradictions()]
        together = [words for words in found if not wrong & set(re.findall(r"\w+", words.lower()))]
        if problems or together:
            raise SettingsError(problems, together)
        return settings

    def _unsafe_in_production(self) -> list[str]:
        if self.app_env != "production":
            return []
        secret, password = self.jwt_secret.get_secret_value(), self.db_password.get_secret_value()
        unsafe = {
            "JWT_SECRET must be set to at least 32 characters of your own in production (or JWT_JWKS_URL)": (
                not self.jwt_jwks_url and (secret == DEVELOPMENT_SECRET or len(secret) < 32)
            ),
            "JWT_JWKS_URL must be https in production: whoever can change the keys on their way is anybody": (
                not _is_safe_on_its_way(self.jwt_jwks_url)
            ),
            "DB_PASSWORD must be set to one of your own in production (a socket, DB_HOST=/path, needs none)": (
                password in DEVELOPMENT_PASSWORDS and not self.db_host.startswith("/")
            ),
            "FAILPOINTS is for chaos tests and refused in production": bool(self.failpoints),
        }
        return [words for words, is_unsafe in unsafe.items() if is_unsafe]

    def _contradictions(self) -> list[str]:
        problems = [*self._kafka_contradictions(), *self._temporal_contradictions()]
        if self.db_max_idle_conns > self.db_max_open_conns:
            problems.append("DB_MAX_IDLE_CONNS must not exceed DB_MAX_OPEN_CONNS")
        if self.reservation_hold_seconds > self.reservation_hold_seconds_max:
            problems.append("RESERVATION_HOLD_SECONDS must not exceed RESERVATION_HOLD_SECONDS_MAX")
        if not self.approval_remind_seconds <= self.approval_escalate_seconds <= self.approval_lapse_seconds:
            problems.append(
                "APPROVAL_REMIND_SECONDS, APPROVAL_ESCALATE_SECONDS and APPROVAL_LAPSE_SECONDS must not grow smaller "
                "in this order"
            )
        if self.jwt_jwks_url and urlsplit(self.jwt_jwks_url).scheme not in {"http", "https"}:
            problems.append("JWT_JWKS_URL must be http or https")
        return problems

    @property
    def stop_seconds_max(self) -> float:
        """How long a process may take to stop: its drain, its grace, and a little for its last words."""
        return self.shutdown_drain_seconds + self.shutdown_grace_seconds + 5

    @property
    def otlp_endpoint(self) -> str:
        """Where traces go: OTLP over gRPC, or empty for nowhere.

        Jaeger's own protocol on port 14268 is gone from the OpenTelemetry SDKs; Jaeger itself speaks OTLP on 4317,
        so JAEGER_ENDPOINT names the host.
        """
        if self.otel_exporter_otlp_endpoint or not self.jaeger_endpoint:
            return self.otel_exporter_otlp_endpoint
        return f"http://{urlsplit(self.jaeger_endpoint).hostname}:{OTLP_PORT}"


def _is_safe_on_its_way(url: str) -> bool:
    """Nothing, over TLS, or not leaving this machine."""
    parts = urlsplit(url)
    return parts.scheme in {"", "https"} or parts.hostname in LOOPBACK


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process: environment, then CONFIG_FILE, then `overrides`, then defaults.

    Raises SettingsError naming every wrong setting at once, wherever it was set.
    """
    file = read_settings_file(os.environ.get("CONFIG_FILE", ""), Settings.model_fields)
    problems = list(file.problems)
    try:
        settings = Settings(**{**overrides, **file.values})
    except SettingsError as error:
        # What a file that nobody could read may set right is not called wrong.
        problems += error.problems if file.is_read else error.of_one_setting
    if problems:
        raise SettingsError(problems)
    return settings


def _in_words(problem: Any) -> str:
    name = "_".join(str(part) for part in problem["loc"]).upper()
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{name}: {message}"
