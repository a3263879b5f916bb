"""Several serving processes on the same ports, past one core: the kernel spreads connections, the parent keeps them up.

The parent chooses the ports once and holds them without listening, so that nobody else can take them meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from holdfast.stack.guard import Guard
from runtime.logs import get_logger
from runtime.metrics import forget_process
from runtime.settings import Settings

RESTART_PAUSE_SECONDS = 0.5
"""A child that dies at once must not be started in a tight loop."""

_log = get_logger(__name__)


async def supervise(settings: Settings, stop: asyncio.Event) -> None:
    """Run SERVE_PROCESSES children until told to stop, and start one that dies again."""
    async with AsyncExitStack() as stack:
        metrics_directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="holdfast-metrics-")))
        wanted = {
            "APP_PORT": settings.app_port,
            "GRPC_PORT": settings.grpc_port,
            "PROMETHEUS_PORT": settings.prometheus_port,
        }
        sockets = {name: stack.enter_context(_held(settings.app_host, port)) for name, port in wanted.items()}
        environment = {
            **os.environ,
            **{name: str(held.getsockname()[1]) for name, held in sockets.items()},
            "SERVE_CHILD": "true",
            "PROMETHEUS_MULTIPROC_DIR": str(metrics_directory),
        }
        guard = Guard()
        stack.callback(guard.close)
        async with asyncio.TaskGroup() as children:
            for number in range(settings.serve_processes):
                children.create_task(_keep_up(number, environment, guard, metrics_directory, stop))


async def _keep_up(
    number: int, environment: dict[str, str], guard: Guard, metrics_directory: Path, stop: asyncio.Event
) -> None:
    stopping = asyncio.create_task(stop.wait())
    while not stop.is_set():
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "holdfast", "serve", env=environment, start_new_session=True
        )
        guard.watch(child.pid, signal.SIGTERM)
        _log.info("serving_process_started", number=number, pid=child.pid)
        ended = asyncio.create_task(child.wait())
        await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            child.send_signal(signal.SIGTERM)
        await ended
        guard.forget(child.pid, signal.SIGTERM)
        forget_process(metrics_directory, child.pid)
        if not stop.is_set():
            _log.warning("serving_process_died", number=number, pid=child.pid, code=child.returncode)
            await asyncio.wait({stopping}, timeout=RESTART_PAUSE_SECONDS)


def _held(host: str, port: int) -> socket.socket:
    """A port of ours, free or named, bound for sharing and not listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    held = socket.socket(family, socket.SOCK_STREAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    # Or a restart would have to wait a minute for the connections of the last run to be forgotten.
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((host, port))
    return held
