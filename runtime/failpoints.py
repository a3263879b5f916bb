"""Named places where a chaos test may kill or freeze the process.

A point does nothing unless FAILPOINTS names it, and production refuses FAILPOINTS. Nothing else may hang on a point:
no behaviour, no value, no log.

`FAILPOINTS=after_hold_commit=kill@3,before_delivery=pause:0.5` kills the process with SIGKILL at the third pass of
`after_hold_commit`, and freezes it for half a second at the first pass of `before_delivery`. Each fires once.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass

from runtime.settings import Settings


@dataclass(slots=True)
class _Fault:
    passes_left: int
    pause_seconds: float | None


_armed: dict[str, _Fault] = {}


def configure_failpoints(settings: Settings) -> None:
    """Arm the points that the settings name, and only those."""
    _armed.clear()
    _armed.update(_parse(entry) for entry in settings.failpoints)


def failpoint(name: str) -> None:
    """Pass the point `name`. One look at an empty dict when nothing is armed.

    A pause stands the whole process still, its event loop included, as a stopped or swapped-out process would.
    """
    if _armed:
        _pass(name)


def _pass(name: str) -> None:
    fault = _armed.get(name)
    if fault is None:
        return
    fault.passes_left -= 1
    if fault.passes_left > 0:
        return
    del _armed[name]
    _strike(fault)


def _strike(fault: _Fault) -> None:
    if fault.pause_seconds is None:
        os.kill(os.getpid(), signal.SIGKILL)
    else:
        time.sleep(fault.pause_seconds)


def _parse(entry: str) -> tuple[str, _Fault]:
    name, _, action = entry.partition("=")
    action, _, passes = action.partition("@")
    _, _, pause_seconds = action.partition(":")
    return name, _Fault(int(passes or 1), float(pause_seconds) if pause_seconds else None)
