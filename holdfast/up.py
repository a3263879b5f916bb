"""`holdfast up`: the service runs until it is told to stop, and a person sees what happens.

Rich on a terminal, plain lines otherwise. What runs, and how, is decided in holdfast.service.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from holdfast.service import Service, running_service
from holdfast.stack.errors import StackError
from holdfast.stack_file import STACK_FILE
from runtime.settings import Settings

_STYLES = {"ready": "green", "died": "yellow", "failed": "red", "stopped": "dim"}


def main(settings: Settings, directory: Path, **options: Any) -> int:
    """Run the service until SIGINT or SIGTERM. Returns the exit code: 0 after an orderly stop, 1 when it cannot run.

    `options` are those of running_service.
    """
    console = Console(highlight=False)
    try:
        asyncio.run(_run(settings, directory, console, options))
    except StackError as error:
        console.print(f"[red]{escape(str(error))}[/red]", soft_wrap=True)
        return 1
    return 0


async def _run(settings: Settings, directory: Path, console: Console, options: Mapping[str, Any]) -> None:
    """The first signal cancels the work, whose contexts stop everything in order; more signals change nothing."""
    work = asyncio.ensure_future(_serve(settings, directory, console, options))
    told = asyncio.Event()

    def stop() -> None:
        if not told.is_set():
            told.set()
            console.print("Stopping …")
            work.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        await work
    except asyncio.CancelledError:
        if not told.is_set():
            raise


async def _serve(settings: Settings, directory: Path, console: Console, options: Mapping[str, Any]) -> None:
    def report(part: str, event: str, detail: str) -> None:
        style = _STYLES.get(event, "default")
        console.print(f"{part:<10}[{style}]{event:<9}[/{style}]{escape(detail)}", soft_wrap=True)

    async with running_service(directory, settings, report=report, **options) as running:
        _show(running, directory, console)
        await asyncio.Event().wait()


def _show(service: Service, directory: Path, console: Console) -> None:
    facts = service.facts()
    console.print()
    for name, value in (
        ("API", facts["api"]),
        ("API docs", f"{facts['api']}/docs"),
        ("gRPC", facts["grpc"]),
        ("Temporal UI", facts["temporal_ui"]),
        ("Postgres", facts["postgres"]),
        ("Kafka", facts["kafka"]),
        ("Redis", facts["redis"]),
        ("Logs", facts["logs"]),
        ("Token", facts["token"]),
        ("All of it", str(directory / STACK_FILE)),
    ):
        console.print(f"[bold]{name:<13}[/bold]{escape(value)}", soft_wrap=True)
    console.print("\nEverything is up; the token is good for a day. Ctrl-C stops it, the data stays.")
