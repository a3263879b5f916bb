"""Where the service is that should be examined: as the settings say, or where `make up` runs in this directory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from holdfast.stack_file import STACK_FILE
from runtime.settings import Settings


def stack_facts(directory: Path) -> Mapping[str, Any] | None:
    """What stack.json holds; None when nothing runs there."""
    try:
        return dict(json.loads((directory / STACK_FILE).read_text("utf-8")))
    except (OSError, ValueError):
        return None


def settings_of(settings: Settings, facts: Mapping[str, Any]) -> Settings:
    """The settings that reach a running stack. Its stack.json already follows what the environment names."""
    postgres, redis = urlsplit(facts["postgres"]), urlsplit(facts["redis"])
    return settings.model_copy(
        update={
            "db_host": postgres.hostname,
            "db_port": postgres.port,
            "db_user": unquote(postgres.username or ""),
            "db_password": SecretStr(unquote(postgres.password or "")),
            "db_name": unquote(postgres.path.lstrip("/")),
            "redis_host": redis.hostname,
            "redis_port": redis.port,
            "redis_password": SecretStr(unquote(redis.password or "")),
            "redis_db": int(redis.path.lstrip("/") or 0),
            "kafka_brokers": tuple(facts["kafka"].split(",")),
            "temporal_address": facts["temporal"],
            "temporal_namespace": facts["namespace"],
            "temporal_ui_url": facts["temporal_ui"],
        }
    )
