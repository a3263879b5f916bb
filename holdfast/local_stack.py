"""Where the stack is that `holdfast up` runs in this directory, for the commands that are typed beside it.

Only a default: a service that the settings name is never replaced by one of these.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from runtime.settings import Settings


def local_facts(stack_file: Path) -> dict[str, Any]:
    """What a running `holdfast up` says of itself; nothing where none runs."""
    try:
        return dict(json.loads(stack_file.read_text("utf-8")))
    except (OSError, ValueError):
        return {}


def local_addresses(stack_file: Path, settings: Settings) -> dict[str, Any]:
    """Settings that lead to the running stack, without those of services that `settings` name already."""
    facts = local_facts(stack_file)
    if not facts:
        return {}
    groups = {
        "db_host": _postgres(facts["postgres"]),
        "temporal_address": {
            "temporal_address": facts["temporal"],
            "temporal_namespace": facts["namespace"],
            "temporal_ui_url": facts["temporal_ui"],
        },
        "kafka_brokers": {"kafka_brokers": facts["kafka"]},
        "redis_host": _redis(facts["redis"]),
        "app_port": {"app_port": urlsplit(facts["api"]).port, "grpc_port": int(facts["grpc"].rpartition(":")[2])},
    }
    named = settings.model_fields_set
    return {name: value for key, group in groups.items() if key not in named for name, value in group.items()}


def _postgres(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "db_host": parts.hostname,
        "db_port": parts.port,
        "db_name": unquote(parts.path.lstrip("/")),
        "db_user": unquote(parts.username or ""),
        "db_password": unquote(parts.password or ""),
    }


def _redis(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "redis_host": parts.hostname,
        "redis_port": parts.port,
        "redis_password": unquote(parts.password or ""),
        "redis_db": int(parts.path.lstrip("/") or 0),
    }
