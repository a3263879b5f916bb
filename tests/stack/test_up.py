"""`holdfast up` as a process of its own, seen through its output, stack.json and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from domain.contracts.reservations import Source
from gateway.auth import SCOPES, Authenticator
from holdfast.stack.embedded import drop_data
from runtime.settings import Settings
from tests.stack.conftest import wait_until_ended

ROOT = Path(__file__).parents[2]
PROCESSES = ("serve", "worker", "bridge", "relay")
PARTS = ("postgres", "temporal", "broker", "cache")
LAST_LINE = "Everything is up"

StartUp = Callable[..., "Up"]


class Up:
    """A running `holdfast up` with stubs for processes."""

    def __init__(self, process: subprocess.Popen[str], directory: Path) -> None:
        self.process = process
        self.directory = directory
        self.lines: list[str] = []

    def read_until(self, words: str) -> str:
        """The first line with `words` in it; fails with all that was said when it ends before."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if words in line:
                return line
        pytest.fail(f"ended without saying {words!r}:\n{''.join(self.lines)}")

    def facts(self) -> dict[str, Any]:
        return dict(json.loads((self.directory / "stack.json").read_text("utf-8")))

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait()


@contextmanager
def starting_in(directory: Path) -> Iterator[StartUp]:
    """A function that starts it in `directory`, on free ports; whoever lives at the end is killed."""
    with ExitStack() as running:

        def start(*arguments: str) -> Up:
            ports = {"APP_PORT": "0", "GRPC_PORT": "0", "PROMETHEUS_PORT": "0"}
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.stack.up_with_stubs", str(directory), *arguments],
                cwd=ROOT,
                env={**os.environ, **ports},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            running.enter_context(process)
            running.callback(process.kill)
            return Up(process, directory)

        yield start


@pytest.fixture
def start_up(tmp_path: Path) -> Iterator[StartUp]:
    """Start one in a directory of its own."""
    with starting_in(tmp_path / "stack") as start:
        yield start
    drop_data(tmp_path / "stack")


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One that stands, for tests that leave it standing."""
    directory = tmp_path_factory.mktemp("up") / "stack"
    with starting_in(directory) as start:
        standing = start()
        standing.read_until(LAST_LINE)
        yield standing
        assert standing.stop(signal.SIGTERM) == 0
    drop_data(directory)


async def test_stack_json_tells_where_everything_is(up: Up) -> None:
    facts = up.facts()

    assert urllib.request.urlopen(facts["api"]).status == 200
    assert facts["temporal_ui"].startswith("http://127.0.0.1:")
    assert facts["postgres"].startswith("postgresql://inventory_service:")
    assert facts["redis"].startswith("redis://127.0.0.1:")
    assert all(facts[name].startswith("127.0.0.1:") for name in ("grpc", "temporal", "kafka"))
    assert facts["namespace"] == "default"
    assert tuple(facts["pids"]) == PROCESSES
    assert sorted(facts["parts"]) == sorted(PARTS)
    assert all(map(psutil.pid_exists, (*facts["pids"].values(), *facts["parts"].values())))
    assert {f"{name}.log" for name in (*PROCESSES, *PARTS)} == set(os.listdir(facts["logs"]))
    caller = await Authenticator(Settings()).authenticate(
        f"Bearer {facts['token']}", source=Source.REST, request_id="test", traceparent=None
    )
    assert caller.scopes == frozenset(SCOPES)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_told_to_stop_it_ends_well_and_leaves_no_process(start_up: StartUp, number: signal.Signals) -> None:
    up = start_up()
    up.read_until(LAST_LINE)
    family = up.family()

    assert up.stop(number) == 0
    wait_until_ended(*family)
    assert len(family) >= len(PROCESSES) + len(PARTS)
    assert not (up.directory / "stack.json").exists()


def test_killed_it_leaves_no_process_and_the_next_run_starts(start_up: StartUp) -> None:
    first = start_up()
    first.read_until(LAST_LINE)
    family = first.family()
    assert first.stop(signal.SIGKILL) == -signal.SIGKILL

    second = start_up()
    second.read_until(LAST_LINE)
    wait_until_ended(*family)
    assert second.stop(signal.SIGTERM) == 0


@pytest.mark.parametrize(("group", "name"), [("pids", "worker"), ("parts", "broker")])
def test_whoever_is_killed_comes_back_and_stack_json_says_so(up: Up, group: str, name: str) -> None:
    before = up.facts()
    os.kill(before[group][name], signal.SIGKILL)
    up.read_until("died")
    assert name in up.read_until("ready")
    after = up.facts()

    assert after[group].pop(name) != before[group].pop(name)
    assert after == before


def test_told_to_stop_while_starting_it_ends_well(start_up: StartUp) -> None:
    up = start_up()
    up.read_until("starting")
    assert up.stop(signal.SIGTERM) == 0


def test_a_process_that_cannot_run_is_named_with_its_last_words(start_up: StartUp) -> None:
    up = start_up("relay")
    up.read_until("relay ended with code 3 before it served")
    up.read_until("the stub has no reason to live")
    assert up.process.wait() == 1


def test_a_second_one_in_the_same_directory_is_refused(up: Up) -> None:
    with starting_in(up.directory) as start:
        second = start()
        second.read_until(f"already (process {up.process.pid})")
        assert second.process.wait() == 1
    assert up.facts()["pids"]


def test_piped_it_speaks_in_plain_whole_lines(up: Up) -> None:
    facts = up.facts()
    assert "\x1b" not in "".join(up.lines)
    assert f"API          {facts['api']}\n" in up.lines
    assert f"Token        {facts['token']}\n" in up.lines
