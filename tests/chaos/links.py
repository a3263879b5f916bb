"""A network that can be broken: each link carries TCP connections to one server, until it is told otherwise.

It can cut what is open, refuse what comes, or swallow everything for a while as a dead switch does. Knows no protocol.
A server that is down looks through a link as it does behind a load balancer: the connection opens and is reset.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from holdfast.stack.ports import LOOPBACK

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Link:
    """The way to the server `name`: who knocks at a port of `routes` is led to the port beside it."""

    def __init__(self, name: str, routes: Mapping[int, int]) -> None:
        self.name = name
        self._routes = dict(routes)
        self._listening: list[asyncio.Server] = []
        self._ends: set[_End] = set()
        self._dialling: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Link]:
        """Carries connections inside; none is left after."""
        await self._listen()
        try:
            yield self
        finally:
            await self.refuse()
            for task in self._dialling:
                task.cancel()

    async def cut(self) -> None:
        """Reset every connection; new ones are welcome at once."""
        for end in list(self._ends):
            end.reset()

    async def refuse(self) -> None:
        """Reset every connection and take no new one, until restored."""
        for server in self._listening:
            server.close()
        self._listening.clear()
        await self.cut()

    async def stall(self) -> None:
        """Carry nothing more, in neither direction, and tell nobody, until restored. Nothing is lost on the way."""
        self._flowing.clear()
        self._look_again()

    async def restore(self) -> None:
        """Be whole again."""
        self._flowing.set()
        self._look_again()
        if not self._listening:
            await self._listen()

    @property
    def is_flowing(self) -> bool:
        """False while it is stalled."""
        return self._flowing.is_set()

    def joined(self, end: _End) -> None:
        """An end of a connection that was opened."""
        self._ends.add(end)

    def left(self, end: _End) -> None:
        """An end that is closed."""
        self._ends.discard(end)

    def dial(self, near: _End, port: int) -> None:
        """Open the other half of a connection, as soon as the link carries anything."""
        task = asyncio.get_running_loop().create_task(self._dial(near, port))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)

    async def _dial(self, near: _End, port: int) -> None:
        await self._flowing.wait()
        far = _End(self)
        try:
            await asyncio.get_running_loop().create_connection(lambda: far, LOOPBACK, port)
        except OSError:
            near.reset()
        else:
            near.marry(far)

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        for here, there in self._routes.items():
            server = await loop.create_server(lambda port=there: _End(self, port), LOOPBACK, here, backlog=512)
            self._listening.append(server)

    def _look_again(self) -> None:
        for end in self._ends:
            end.read_or_not()


class _End(asyncio.Protocol):
    """One end of a carried connection: what arrives here leaves at its mate. With `port`, its mate is there."""

    def __init__(self, link: Link, port: int | None = None) -> None:
        self._link = link
        self._port = port
        self._mate: _End | None = None
        self._transport: Any = None
        self._is_full = False
        self._is_reading = True

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._link.joined(self)
        self.read_or_not()
        if self._port is not None:
            self._link.dial(self, self._port)

    def marry(self, mate: _End) -> None:
        """The connection is whole: let it flow. A half that was closed meanwhile takes the other with it."""
        self._mate, mate._mate = mate, self
        if self._transport.is_closing() or mate._transport.is_closing():
            self.reset()
            mate.reset()
            return
        self.read_or_not()
        mate.read_or_not()

    def data_received(self, data: bytes) -> None:
        assert self._mate is not None, "nothing is read before there is somebody to tell"
        self._mate._transport.write(data)

    def eof_received(self) -> bool:
        if self._mate is not None and not self._mate._transport.is_closing():
            self._mate._transport.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._link.left(self)
        if self._mate is None:
            return
        if exc is None:
            self._mate._transport.close()
        else:
            self._mate.reset()

    def pause_writing(self) -> None:
        self._is_full = True
        if self._mate is not None:
            self._mate.read_or_not()

    def resume_writing(self) -> None:
        self._is_full = False
        if self._mate is not None:
            self._mate.read_or_not()

    def reset(self) -> None:
        """Close without a farewell, as a firewall does that forgot the connection."""
        if self._transport is None or self._transport.is_closing():
            return
        carrier = self._transport.get_extra_info("socket")
        carrier.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    def read_or_not(self) -> None:
        """Read exactly while the link flows and the mate can take it."""
        may_read = self._link.is_flowing and self._mate is not None and not self._mate._is_full
        if may_read == self._is_reading or self._transport.is_closing():
            return
        self._is_reading = may_read
        if may_read:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()
