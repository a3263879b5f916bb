"""Named places where a chaos test may kill or freeze the process, or leave one of its tasks standing.

A point does nothing unless FAILPOINTS names it, and production refuses FAILPOINTS. Nothing else may hang on a point:
no behaviour, no value, no log.

`FAILPOINTS=after_hold_commit=kill@3,before_delivery=pause:0.5` kills the process with SIGKILL at the third pass of
`after_hold_commit`, and freezes it for half a second at the first pass of `before_delivery`. `after_rendezvous=hang`
lets whoever passes that point go no further, while the rest of the process goes on. Each fires once.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import dataclass

from runtime.settings import Settings


@dataclass(slots=True)
class _Fault:
    action: str
    passes_left: int
    pause_seconds: float


_armed: dict[str, _Fault] = {}


def configure_failpoints(settings: Settings) -> None:
    """Arm the points that the settings name, and only those."""
    _armed.clear()
    _armed.update(_parse(entry) for entry in settings.failpoints)


def failpoint(name: str) -> None:
    """Pass the point `name`. One look at an empty dict when nothing is armed.

    A pause stands the whole process still, its event loop included, as a stopped or swapped-out process would.
    """
    if _armed and (fault := _struck(name)) is not None:
        assert fault.action != "hang", f"whoever passes {name} holds up the whole process"
        _strike(fault)


async def task_failpoint(name: str) -> None:
    """Pass the point `name` in a task that may be left standing there for ever."""
    if _armed and (fault := _struck(name)) is not None:
        if fault.action == "hang":
            await asyncio.get_running_loop().create_future()
        _strike(fault)


def _struck(name: str) -> _Fault | None:
    fault = _armed.get(name)
    if fault is None:
        return None
    fault.passes_left -= 1
    return _armed.pop(name) if fault.passes_left == 0 else None


def _strike(fault: _Fault) -> None:
    if fault.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    else:
        time.sleep(fault.pause_seconds)


def _parse(entry: str) -> tuple[str, _Fault]:
    name, _, action = entry.partition("=")
    action, _, passes = action.partition("@")
    action, _, pause_seconds = action.partition(":")
    return name, _Fault(action, int(passes or 1), float(pause_seconds or 0))
