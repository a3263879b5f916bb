"""One part, running: started in its own process group, watched until it serves, stopped with a deadline.

Does not restart anything; that is the supervisor's decision.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from tenacity import AsyncRetrying, RetryError, retry_if_exception_type, stop_after_delay, wait_fixed

from holdfast.stack.errors import NotReadyError, StackError
from holdfast.stack.guard import Guard
from holdfast.stack.part import Part

_PROBE_EVERY_SECONDS = 0.1
_TAIL_LINES = 15


class PartProcess:
    """The process of one part; may be started again after it has ended."""

    def __init__(self, part: Part, guard: Guard) -> None:
        self.part = part
        self._guard = guard
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """The running process, None when there is none."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Start it and return when it serves. Raises StackError when it ends or takes too long; then it is stopped."""
        try:
            await self.launch()
            await self.until_ready()
        except BaseException:
            await self.stop()
            raise

    async def launch(self) -> None:
        """Start it and return at once. Raises StackError when that cannot be done."""
        self._process = await self._spawn()
        self._guard.watch(self._process.pid, self.part.stop_signal)

    async def until_ready(self) -> None:
        """Return when it serves. Raises StackError when it ends or takes too long."""
        assert self._process is not None, "spawned first"
        serving = asyncio.ensure_future(self._probe_until_ready())
        ending = asyncio.ensure_future(self._process.wait())
        try:
            await asyncio.wait({serving, ending}, return_when=asyncio.FIRST_COMPLETED)
            if ending.done():
                raise StackError(f"{self.part.name} ended with code {ending.result()} before it served{self._why()}")
            await serving
        finally:
            serving.cancel()
            ending.cancel()

    async def ended(self) -> int:
        """Wait for its end, clear what it left of its process group, and answer the exit code."""
        assert self._process is not None, "started before it is waited for"
        code = await self._process.wait()
        self._kill_group()
        self._guard.forget(self._process.pid, self.part.stop_signal)
        return code

    async def stop(self) -> None:
        """Ask it to stop and wait; past the deadline, kill it."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(self.part.stop_signal)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), self.part.stop_seconds_max)
        self._kill_group()
        await self.ended()

    def log_tail(self) -> str:
        """The last lines it wrote, indented, for a report of what went wrong."""
        return _tail(self.part.log_path)

    async def _spawn(self) -> asyncio.subprocess.Process:
        part = self.part
        try:
            with _opened(part.log_path) as log:
                return await asyncio.create_subprocess_exec(
                    *part.command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=asyncio.subprocess.STDOUT,
                    env=dict(part.environment),
                    cwd=part.directory,
                    start_new_session=True,
                    **as_user(part.user),
                )
        except OSError as error:
            raise StackError(f"{part.name} cannot be started: {error}") from error

    async def _probe_until_ready(self) -> None:
        attempts = AsyncRetrying(
            retry=retry_if_exception_type(NotReadyError),
            wait=wait_fixed(_PROBE_EVERY_SECONDS),
            stop=stop_after_delay(self.part.ready_seconds_max),
        )
        try:
            await attempts(self.part.ready)
        except RetryError as error:
            reason = error.last_attempt.exception()
            seconds = self.part.ready_seconds_max
            raise StackError(f"{self.part.name} did not serve within {seconds:g} s: {reason}{self._why()}") from reason

    def _why(self) -> str:
        return f"\n{self.part.log_path} ends with:\n{self.log_tail()}"

    def _kill_group(self) -> None:
        assert self._process is not None, "started before it is killed"
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)


def as_user(user: str) -> Mapping[str, Any]:
    """Arguments for starting a process under another account; none for our own."""
    if not user:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def _opened(log_path: Path) -> BinaryIO:
    log_path.parent.mkdir(parents=True, exist_ok=True)
    return log_path.open("ab")


def _tail(path: Path) -> str:
    try:
        lines = path.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    return "\n".join(f"  {line}" for line in lines[-_TAIL_LINES:]) or "  (nothing)"
