"""The four processes of the service as parts to supervise: what to run, on which ports, and when each is ready."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from holdfast.stack.errors import StackError
from holdfast.stack.part import Part
from holdfast.stack.ports import LOOPBACK, PortBook, is_free, next_free_port
from holdfast.stack.probes import http_answers
from runtime.settings import Settings

NAMES = ("serve", "worker", "bridge", "relay")

COMMANDS: Mapping[str, tuple[str, ...]] = {name: (sys.executable, "-m", "holdfast", name) for name in NAMES}

_LAST_SECONDS = 5.0
"""A process that is out of time still has connections to close and buffers to flush."""


@dataclass(frozen=True, slots=True)
class ProcessPorts:
    """Where the API listens, and where each process shows its metrics."""

    api: int
    grpc: int
    metrics: Mapping[str, int]


def choose_ports(settings: Settings, book: PortBook, names: Sequence[str] = NAMES) -> ProcessPorts:
    """The ports that the settings name; free ones where they say 0. PROMETHEUS_PORT is that of the first of `names`.

    Raises StackError naming every port that is taken.
    """
    named = {
        "APP_PORT": settings.app_port,
        "GRPC_PORT": settings.grpc_port,
        "PROMETHEUS_PORT": settings.prometheus_port,
    }
    taken = [f"{name}={port}" for name, port in named.items() if port and not is_free(port)]
    if taken:
        raise StackError(
            f"in use by something else: {', '.join(taken)}. Set other ports, or 0 to have free ones chosen."
        )
    api, grpc, metrics = (port or book.port(name.lower()) for name, port in named.items())
    return ProcessPorts(api, grpc, _metrics_ports(names, metrics, frozenset((api, grpc, metrics))))


def process_parts(
    settings: Settings,
    ports: ProcessPorts,
    environment: Mapping[str, str],
    logs: Path,
    commands: Mapping[str, tuple[str, ...]] = COMMANDS,
) -> list[Part]:
    """The processes that `commands` names, led by `environment` to their stack, logging into `logs`."""
    host = reachable_host(settings)
    shared = {**os.environ, **environment, "APP_PORT": str(ports.api), "GRPC_PORT": str(ports.grpc)}
    return [
        Part(
            name=name,
            command=command,
            environment={**shared, "PROMETHEUS_PORT": str(ports.metrics[name])},
            directory=Path.cwd(),
            log_path=logs / f"{name}.log",
            ready=partial(http_answers, host, _ready_port(name, ports), "/health/ready"),
            stop_seconds_max=settings.stop_seconds_max + _LAST_SECONDS,
        )
        for name, command in commands.items()
    ]


def reachable_host(settings: Settings) -> str:
    """Where a client on this machine finds the API: APP_HOST, unless that means every address."""
    return LOOPBACK if settings.app_host in {"", "0.0.0.0", "::"} else settings.app_host  # noqa: S104 - only compared


def _ready_port(name: str, ports: ProcessPorts) -> int:
    """The API of `serve`, and of `serve-2`, is open last; the others show that they are ready beside their metrics."""
    return ports.api if name.partition("-")[0] == NAMES[0] else ports.metrics[name]


def _metrics_ports(names: Sequence[str], first: int, taken: frozenset[int]) -> dict[str, int]:
    ports = {names[0]: first}
    for name in names[1:]:
        ports[name] = next_free_port(max(ports.values()), taken)
    return ports
