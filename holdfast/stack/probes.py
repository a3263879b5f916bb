"""Questions that only a working server answers, one per protocol. Each raises NotReadyError with what it saw.

They speak just enough of a protocol to know that it is spoken; real clients live in the layers below.
"""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Awaitable, Callable

from holdfast.stack.errors import NotReadyError

Probe = Callable[[], Awaitable[None]]
"""Returns when the part serves, raises NotReadyError while it does not."""

_PROBE_SECONDS_MAX = 3.0

_KAFKA_API_VERSIONS = b"\x00\x00\x00\x0a" + b"\x00\x12\x00\x00" + b"\x00\x00\x00\x2a" + b"\xff\xff"
"""Size 10; ApiVersions (18), version 0; correlation id 42; no client id: kafka.apache.org/protocol."""


async def kafka_answers(host: str, port: int) -> None:
    """A broker tells its API versions, without an error."""
    answer = await _exchange(host, port, _KAFKA_API_VERSIONS, answer_bytes=10)
    if answer[4:8] != _KAFKA_API_VERSIONS[8:12] or answer[8:10] != b"\x00\x00":
        raise NotReadyError(f"unexpected answer to ApiVersions: {answer!r}")


async def redis_answers(host: str, port: int, password: str = "") -> None:
    """PING is answered, after AUTH where a password is set."""
    greeting = f"*2\r\n$4\r\nAUTH\r\n${len(password.encode())}\r\n{password}\r\n".encode() if password else b""
    expected = b"+OK\r\n+PONG\r\n" if password else b"+PONG\r\n"
    answer = await _exchange(host, port, greeting + b"PING\r\n", answer_bytes=len(expected))
    if answer != expected:
        raise NotReadyError(f"unexpected answer to PING: {answer!r}")


async def accepts_connections(host: str, port: int) -> None:
    """Somebody listens there: all that is asked of a service that is not ours to start."""
    await _exchange(host, port, b"", answer_bytes=0)


async def http_answers(host: str, port: int, path: str) -> None:
    """GET answers 200."""
    status = await asyncio.to_thread(_http_status, host, port, path)
    if status != http.client.OK:
        raise NotReadyError(f"GET {path} answers {status}")


def _http_status(host: str, port: int, path: str) -> int:
    connection = http.client.HTTPConnection(host, port, timeout=_PROBE_SECONDS_MAX)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise NotReadyError(f"GET {path} on port {port}: {error or type(error).__name__}") from error
    finally:
        connection.close()


async def _exchange(host: str, port: int, request: bytes, *, answer_bytes: int) -> bytes:
    try:
        async with asyncio.timeout(_PROBE_SECONDS_MAX):
            return await _send_and_read(host, port, request, answer_bytes)
    except (OSError, asyncio.IncompleteReadError) as error:
        raise NotReadyError(f"{host}:{port}: {error or type(error).__name__}") from error


async def _send_and_read(host: str, port: int, request: bytes, answer_bytes: int) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(request)
        await writer.drain()
        return await reader.readexactly(answer_bytes)
    finally:
        writer.close()
