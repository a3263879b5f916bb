"""`python -m tests.replay.record`: play every scenario and store its history, for those not stored yet.

A history that is stored is what workflows of an earlier version left in somebody's Temporal: it is never recorded
again, only replayed. Whoever changes a workflow adds scenarios with new names (or uses patches) and keeps the old ones;
`--again NAME` is for a scenario that was never released.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory

from runtime.lifecycle import exit_process
from tests.replay.scenarios import SCENARIOS, played, recording_server

HISTORIES = Path(__file__).parent / "histories"


def stored(name: str) -> WorkflowHistory:
    """A stored history by the name of its scenario."""
    return WorkflowHistory.from_json(name, (HISTORIES / f"{name}.json").read_text("utf-8"))


async def record(names: list[str]) -> None:
    """Play and store."""
    HISTORIES.mkdir(exist_ok=True)
    async with recording_server() as client:
        for name in names:
            history = without_traces((await played(client, name)).to_json_dict())
            text = json.dumps(history, indent=1, ensure_ascii=False, sort_keys=True)
            (HISTORIES / f"{name}.json").write_text(text + "\n", "utf-8")
            sys.stdout.write(f"recorded {name}\n")


def without_traces(part: Any) -> Any:
    """Stack traces name the paths of one machine."""
    if isinstance(part, dict):
        return {key: without_traces(value) for key, value in part.items() if key != "stackTrace"}
    return [without_traces(value) for value in part] if isinstance(part, list) else part


def _wanted(arguments: list[str]) -> list[str]:
    if arguments[:1] == ["--again"]:
        return arguments[1:]
    return [name for name in SCENARIOS if not (HISTORIES / f"{name}.json").exists()]


if __name__ == "__main__":
    asyncio.run(record(_wanted(sys.argv[1:])))
    exit_process(0)
