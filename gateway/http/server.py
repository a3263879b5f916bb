"""The listening socket of the REST face, with every limit of the protocol spelled out, and its orderly end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from domain.errors import HoldfastError, Malformed
from gateway.http.app import draining
from gateway.http.problems import Broken, problem_answer
from runtime.listeners import turn_away_new_connections, until_all_have_left
from runtime.logs import get_logger
from runtime.settings import Settings

KEEP_ALIVE_SECONDS = 75.0
"""Longer than the usual 60 of a load balancer, so that it is the one who closes; also the limit for slow headers."""

LINGER_SECONDS = 2.0
"""How long the rest of a refused body is read before the connection is closed."""

HEADER_BYTES_MAX = 16_384
REQUEST_LINE_BYTES_MAX = 8_192
HEADERS_MAX = 100
BACKLOG = 1_024
LAST_WORDS_SECONDS = 1.0
"""For connections that are still open when everything in hand has ended."""

_log = get_logger(__name__)


class HttpServer:
    """The REST face on a port: start it, leave the port to others, stop it."""

    def __init__(self, app: web.Application, settings: Settings) -> None:
        self._draining = draining(app)
        self._grace_seconds = settings.shutdown_grace_seconds
        self._runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=LAST_WORDS_SECONDS)
        self._site: _Site | None = None
        self.port = 0

    async def start(self, host: str, port: int, *, reuse_port: bool = False) -> None:
        """Serve from now on; `port` 0 takes a free one. Raises OSError when the port cannot be had."""
        await self._runner.setup()
        self._site = _Site(self._runner, host, port, reuse_port)
        await self._site.start()
        self.port = int(self._runner.addresses[0][1])
        _log.info("http_served", host=host, port=self.port)

    @property
    def is_listening(self) -> bool:
        """Whether new connections come here."""
        return self._site is not None and self._site.is_listening

    async def announce(self) -> None:
        """Close each connection with its next answer."""
        self._draining.announce()

    async def take_no_new_connections(self) -> None:
        """Leave the port to others; connections that are open go on."""
        await turn_away_new_connections(self.port)
        await self._stop_listening()

    async def until_all_have_left(self) -> None:
        """Return when no connection is open."""
        await until_all_have_left(self.port)

    async def stop(self) -> None:
        """Stop listening, answer whoever is connected once more, and wait for what is in hand, at most
        SHUTDOWN_GRACE_SECONDS; then close everything.
        """
        try:
            await self._stop_listening()
            await self.announce()
            if not await self._draining.wait(self._grace_seconds):
                _log.warning("http_requests_cut_off")
        finally:
            await self._runner.cleanup()

    async def _stop_listening(self) -> None:
        if self._site is not None:
            await self._site.stop_listening()


@asynccontextmanager
async def serve_http(
    app: web.Application, settings: Settings, *, host: str, port: int, reuse_port: bool = False
) -> AsyncIterator[int]:
    """Serve the application while the context is open; yields the port. Raises OSError when it cannot be had."""
    server = HttpServer(app, settings)
    try:
        await server.start(host, port, reuse_port=reuse_port)
        yield server.port
    finally:
        await server.stop()


class _Protocol(web.RequestHandler):
    """aiohttp's protocol, with its own errors (a broken request line, a header too long) in our shape."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - quotes what came in
    ) -> web.StreamResponse:
        """Answer what never became a request, and close."""
        error: HoldfastError = Broken("") if status >= 500 else Malformed("this is not a well-formed HTTP/1.1 request")
        _log.info("http_protocol_error", status=status, error=type(exc).__name__)
        answer = problem_answer(error, request.path)
        response = web.Response(status=answer.status, headers=answer.headers, body=answer.body)
        response.headers["Server"] = "holdfast"
        response.force_close()
        return response


class _Site(web.BaseSite):
    """A TCP socket that speaks _Protocol."""

    __slots__ = ("_host", "_port", "_reuse_port")

    def __init__(self, runner: web.AppRunner, host: str, port: int, reuse_port: bool) -> None:
        super().__init__(runner, backlog=BACKLOG)
        self._host = host
        self._port = port
        self._reuse_port = reuse_port

    @property
    def name(self) -> str:
        """Where it listens."""
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Bind and listen."""
        await super().start()
        self._server = await asyncio.get_running_loop().create_server(
            self._protocol, self._host, self._port, backlog=BACKLOG, reuse_port=self._reuse_port or None
        )

    @property
    def is_listening(self) -> bool:
        """Whether it takes new connections."""
        return self._server is not None and bool(self._server.is_serving())

    async def stop_listening(self) -> None:
        """Take no new connection; those that are open go on."""
        if self._server is not None:
            self._server.close()

    def _protocol(self) -> _Protocol:
        limits: dict[str, Any] = {
            "max_line_size": REQUEST_LINE_BYTES_MAX,
            "max_field_size": HEADER_BYTES_MAX,
            "max_headers": HEADERS_MAX,
            "access_log": None,
            "auto_decompress": False,
        }
        server = self._runner.server
        assert server is not None, "the runner is set up before its site starts"
        return _Protocol(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            lingering_time=LINGER_SECONDS,
            **limits,
        )
