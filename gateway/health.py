"""How the things we depend on are doing, each looked at with a time limit, answers kept for a moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from runtime.logs import get_logger

CHECK_SECONDS_MAX = 2.0
KEPT_SECONDS = 1.0

_log = get_logger(__name__)

Check = Callable[[], Awaitable[None]]
"""Returns when the dependency answers, raises when it does not."""


@dataclass(frozen=True, slots=True)
class DependencyHealth:
    """One dependency. Without a `required` one we cannot serve; without another we are only slower or later.

    `error` is for our log alone: it may name addresses.
    """

    is_up: bool
    required: bool
    seconds: float
    error: str = ""


class HealthChecks:
    """The health of all dependencies, by name, and whether this process still takes work."""

    def __init__(self, *, required: Mapping[str, Check], optional: Mapping[str, Check]) -> None:
        self._required = dict(required)
        self._optional = dict(optional)
        self._kept: dict[str, DependencyHealth] = {}
        self._kept_until = 0.0
        self._draining = False

    async def __call__(self) -> dict[str, DependencyHealth]:
        """Every dependency's health, looked at now or a moment ago."""
        if time.monotonic() >= self._kept_until:
            found = await self._look()
            _log_changes(self._kept, found)
            self._kept = found
            self._kept_until = time.monotonic() + KEPT_SECONDS
        return dict(self._kept)

    async def is_ready(self) -> bool:
        """Whether new work is welcome: everything required is up, and we are not about to stop."""
        if self._draining:
            return False
        return all(dependency.is_up for dependency in (await self()).values() if dependency.required)

    def drain(self) -> None:
        """Say from now on that no new work is welcome."""
        self._draining = True

    async def _look(self) -> dict[str, DependencyHealth]:
        checks = [(name, check, True) for name, check in self._required.items()]
        checks += [(name, check, False) for name, check in self._optional.items()]
        outcomes = await asyncio.gather(*(_look_at(check, required) for _, check, required in checks))
        return {name: outcome for (name, _, _), outcome in zip(checks, outcomes, strict=True)}


async def _look_at(check: Check, required: bool) -> DependencyHealth:
    begin = time.perf_counter()
    error = ""
    try:
        async with asyncio.timeout(CHECK_SECONDS_MAX):
            await check()
    except Exception as failure:
        error = repr(failure)
    return DependencyHealth(not error, required, time.perf_counter() - begin, error)


def _log_changes(before: Mapping[str, DependencyHealth], now: Mapping[str, DependencyHealth]) -> None:
    """One line when a dependency goes, for each reason, and one when it comes back, however often it is looked at."""
    for name, health in now.items():
        error_before = before[name].error if name in before else ""
        if health.error and health.error != error_before:
            _log.warning("dependency_down", dependency=name, error=health.error)
        elif error_before and health.is_up:
            _log.info("dependency_up", dependency=name)
