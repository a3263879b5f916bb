from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.stack.directory_lock import locked
from holdfast.stack.errors import StackError

_HOLDER = """
import signal, sys
from pathlib import Path
from holdfast.stack.directory_lock import locked

with locked(Path(sys.argv[1])):
    print("held", flush=True)
    signal.pause()
"""


def test_a_second_stack_in_a_directory_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _HOLDER, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        words = rf"running in .* already \(process {holder.pid}\).*--directory"
        with pytest.raises(StackError, match=words), locked(tmp_path):
            pytest.fail("two held one lock")
        holder.kill()


def test_a_holder_that_was_killed_leaves_the_directory_free(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _HOLDER, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        holder.kill()
    with locked(tmp_path):
        assert (tmp_path / "lock").read_text() == str(os.getpid())


def test_the_directory_is_made_and_free_again_afterwards(tmp_path: Path) -> None:
    directory = tmp_path / "new" / "stack"
    for _ in range(2):
        with locked(directory):
            assert directory.is_dir()
