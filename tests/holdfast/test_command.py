"""The `holdfast` command as people call it: in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from domain.contracts.reservations import Source
from gateway.auth import Authenticator
from holdfast.__main__ import app
from runtime.settings import Settings

ROOT = Path(__file__).parents[2]
COMMANDS = {
    *("up", "demo", "serve", "worker", "bridge", "relay"),
    *("migrate", "seed", "import", "token", "doctor", "bench", "capacity", "clean"),
}
STEPS = {"waiting", "approve", "reject", "ship", "send", "receive", "resolve", "close", "cancel"}


def _holdfast(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "holdfast", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_command_of_the_contract_exists_and_is_explained() -> None:
    commands = {(it.name or it.callback.__name__) for it in app.registered_commands if it.callback}
    assert commands == COMMANDS | STEPS
    help_text = _holdfast("--help").stdout
    assert all(f" {command} " in help_text for command in COMMANDS | STEPS)


def test_a_command_that_does_not_exist_is_refused() -> None:
    finished = _holdfast("conquer")
    assert finished.returncode == 2
    assert "No such command" in finished.stderr


@pytest.mark.parametrize("command", ["up", "serve", "migrate", "token"])
def test_all_wrong_settings_are_named_at_once_before_anything_starts(command: str) -> None:
    finished = _holdfast(command, APP_PORT="x", LOG_LEVEL="loud")
    assert finished.returncode == 2
    assert "APP_PORT: " in finished.stderr
    assert "LOG_LEVEL: " in finished.stderr
    assert "Traceback" not in finished.stderr


async def test_a_token_carries_the_subject_and_scopes_asked_for() -> None:
    token = _holdfast("token", "--subject", "mia", "--scope", "inventory:read reservations:write").stdout.strip()
    caller = await Authenticator(Settings()).authenticate(
        f"Bearer {token}", source=Source.REST, request_id="test", traceparent=None
    )
    assert caller.subject == "mia"
    assert caller.scopes == {"inventory:read", "reservations:write"}


def test_migrate_brings_the_schema_up_to_date(database: Settings) -> None:
    environment = {
        "DB_HOST": database.db_host,
        "DB_PORT": str(database.db_port),
        "DB_NAME": database.db_name,
        "DB_PASSWORD": database.db_password.get_secret_value(),
    }
    finished = _holdfast("migrate", **environment)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith("The schema is at revision ")


def test_clean_drops_the_data_and_is_content_when_there_is_none(tmp_path: Path) -> None:
    directory = tmp_path / "stack"
    (directory / "cache").mkdir(parents=True)
    for _ in range(2):
        assert _holdfast("clean", "--directory", str(directory)).returncode == 0
        assert not directory.exists()
