"""Commands typed beside `holdfast up` find its stack by themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from holdfast.local_stack import local_addresses
from runtime.settings import Settings, load_settings

FACTS = {
    "api": "http://127.0.0.1:8123",
    "grpc": "127.0.0.1:9123",
    "temporal": "127.0.0.1:7123",
    "temporal_ui": "http://127.0.0.1:8233",
    "namespace": "default",
    "postgres": "postgresql://shop:p%40ss@127.0.0.1:5123/stock",
    "redis": "redis://:secret@127.0.0.1:6123/3",
    "kafka": "127.0.0.1:9292",
}


@pytest.fixture
def stack_file(tmp_path: Path) -> Path:
    path = tmp_path / "stack.json"
    path.write_text(json.dumps(FACTS))
    return path


def test_every_address_of_the_running_stack_becomes_a_setting(stack_file: Path) -> None:
    settings = load_settings(**local_addresses(stack_file, Settings()))
    assert (settings.db_host, settings.db_port, settings.db_name, settings.db_user) == (
        "127.0.0.1",
        5123,
        "stock",
        "shop",
    )
    assert settings.db_password.get_secret_value() == "p@ss"
    assert settings.temporal_address == "127.0.0.1:7123"
    assert settings.kafka_brokers == ("127.0.0.1:9292",)
    assert (settings.redis_port, settings.redis_db, settings.redis_password.get_secret_value()) == (6123, 3, "secret")
    assert (settings.app_port, settings.grpc_port) == (8123, 9123)


def test_a_service_that_the_settings_name_is_not_replaced(stack_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_HOST", "db.example")
    found = local_addresses(stack_file, load_settings())
    assert not any(name.startswith("db_") for name in found)
    assert found["temporal_address"] == "127.0.0.1:7123"


def test_without_a_running_stack_nothing_is_assumed(tmp_path: Path) -> None:
    assert local_addresses(tmp_path / "stack.json", Settings()) == {}
