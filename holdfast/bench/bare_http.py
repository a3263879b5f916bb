"""The yardstick of an HTTP answer: a bare aiohttp handler with a JSON body, in a process of its own.

`python -m holdfast.bench.bare_http PORT` serves POST /api/v1/availability/check until it is ended.
"""

from __future__ import annotations

import asyncio
import sys

import uvloop
from aiohttp import web

ANSWER = {"available": True, "quantityAvailable": 1_000_000, "warehouses": []}


async def answer(request: web.Request) -> web.Response:
    """Read the body, answer a constant."""
    await request.json()
    return web.json_response(ANSWER)


async def serve(port: int) -> None:
    """Serve until cancelled."""
    app = web.Application()
    app.router.add_post("/api/v1/availability/check", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
