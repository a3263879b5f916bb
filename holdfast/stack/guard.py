"""Nothing outlives the supervisor: a small process that notices when the supervisor is gone and ends its children.

The supervisor tells it, line by line on a pipe, which process groups to watch and which directories to remove. When
the pipe closes, for whatever reason (a kill −9 included), it ends what is left. A pipe rather than the kernel's
parent-death signal: that one exists on Linux only and is tied to a thread.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

STOP_SECONDS_MAX = 3.0
"""How long orphans may take to stop by themselves before they are killed."""

_LOOK_EVERY_SECONDS = 0.05


class Guard:
    """The supervisor's end of the pipe. `keep_open` descriptors stay open until the guard itself is done."""

    def __init__(self, *, keep_open: Iterable[int] = ()) -> None:
        self._keep_open = tuple(keep_open)
        self._notes: set[str] = set()
        self._process = self._start()

    def watch(self, pid: int, stop_signal: signal.Signals) -> None:
        """End the process group led by `pid` when we are gone, asking it with `stop_signal` first."""
        self._note(f"watch {pid} {stop_signal.value}")

    def forget(self, pid: int, stop_signal: signal.Signals) -> None:
        """The process has ended; its number may be given to another."""
        self._notes.discard(f"watch {pid} {stop_signal.value}")
        self._send(f"forget {pid}")

    def remove_afterwards(self, directory: Path) -> None:
        """Delete `directory` when we are gone."""
        self._note(f"remove {directory}")

    def close(self) -> None:
        """Have it do what was noted, and wait for that."""
        self._hang_up()

    def _note(self, line: str) -> None:
        self._notes.add(line)
        self._send(line)

    def _send(self, line: str) -> None:
        try:
            self._write(line)
        except BrokenPipeError:
            self._hang_up()
            self._process = self._start()
            for note in sorted(self._notes):
                self._write(note)

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None, "the guard is started with a pipe"
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _hang_up(self) -> None:
        assert self._process.stdin is not None, "the guard is started with a pipe"
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
            pass_fds=self._keep_open,
        )


def main() -> None:
    """Collect notes until the pipe closes, then end and remove what they name."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    watched: dict[int, tuple[psutil.Process, int]] = {}
    directories: list[Path] = []
    for line in sys.stdin:
        kind, _, rest = line.rstrip("\n").partition(" ")
        if kind == "watch":
            pid, stop_signal = (int(word) for word in rest.split())
            with contextlib.suppress(psutil.NoSuchProcess):
                watched[pid] = (psutil.Process(pid), stop_signal)
        elif kind == "forget":
            watched.pop(int(rest), None)
        elif kind == "remove":
            directories.append(Path(rest))
    _end(list(watched.values()))
    for directory in directories:
        shutil.rmtree(directory, ignore_errors=True)


def _end(orphans: list[tuple[psutil.Process, int]]) -> None:
    for process, stop_signal in orphans:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(stop_signal)
    deadline = time.monotonic() + STOP_SECONDS_MAX
    while time.monotonic() < deadline and any(has_not_ended(process) for process, _ in orphans):
        time.sleep(_LOOK_EVERY_SECONDS)
    for process, _ in orphans:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def has_not_ended(process: psutil.Process) -> bool:
    """An orphan that nobody has collected yet is a zombie: it has ended all the same."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    main()
