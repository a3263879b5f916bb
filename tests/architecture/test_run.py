"""The run itself: it ends with the true code whatever its processes do at their end, and shares out whole files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.sharing_out import LONGEST_FIRST, TOGETHER, share_of

ROOT = Path(__file__).parents[2]

ABORTS_AT_THE_END = """
import atexit, os
atexit.register(os.abort)
atexit.register(os.write, 2, b"about to abort")
def test_{name}(): assert {holds}
"""
DIES_AT_ONCE = "import os\ndef test_{name}(): os.abort()\n"


def run(directory: Path, runners: int, *sources: str) -> subprocess.CompletedProcess[str]:
    """A run of its own, of files with these sources, that ends as ours does."""
    for number, source in enumerate(sources):
        (directory / f"test_{number}.py").write_text(source, "utf-8")
    plugins = ["-p", "tests.ending", "-p", "no:cacheprovider", "-p", "no:schemathesis"]
    command = [sys.executable, "-m", "pytest", "-q", "-c", "pyproject.toml", *plugins, "-n", str(runners)]
    return subprocess.run([*command, str(directory)], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("runners", [0, 1])
@pytest.mark.parametrize(
    ("holds", "code", "last_words"), [(True, 0, "2 passed in "), (False, 1, "1 failed, 1 passed in ")]
)
def test_a_process_that_would_abort_at_its_end_changes_nothing(
    tmp_path: Path, runners: int, holds: bool, code: int, last_words: str
) -> None:
    first = ABORTS_AT_THE_END.format(name="first", holds=True)
    ended = run(tmp_path, runners, first, ABORTS_AT_THE_END.format(name="second", holds=holds))
    assert ended.returncode == code
    assert ended.stdout.splitlines()[-1].startswith(last_words)
    assert ended.stderr == ""


def test_a_runner_that_dies_in_the_middle_fails_the_run(tmp_path: Path) -> None:
    ended = run(tmp_path, 1, ABORTS_AT_THE_END.format(name="first", holds=True), DIES_AT_ONCE.format(name="second"))
    assert ended.returncode == 1
    assert ended.stdout.splitlines()[-1].startswith("1 failed, 1 passed in ")


def test_a_file_stays_whole_and_what_starts_the_service_has_its_lane() -> None:
    tests = ["tests/db/test_holds.py::TestRaces::test_one[a::b]", "tests/db/test_holds.py::test_two"]
    assert {share_of(test) for test in tests} == {"tests/db/test_holds.py"}
    for lane in TOGETHER:
        assert {share_of(f"{prefix}test_it.py::test_one") for prefix in lane} == {lane[0]}


def test_what_is_said_to_take_long_is_there() -> None:
    assert [path for path in LONGEST_FIRST if not (ROOT / path).exists()] == []
