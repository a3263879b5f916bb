"""One stack per directory: a lock that is free again the moment its holder is gone, however it went."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from holdfast.stack.errors import StackError
from holdfast.stack.guard import STOP_SECONDS_MAX

_RETRY_SECONDS = 0.1


@contextmanager
def locked(directory: Path) -> Iterator[int]:
    """Hold the lock of `directory`; yields its descriptor, which the guard inherits and so holds until all is ended.

    Waits as long as a guard may take to clear up after a supervisor that was killed. Raises StackError naming the
    holder when it is alive.
    """
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _acquire(descriptor, directory)
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, directory: Path) -> None:
    deadline = time.monotonic() + 2 * STOP_SECONDS_MAX
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode()
            if _is_alive(holder) or time.monotonic() > deadline:
                raise StackError(_in_words(directory, holder)) from None
            time.sleep(_RETRY_SECONDS)
        else:
            return


def _in_words(directory: Path, holder: str) -> str:
    return (
        f"a stack is running in {directory} already (process {holder or 'unknown'}). "
        f"Stop it (Ctrl-C, or kill {holder or 'it'}), or give this one another place with --directory."
    )


def _is_alive(holder: str) -> bool:
    try:
        os.kill(int(holder), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
