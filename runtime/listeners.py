"""How a process leaves a port that others serve on, without failing anybody who has just connected.

A kernel completes connections before anybody accepts them, and the end of a listening socket resets those that wait in
its queue, also when other processes listen on the same port (SO_REUSEPORT). So the socket first stops taking part in
new connections: a filter drops their first packet (SYN) while all else passes. Whoever connects at that moment asks
again a second later, as TCP does with any lost packet, and finds another process, or none.

Works on whatever library listens: gRPC shows its sockets to nobody. Linux only; elsewhere the functions do nothing.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import stat
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

SETTLE_SECONDS = 0.2
"""How long connections that were begun before may take to be complete and accepted."""

LOOK_EVERY_SECONDS = 0.1

_OPEN_FILES = Path("/proc/self/fd")
_SO_ATTACH_FILTER = 26
"""Of Linux; Python's socket module does not name it."""

_SYN_BYTE, _SYN_AND_ACK, _SYN = 13, 0x12, 0x02
_DROP, _KEEP = 0, 0xFFFFFFFF

_DROP_FIRST_PACKETS = (
    (0x30, 0, 0, _SYN_BYTE),  # load the byte of the TCP header that has the flags
    (0x54, 0, 0, _SYN_AND_ACK),  # of these, SYN and ACK
    (0x15, 0, 1, _SYN),  # SYN alone?
    (0x06, 0, 0, _DROP),
    (0x06, 0, 0, _KEEP),
)
"""Classic BPF (Linux, Documentation/networking/filter.rst): code, jump if true, jump if false, operand."""


async def turn_away_new_connections(port: int) -> None:
    """Keep new connections away from our listening sockets of a port, and have those that were begun accepted."""
    for listener in _sockets(port, listening=True):
        _attach(listener, _DROP_FIRST_PACKETS)
    await asyncio.sleep(SETTLE_SECONDS)


def end_listening(port: int) -> None:
    """End our listening sockets of a port over their owner's head, for one that can only stop with all it serves."""
    for listener in _sockets(port, listening=True):
        listener.shutdown(socket.SHUT_RDWR)


async def until_all_have_left(port: int) -> None:
    """Return when nobody is connected to us on a port any more."""
    while any(_sockets(port, listening=False)) or sys.platform != "linux":  # noqa: ASYNC110 - a socket tells nobody
        await asyncio.sleep(LOOK_EVERY_SECONDS)


def _sockets(port: int, *, listening: bool) -> Iterator[socket.socket]:
    """Our TCP sockets of a local port, as duplicates that are closed after use."""
    for number in map(int, os.listdir(_OPEN_FILES) if sys.platform == "linux" else ()):
        try:
            if not stat.S_ISSOCK(os.fstat(number).st_mode):
                continue
            duplicate = socket.socket(fileno=os.dup(number))
        except OSError:
            continue  # closed meanwhile
        with duplicate:
            if _is_of(duplicate, port) and (_listens(duplicate) if listening else _is_connected(duplicate)):
                yield duplicate


def _is_of(one: socket.socket, port: int) -> bool:
    internet = one.family in {socket.AF_INET, socket.AF_INET6} and one.type == socket.SOCK_STREAM
    return internet and one.getsockname()[1] == port


def _listens(one: socket.socket) -> bool:
    return bool(one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _is_connected(one: socket.socket) -> bool:
    try:
        one.getpeername()
    except OSError:
        return False
    return True


def _attach(listener: socket.socket, program: tuple[tuple[int, int, int, int], ...]) -> None:
    instructions = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    kept = ctypes.create_string_buffer(instructions, len(instructions))
    described = struct.pack("@HP", len(program), ctypes.addressof(kept))
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)
