"""The small HTTP server beside a process without an API: is it alive, is it ready, its metrics.

Answers name what failed and nothing of why; the reason goes to the log. Changes nothing.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

from runtime.logs import get_logger
from runtime.metrics import exposition

CHECK_SECONDS_MAX = 2.0

Check = Callable[[], Awaitable[object]]
"""Looks at one thing; has failed when it raises, answers False or takes too long."""

Checks = Mapping[str, Check]
"""What a process depends on, by name."""

_told: dict[str, str] = {}
"""Why each check fails, as it was last logged: a probe comes every few seconds, and says something new once."""

_log = get_logger(__name__)


async def failed_checks(checks: Checks, *, seconds_max: float = CHECK_SECONDS_MAX) -> list[str]:
    """The names of the checks that fail, all tried at once within `seconds_max`; why is logged once."""
    outcomes = await asyncio.gather(*(_passes(name, check, seconds_max) for name, check in checks.items()))
    return [name for name, passes in zip(checks, outcomes, strict=True) if not passes]


@asynccontextmanager
async def serve_health(
    host: str, port: int, checks: Checks, process: str, *, ports_tried: int = 1, reuse_port: bool = False
) -> AsyncIterator[int]:
    """Serve /health/live, /health/ready, /health and /metrics while the context is open; yields the port.

    Port 0 takes a free one. When `port` is taken, the next ones are tried, `ports_tried` in all. `reuse_port` lets
    several processes share it. Raises OSError when none can be had.
    """
    runner = web.AppRunner(_application(checks, process), access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        bound = await _bind(runner, host, port, ports_tried, reuse_port)
        _log.info("health_served", host=host, port=bound)
        yield bound
    finally:
        await runner.cleanup()


def _application(checks: Checks, process: str) -> web.Application:
    async def live(_request: web.Request) -> web.Response:
        return web.json_response({"status": "up", "process": process, "pid": os.getpid()})

    async def ready(_request: web.Request) -> web.Response:
        failed = await failed_checks(checks)
        body = {
            "status": "down" if failed else "up",
            "process": process,
            "checks": {name: "down" if name in failed else "up" for name in checks},
        }
        return web.json_response(body, status=503 if failed else 200)

    application = web.Application()
    application.router.add_get("/health", ready)
    application.router.add_get("/health/live", live)
    application.router.add_get("/health/ready", ready)
    application.router.add_get("/metrics", _metrics)
    return application


async def _metrics(_request: web.Request) -> web.Response:
    text, content_type = await asyncio.to_thread(exposition)
    return web.Response(body=text, headers={"Content-Type": content_type})


async def _bind(runner: web.AppRunner, host: str, port: int, ports_tried: int, reuse_port: bool) -> int:
    for candidate in range(port, port + ports_tried):
        site = web.TCPSite(runner, host, candidate, reuse_port=reuse_port or None)
        try:
            await site.start()
        except OSError as error:
            if error.errno != errno.EADDRINUSE or candidate == port + ports_tried - 1:
                raise
        else:
            break
    return int(runner.addresses[0][1])


async def _passes(name: str, check: Check, seconds_max: float) -> bool:
    try:
        async with asyncio.timeout(seconds_max):
            answer = await check()
    except Exception as error:
        _tell(name, repr(error))
        return False
    _tell(name, "answered no" if answer is False else "")
    return answer is not False


def _tell(name: str, why: str) -> None:
    """Log that a check fails, and when it passes again (`why` is empty)."""
    if why == _told.get(name, ""):
        return
    _told[name] = why
    if why:
        _log.warning("health_check_failed", check=name, error=why)
    else:
        _log.info("health_check_passes", check=name)
