"""`holdfast up` as a process of its own, and all that a stranger can learn of it: output, stack.json, commands."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from tests.stack.conftest import wait_until_ended
from tests.stocking import NO_SCHEDULED_RESTOCK

ROOT = Path(__file__).parents[2]
LAST_LINE = "Everything is up"

COMMAND = os.environ.get("HOLDFAST_UP", "holdfast up").split()
"""What runs the service, after `python -m`: another command that behaves like ours is put to the same tests."""


class Up:
    """A running stack with the service on it, in `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.said: list[str] = []
        self.process = self._start()

    def start_again(self) -> None:
        """Start another where the last one was stopped."""
        self.process = self._start()

    def facts(self) -> dict[str, Any]:
        """What stack.json says at this moment."""
        return dict(json.loads((self.directory / "stack.json").read_text("utf-8")))

    def pid(self, name: str) -> int | None:
        """The process id of a process of ours or of a server, None while it is down."""
        facts = self.facts()
        return {**facts["pids"], **facts["parts"]}.get(name)

    def kill(self, name: str) -> int:
        """kill −9; answers the process id that was killed."""
        pid = self.pid(name)
        assert pid is not None, f"{name} does not run"
        os.kill(pid, signal.SIGKILL)
        return pid

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command of ours beside it."""
        command = [sys.executable, "-m", "holdfast", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    async def doctor(self) -> dict[str, Any]:
        """What `holdfast doctor` finds."""
        answer = await asyncio.to_thread(self.command, "doctor", "--json", "--directory", str(self.directory))
        return dict(json.loads(answer.stdout))

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to stop, wait until it and all its relatives have ended; answers its exit code."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(number)
        said, _ = self.process.communicate()
        self.said.append(said)
        wait_until_ended(*family)
        return self.process.returncode

    def _start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", *COMMAND, "--directory", str(self.directory)],
            cwd=ROOT,
            env={**os.environ, "APP_PORT": "0", "GRPC_PORT": "0", "PROMETHEUS_PORT": "0", **NO_SCHEDULED_RESTOCK},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        for line in process.stdout:
            self.said.append(line)
            if LAST_LINE in line:
                return process
        raise AssertionError(f"`{' '.join(COMMAND)}` ended before everything was up:\n{''.join(self.said)}")
