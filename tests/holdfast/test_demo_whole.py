"""`holdfast demo` as a process: the whole story with every claim, and nothing left behind however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.stack.conftest import wait_until_ended

ROOT = Path(__file__).parents[2]
WHOLE_SECONDS_MAX = 300

LAG_SECONDS_MAX = 14
PATIENT = f"""
from holdfast.demo import checkout
checkout.EXPIRY_LAG_SECONDS_MAX = {LAG_SECONDS_MAX}
from holdfast.__main__ import main
main()
"""
"""The demo on a busy machine: a hold may end later than it promises, and still by its own timer, before any sweep."""


def demo(directory: Path, *arguments: str) -> subprocess.Popen[str]:
    """The demo, with everything that it makes under `directory`."""
    return subprocess.Popen(
        [sys.executable, "-c", PATIENT, "demo", *arguments],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(directory), "SWEEP_GRACE_SECONDS": str(2 * LAG_SECONDS_MAX)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def relatives(directory: Path) -> list[psutil.Process]:
    """Every process that was started from a demo in `directory`, wherever it hangs now."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TMPDIR") == str(directory) or str(directory) in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.mark.timeout(WHOLE_SECONDS_MAX)
def test_every_claim_holds_and_nothing_is_left(tmp_path: Path) -> None:
    with demo(tmp_path, "--json") as process:
        claims, story = process.communicate()
    assert process.returncode == 0, story
    told = json.loads(claims)
    assert told["held"], story
    assert len(told["claims"]) >= 20
    assert relatives(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_stops_everything_and_leaves_nothing(tmp_path: Path) -> None:
    with demo(tmp_path) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "ready" in line:
                break
        family = relatives(tmp_path)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == 130, rest
    assert "Interrupted" in rest
    assert len(family) > 1
    wait_until_ended(*family)
    assert list(tmp_path.iterdir()) == []
