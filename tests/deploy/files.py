"""The files of a deployment, read once: what the tests of this folder look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


COMPOSE: dict[str, Any] = read_yaml(ROOT / "temporal-dev.yml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = tuple(name for name, service in SERVICES.items() if "build" in service)
