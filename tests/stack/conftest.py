"""Stubs for parts, a guard for them, and reports that can be waited for."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from holdfast.stack import probes
from holdfast.stack.guard import Guard, has_not_ended
from holdfast.stack.part import Part
from holdfast.stack.ports import LOOPBACK, free_port
from holdfast.stack.probes import http_answers

STUB = str(Path(__file__).with_name("stub.py"))
WAIT_SECONDS_MAX = 60.0

MakeStub = Callable[..., Part]


def wait_until_ended(*processes: psutil.Process) -> None:
    """Fails when one of them, child of ours or not, is still there after WAIT_SECONDS_MAX."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while alive := [process for process in processes if has_not_ended(process)]:
        assert time.monotonic() < deadline, f"still there: {alive}"
        psutil.wait_procs(alive, timeout=0.05)


@pytest.fixture(autouse=True)
def _patient_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a test asks once whether somebody serves, a machine that stands still for a moment is no answer."""
    monkeypatch.setattr(probes, "_PROBE_SECONDS_MAX", WAIT_SECONDS_MAX / 2)


class Reports:
    """A report that remembers what it was told and lets a test wait for more."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, str]] = []
        self._news = asyncio.Condition()
        self._notifications: set[asyncio.Task[None]] = set()

    def __call__(self, part: str, event: str, detail: str) -> None:
        self.heard.append((part, event, detail))
        task = asyncio.ensure_future(self._notify())
        self._notifications.add(task)
        task.add_done_callback(self._notifications.discard)

    def events(self, part: str) -> list[str]:
        return [event for name, event, _ in self.heard if name == part]

    async def until(self, part: str, event: str, times: int = 1) -> None:
        async with asyncio.timeout(WAIT_SECONDS_MAX), self._news:
            await self._news.wait_for(lambda: self.events(part).count(event) >= times)

    async def _notify(self) -> None:
        async with self._news:
            self._news.notify_all()


@pytest.fixture
def reports() -> Reports:
    return Reports()


@pytest.fixture
def guard() -> Iterator[Guard]:
    guard = Guard()
    yield guard
    guard.close()


@pytest.fixture
def make_stub(tmp_path: Path) -> MakeStub:
    """Declare a part that runs the stub in one of its modes; further arguments go to `Part`."""

    def make(name: str, mode: str = "", **options: Any) -> Part:
        port = free_port()
        values: dict[str, Any] = {
            "command": (sys.executable, STUB, str(port), mode),
            "environment": dict(os.environ),
            "directory": tmp_path,
            "log_path": tmp_path / "logs" / f"{name}.log",
            "ready": partial(http_answers, LOOPBACK, port, "/"),
        }
        return Part(name=name, **{**values, **options})

    return make
