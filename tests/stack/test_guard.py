from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from holdfast.stack.guard import Guard
from tests.stack.conftest import wait_until_ended

_SUPERVISOR = """
import signal, subprocess, sys
from pathlib import Path
from holdfast.stack.guard import Guard

guard = Guard()
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True)
guard.watch(child.pid, signal.SIGTERM)
guard.remove_afterwards(Path(sys.argv[1]))
print(child.pid, flush=True)
signal.pause()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_whatever_ends_the_supervisor_its_children_and_directory_go_too(number: signal.Signals, tmp_path: Path) -> None:
    directory = tmp_path / "data"
    directory.mkdir()
    command = [sys.executable, "-c", _SUPERVISOR, str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        child = psutil.Process(int(supervisor.stdout.readline()))
        guard = next(process for process in psutil.Process(supervisor.pid).children() if process.pid != child.pid)
        supervisor.send_signal(number)

    wait_until_ended(child, guard)
    assert not directory.exists()


def test_a_process_that_ended_in_order_is_forgotten() -> None:
    guard = Guard()
    with _sleeper() as bystander:
        guard.watch(bystander.pid, signal.SIGTERM)
        guard.forget(bystander.pid, signal.SIGTERM)
        guard.close()
        assert bystander.poll() is None
        bystander.kill()


def test_a_guard_that_was_killed_is_replaced_and_told_everything_again() -> None:
    guard = Guard()
    with _sleeper() as first, _sleeper() as second:
        guard.watch(first.pid, signal.SIGTERM)
        old = psutil.Process(guard._process.pid)
        old.kill()
        wait_until_ended(old)
        guard.watch(second.pid, signal.SIGTERM)
        guard.close()
        assert (first.wait(), second.wait()) == (-signal.SIGTERM, -signal.SIGTERM)


def _sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True)
