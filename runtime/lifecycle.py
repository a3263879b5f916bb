"""How a process starts, is told to stop, and ends.

Every process ends through `exit_process`, which flushes what is buffered and calls `os._exit`: CPython with temporalio
sometimes aborts while the interpreter shuts down (temporalio/sdk-python#300), which would turn a clean exit into 134.
Knows nothing of what the process does.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

import uvloop

from runtime.logs import get_logger

EXIT_SECONDS_MAX = 5.0
"""How long the last flushes may take together before the process goes without them."""

HURRY_SECONDS_MAX = 5.0
"""How long a cancelled process may still clean up."""

ECHO_SECONDS_MAX = 1.0
"""A signal this soon after the first is its echo: Ctrl-C reaches the whole group, and a supervisor asks once more."""

_GC_THRESHOLDS = (5_000, 20, 10)
"""Passes over everything are rare, since one over thousands of cached workflows is a pause of 0.7 s; those over what is
young are short. Hardly anything waits for either: workflows that leave the cache are freed without (workers/)."""

_log = get_logger(__name__)
_at_exit: list[Callable[[], None]] = []

Main = Callable[[asyncio.Event], Awaitable[None]]
"""The whole work of a process: serves until the event is set, then drains and returns."""


def run_process(main: Main, *, drain_seconds_max: float = 30.0) -> NoReturn:
    """Run `main` on uvloop until it returns, then end the process; never returns.

    SIGTERM or SIGINT sets the event that `main` was given; a second signal, or `drain_seconds_max` after the first,
    cancels it; a third, or `HURRY_SECONDS_MAX` after that, ends the process where it stands. Exit code 0 when `main`
    returned, 1 after an error (logged), 128 + signal when it had to be cancelled.
    """
    _quieten_garbage_collector()
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    try:
        code = runner.run(_run(main, drain_seconds_max))
    except BaseException:
        _log.critical("process_failed", exc_info=True)
        code = 1
    exit_process(code)


def before_exit(flush: Callable[[], None]) -> None:
    """Have `flush` called by `exit_process`, last registered first."""
    _at_exit.append(flush)


def exit_process(code: int) -> NoReturn:
    """End this process now with `code`: flush traces, metrics, logs and standard streams, then `os._exit`."""
    deadline = threading.Timer(EXIT_SECONDS_MAX, os._exit, args=(code,))
    deadline.daemon = True
    deadline.start()
    while _at_exit:
        _attempt(_at_exit.pop())
    _attempt(logging.shutdown)
    _attempt(sys.stdout.flush)
    _attempt(sys.stderr.flush)
    os._exit(code)


def _attempt(flush: Callable[[], object]) -> None:
    with contextlib.suppress(Exception):
        flush()


async def _run(main: Main, drain_seconds_max: float) -> int:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_log_stray_error)
    stop = asyncio.Event()
    work = asyncio.ensure_future(main(stop))
    signals = _Signals(stop, work, drain_seconds_max)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signals.receive, number)
    return await signals.outcome()


class _Signals:
    """The first asks, the second cancels, the third ends the process where it stands."""

    def __init__(self, stop: asyncio.Event, work: asyncio.Future[None], drain_seconds_max: float) -> None:
        self._stop = stop
        self._work = work
        self._drain_seconds_max = drain_seconds_max
        self._hurried = False
        self._received: signal.Signals | None = None
        self._asked_at = 0.0

    def receive(self, number: signal.Signals) -> None:
        if self._hurried:
            exit_process(128 + number)
        elif self._received is None:
            self._ask(number)
        elif asyncio.get_running_loop().time() - self._asked_at > ECHO_SECONDS_MAX:
            self._hurry("signalled_again")

    def _ask(self, number: signal.Signals) -> None:
        _log.info("process_stopping", signal=number.name)
        loop = asyncio.get_running_loop()
        self._received = number
        self._asked_at = loop.time()
        self._stop.set()
        loop.call_later(self._drain_seconds_max, self._hurry, "drain_took_too_long")

    async def outcome(self) -> int:
        try:
            await self._work
        except asyncio.CancelledError:
            if not self._hurried:
                raise
            return self._code()
        _log.info("process_stopped")
        return 0

    def _hurry(self, reason: str) -> None:
        if not self._hurried:
            _log.warning("process_hurried", reason=reason)
            self._hurried = True
            self._work.cancel()
            asyncio.get_running_loop().call_later(HURRY_SECONDS_MAX, exit_process, self._code())

    def _code(self) -> int:
        assert self._received is not None, "only a signal makes a process hurry"
        return 128 + self._received


def _log_stray_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    _log.error("stray_error", detail=context["message"], exc_info=context.get("exception"))


def _quieten_garbage_collector() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
