"""HTTP/1.1 as no client writes it: smuggled requests, floods of headers, bodies too long or too slow.

A good request that would make a warehouse hides behind each shape whose end is a matter of opinion: nobody may see it.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
import uuid
from collections.abc import Iterator

from gateway.http.server import HEADER_BYTES_MAX, HEADERS_MAX, KEEP_ALIVE_SECONDS, REQUEST_LINE_BYTES_MAX
from tests.attack.findings import Findings
from tests.attack.state import State
from tests.attack.target import Target

PATH = "/api/v1/warehouses"
ANSWER_SECONDS_MAX = 5.0
PAUSE_SECONDS = 0.1
PACKET_BYTES = 65_536
_STATUS = re.compile(rb"^HTTP/1\.[01] (\d{3}) ", re.MULTILINE)


def smuggling(good: bytes, host: str) -> Iterator[tuple[str, bytes]]:
    """Requests whose end two readers could see in two places, each with a good request in what is left."""
    head = f"POST {PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n".encode()
    length, chunked, rest = b"Content-Length: %d\r\n" % len(good), b"Transfer-Encoding: chunked\r\n", b"\r\n" + good
    none = b"0\r\n\r\n" + good
    yield "length and chunks", head + length + chunked + b"\r\n" + none
    yield "chunks and length", head + chunked + b"Content-Length: 3\r\n\r\n" + none
    for other in (
        b"xchunked",
        b"chunked, identity",
        b"chunked, chunked",
        b"identity",
        b"\x0bchunked",
        b"gzip, chunked",
    ):
        yield f"coding {other!r}", head + b"Transfer-Encoding: " + other + b"\r\n\r\n" + none
    yield "coding before a colon", head + b"Transfer-Encoding : chunked\r\n" + length + b"\r\n" + none
    yield "coding folded", head + b"Transfer-Encoding:\r\n chunked\r\n" + length + b"\r\n" + none
    yield "codings", head + chunked + b"Transfer-Encoding: identity\r\n\r\n" + none
    for size in (b"-1", b"+0", b"0x0", b"0_0", b"1e1", b"", b"5 5", b"9" * 30, b"0\x00"):
        yield f"length {size!r}", head + b"Content-Length: " + size + b"\r\n" + rest
    yield "lengths apart", head + b"Content-Length: 0\r\nContent-Length: 5\r\n" + rest
    yield "lengths in one", head + b"Content-Length: 0, 5\r\n" + rest
    for size in (b"-1", b"0x0", b"G", b"0_0", b"F" * 20, b"", b"0 0"):
        yield f"chunk {size!r}", head + chunked + b"\r\n" + size + b"\r\n\r\n" + good
    yield "chunk that runs on", head + chunked + b"\r\n2\r\n{}XX0\r\n\r\n" + good
    yield "trailer a header", head + chunked + b"\r\n0\r\nContent-Length : 5\r\n\r\n" + good
    yield "lines end in CR", head.replace(b"\r\n", b"\r") + rest
    yield "space in the name", head + b"X Y: 1\r\n" + rest
    yield "name empty", head + b": 1\r\n" + rest
    yield "NUL in a value", head + b"X-Y: a\x00b\r\n" + rest
    yield "CR in a value", head + b"X-Y: a\rb\r\n" + rest
    yield "no colon", head + b"X-Y\r\n" + rest


def shapes(host: str, bearer: str) -> Iterator[tuple[str, bytes]]:
    """Requests that are refused, or make no sense, or too much of it."""
    end, get = f" HTTP/1.1\r\nHost: {host}\r\nAuthorization: {bearer}\r\n", f"GET {PATH}"
    yield "HTTP/0.9", f"{get}\r\n\r\n".encode()
    yield "HTTP/9.9", f"{get} HTTP/9.9\r\nHost: {host}\r\n\r\n".encode()
    yield "HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    yield "TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n"
    for method in ("TRACE", "CONNECT", "PATCH", "PROPFIND", "post", "A" * 50):
        yield f"method {method[:10]}", f"{method} {PATH}{end}\r\n".encode()
    yield "method with a slash", f"GE/T {PATH}{end}\r\n".encode()
    for path in (
        "/../../etc/passwd",
        "/docs/../../etc/passwd",
        "/docs/%2e%2e%2fpyproject.toml",
        "/docs/..%5c",
        "//x/y",
        "/%",
        "/%ff%fe",
        "/%00",
        "*",
        f"{PATH}/%2e%2e/inventory/%00",
        "/docs/.%00./x",
        "/api/v1/./x",
    ):
        yield f"path {path}", f"GET {path}{end}\r\n".encode()
    yield "path of bytes", b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n"
    yield "line too long", f"GET /{'a' * REQUEST_LINE_BYTES_MAX}{end}\r\n".encode()
    yield "query too long", f"{get}?pageToken={'a' * 7_900}{end}\r\n".encode()
    flood = "".join(f"X-{number}: 1\r\n" for number in range(HEADERS_MAX + 1))
    yield "header flood", f"{get}{end}{flood}\r\n".encode()
    yield "header too long", f"{get}{end}X-Long: {'x' * (HEADER_BYTES_MAX + 1)}\r\n\r\n".encode()
    yield "name too long", f"{get}{end}{'x' * (HEADER_BYTES_MAX + 1)}: 1\r\n\r\n".encode()
    yield "two tokens", f"{get}{end}Authorization: {bearer}\r\n\r\n".encode()
    yield "two keys", f"POST {PATH}{end}Idempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: 0\r\n\r\n".encode()
    yield "key of controls", f"POST {PATH}{end}Idempotency-Key: \x7f\x01\r\nContent-Length: 0\r\n\r\n".encode()
    yield "expects a miracle", f"POST {PATH}{end}Expect: a-miracle\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    yield "compressed", f"POST {PATH}{end}Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b".encode("latin-1")
    yield "not ended", f"POST {PATH}{end}Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{{".encode()
    tags = ", ".join(f'"{number}"' for number in range(2_000))
    yield "tags", f"PUT {PATH}/{uuid.uuid4()}{end}If-Match: {tags}\r\nContent-Length: 2\r\n\r\n{{}}".encode()


class Sockets:
    """Writes bytes to the REST port and reads what comes back."""

    def __init__(self, target: Target, findings: Findings, state: State) -> None:
        self._target = target
        self._findings = findings
        self._state = state
        self._host = "{}:{}".format(*target.address)

    def every_shape(self) -> None:
        """Each shape once: nothing but 4xx comes back, and nothing moves."""
        for name, raw in smuggling(self._good(), self._host):
            self._send(f"smuggling: {name}", raw)
        for name, raw in shapes(self._host, self._target.bearer()):
            self._send(f"shape: {name}", raw)

    def too_much(self) -> None:
        """Bodies past the limit, with a length and in chunks that never end."""
        limit = self._target.settings.request_body_bytes_max
        head = f"POST {PATH} HTTP/1.1\r\nHost: {self._host}\r\nAuthorization: {self._target.bearer()}\r\n"
        head += "Content-Type: application/json\r\n"
        body = json.dumps({"code": "X", "name": "x" * limit}).encode()
        self._send("body: too long", f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body, only=413)
        self._send("body: a length alone", f"{head}Content-Length: {10**15}\r\n\r\n".encode(), only=413)
        chunks = b"%x\r\n%b\r\n" % (PACKET_BYTES, b" " * PACKET_BYTES) * (limit // PACKET_BYTES + 2)
        self._send("body: endless chunks", f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunks, only=413)
        self._send("body: deep", self._with_body(head, b"[" * (limit - 1)), only=400)
        self._send("body: a long number", self._with_body(head, b'{"priority": ' + b"9" * 100_000 + b"}"), only=400)

    def too_slow(self) -> None:
        """A body that trickles is answered, headers that trickle are hung up on. May go on beside everything else."""
        head = f"POST {PATH} HTTP/1.1\r\nHost: {self._host}\r\nAuthorization: {self._target.bearer()}\r\n"
        body = f"{head}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n".encode()
        self._trickle("slow: body", body, self._target.settings.request_timeout_seconds + ANSWER_SECONDS_MAX, 408)
        self._trickle("slow: headers", head.encode(), KEEP_ALIVE_SECONDS + ANSWER_SECONDS_MAX, None)

    def _good(self) -> bytes:
        body = json.dumps({"code": f"S-{uuid.uuid4().hex[:8]}", "name": "smuggled"})
        return (
            f"POST {PATH} HTTP/1.1\r\nHost: {self._host}\r\nAuthorization: {self._target.bearer()}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    def _with_body(self, head: str, body: bytes) -> bytes:
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def _send(self, operation: str, raw: bytes, *, only: int | None = None) -> None:
        with socket.create_connection(self._target.address, ANSWER_SECONDS_MAX) as connection:
            said = _exchanged(connection, raw)
        self._hear(operation, said, only, asked=raw.decode("latin-1"))
        self._state.judge(operation, refused=True)

    def _hear(self, operation: str, said: bytes, only: int | None, asked: str = "") -> None:
        statuses = [int(status) for status in _STATUS.findall(said)]
        for status in statuses or ["hung up"]:
            self._findings.count(operation, status)
        if any(not 400 <= status < 500 for status in statuses) or (only and statuses != [only]):
            self._findings.blame(operation, f"was answered {statuses}: {said[:300]!r}")
        self._findings.look_for_leaks(operation, said.decode("latin-1"), asked=asked)

    def _trickle(self, operation: str, head: bytes, seconds_max: float, status: int | None) -> None:
        deadline = time.monotonic() + seconds_max
        with socket.create_connection(self._target.address, ANSWER_SECONDS_MAX) as connection:
            connection.sendall(head)
            connection.settimeout(0.5)
            said, is_open = b"", True
            while is_open and time.monotonic() < deadline:
                try:
                    connection.sendall(b"x")
                    is_open = bool(heard := connection.recv(PACKET_BYTES))
                    said += heard
                except TimeoutError:
                    continue
                except OSError:
                    is_open = False
        if is_open:
            self._findings.blame(operation, f"still waits after {seconds_max:g} seconds")
        self._hear(operation, said, status)


def _exchanged(connection: socket.socket, raw: bytes) -> bytes:
    """Write it all, and read until the other side closes. A pause means that it has nothing to say yet, or waits for
    more: it hears that there is none.
    """
    said = b""
    with contextlib.suppress(OSError):  # hung up on while we wrote; what it said before is still there
        connection.sendall(raw)
    connection.settimeout(PAUSE_SECONDS)
    is_over = False
    while True:
        try:
            heard = connection.recv(PACKET_BYTES)
        except TimeoutError:
            if is_over:
                return said
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(ANSWER_SECONDS_MAX)
            is_over = True
        except OSError:
            return said
        else:
            if not heard:
                return said
            said += heard
