"""The actor of a scene, on small processes that stand in for servers."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from holdfast.stack.errors import NotReadyError
from holdfast.stack.guard import Guard
from holdfast.stack.part import Part
from holdfast.stack.supervisor import Supervisor
from tests.chaos.scene import Actor

PATIENCE_SECONDS = 30.0

FAMILY = (
    "import subprocess, sys, signal; subprocess.Popen(['sleep', '600']); print('ready', flush=True); signal.pause()"
)
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()"


@asynccontextmanager
async def an_actor(
    directory: Path, program: str, *, stop_seconds_max: float = PATIENCE_SECONDS
) -> AsyncIterator[Actor]:
    log = directory / "log"

    async def ready() -> None:
        if not log.exists() or b"ready" not in log.read_bytes():
            raise NotReadyError("not yet")

    part = Part(
        name="player-1",
        command=(sys.executable, "-c", program),
        environment={},
        directory=directory,
        log_path=log,
        ready=ready,
        stop_seconds_max=stop_seconds_max,
    )
    guard = Guard()
    try:
        processes = Supervisor([part], guard)
        async with processes.running(keep_up=True):
            yield Actor(processes, "player-1", "player")
    finally:
        guard.close()


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not is_so():  # noqa: ASYNC110 - a process tells nobody
            await asyncio.sleep(0.02)


async def test_a_killed_actor_is_another_process_soon(tmp_path: Path) -> None:
    async with an_actor(tmp_path, FAMILY) as actor:
        first = actor.pid
        actor.kill()
        await until(lambda: actor.pid not in {None, first})
        assert actor.part == "player"


async def test_a_frozen_actor_stands_still_with_its_children(tmp_path: Path) -> None:
    async with an_actor(tmp_path, FAMILY) as actor:
        leader = psutil.Process(actor.pid)
        family = [leader, *leader.children()]
        assert len(family) == 2
        actor.freeze()
        await until(lambda: all(process.status() == psutil.STATUS_STOPPED for process in family))
        actor.thaw()
        await until(lambda: all(process.status() == psutil.STATUS_SLEEPING for process in family))


async def test_a_restart_tells_how_long_the_stop_took_and_kills_who_does_not_stop(tmp_path: Path) -> None:
    async with an_actor(tmp_path, FAMILY) as actor:
        first = actor.pid
        assert await actor.restart() < actor.stop_seconds_max
        await until(lambda: actor.pid not in {None, first})
    (tmp_path / "log").unlink()
    async with an_actor(tmp_path, DEAF, stop_seconds_max=0.5) as actor:
        first = actor.pid
        assert await actor.restart() > actor.stop_seconds_max
        await until(lambda: actor.pid not in {None, first})
