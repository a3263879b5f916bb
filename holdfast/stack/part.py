"""One part of the stack, declared: what to run, when it serves, how it is asked to stop. Runs nothing."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from holdfast.stack.probes import Probe

Step = Callable[[], Awaitable[None]]


async def _nothing() -> None:
    """The step of a part that needs none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A server or a process of ours.

    `prepare` runs before the first start and `provision` once it first serves. `user` names the account it runs
    under when we are root; empty for our own.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path
    log_path: Path
    ready: Probe
    user: str = ""
    prepare: Step = _nothing
    provision: Step = _nothing
    ready_seconds_max: float = 60.0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds_max: float = 10.0
