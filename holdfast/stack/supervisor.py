"""A group of parts that start together, are started again when they die, and stop together.

Order between groups is the caller's: whoever starts the servers before the processes stops them after. Says what
happens through `report` and prints nothing itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext

from holdfast.stack.errors import StackError
from holdfast.stack.guard import Guard
from holdfast.stack.part import Part
from holdfast.stack.process import PartProcess

BACKOFF_SECONDS_MIN = 0.2
BACKOFF_SECONDS_MAX = 5.0
SETTLED_SECONDS = 10.0
"""Who lived this long starts again without a penalty from earlier deaths."""

Report = Callable[[str, str, str], None]
"""Told the part's name, what happened (starting, ready, died, failed, stopped) and details."""


def silent(_part: str, _event: str, _detail: str) -> None:
    """The report of someone who does not want to know."""


class Supervisor:
    """Starts `parts` side by side, keeps them up and stops them."""

    def __init__(self, parts: Sequence[Part], guard: Guard, report: Report = silent) -> None:
        self._processes = {part.name: PartProcess(part, guard) for part in parts}
        self._report = report

    def __getitem__(self, name: str) -> PartProcess:
        """The process of one part, for someone who stops and starts it by hand."""
        return self._processes[name]

    def pids(self) -> dict[str, int]:
        """Process ids by part, of those that run now."""
        return {name: process.pid for name, process in self._processes.items() if process.pid is not None}

    @asynccontextmanager
    async def running(self, *, keep_up: bool) -> AsyncIterator[None]:
        """All parts serve inside and have ended after; with `keep_up`, one that dies meanwhile is started again.

        Raises StackError naming each part that did not start.
        """
        try:
            await self._start()
            async with self._kept_up() if keep_up else nullcontext():
                yield
        finally:
            await asyncio.gather(*map(self._stop, self._processes.values()))

    async def _start(self) -> None:
        starts = map(self._start_first, self._processes.values())
        outcomes = await asyncio.gather(*starts, return_exceptions=True)
        failures = [outcome for outcome in outcomes if isinstance(outcome, StackError)]
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, StackError):
                raise outcome
        if failures:
            raise StackError("\n".join(map(str, failures)))

    @asynccontextmanager
    async def _kept_up(self) -> AsyncIterator[None]:
        keepers = [asyncio.create_task(self._keep_up(process)) for process in self._processes.values()]
        try:
            yield
        finally:
            for keeper in keepers:
                keeper.cancel()
            await asyncio.wait(keepers)

    async def _start_first(self, process: PartProcess) -> None:
        part = process.part
        self._report(part.name, "starting", "")
        await part.prepare()
        await process.start()
        await part.provision()
        self._report(part.name, "ready", f"pid {process.pid}")

    async def _keep_up(self, process: PartProcess) -> None:
        clock = asyncio.get_running_loop().time
        backoff_seconds = BACKOFF_SECONDS_MIN
        started_at = clock()
        while True:
            code = await process.ended()
            self._report(process.part.name, "died", f"code {code}, starting it again")
            if clock() - started_at >= SETTLED_SECONDS:
                backoff_seconds = BACKOFF_SECONDS_MIN
            await asyncio.sleep(backoff_seconds)
            backoff_seconds = min(BACKOFF_SECONDS_MAX, backoff_seconds * 2)
            started_at = clock()
            await self._start_again(process)

    async def _start_again(self, process: PartProcess) -> None:
        """One that lives but does not serve yet is left alone: it may be recovering, or waiting for another part."""
        try:
            await process.launch()
            await process.until_ready()
        except StackError as error:
            self._report(process.part.name, "failed", str(error))
        else:
            self._report(process.part.name, "ready", f"pid {process.pid}")

    async def _stop(self, process: PartProcess) -> None:
        if process.pid is not None:
            await process.stop()
            self._report(process.part.name, "stopped", "")
