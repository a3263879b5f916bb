from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest

from holdfast.stack.ports import LOOPBACK, free_port
from tests.chaos.links import Link

PATIENCE_SECONDS = 10.0
SHORT_SECONDS = 0.2
"""Long enough for an answer over loopback that nothing holds back."""

Pipe = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


class Door:
    """A link to an echo, and whoever goes through it."""

    def __init__(self, link: Link, port: int, opened: AsyncExitStack) -> None:
        self.link = link
        self._port = port
        self._opened = opened

    async def enter(self) -> Pipe:
        reader, writer = await asyncio.open_connection(LOOPBACK, self._port)
        self._opened.callback(writer.close)
        return reader, writer


@asynccontextmanager
async def a_door() -> AsyncIterator[Door]:
    server = await asyncio.start_server(_echo, LOOPBACK, 0)
    there, here = server.sockets[0].getsockname()[1], free_port()
    async with server, Link("echo", {here: there}).opened() as link, AsyncExitStack() as opened:
        yield Door(link, here, opened)


async def said(pipe: Pipe, words: bytes) -> bytes:
    pipe[1].write(words)
    return await asyncio.wait_for(pipe[0].readexactly(len(words)), PATIENCE_SECONDS)


async def test_a_link_carries_much_both_ways_and_the_farewell_too() -> None:
    async with a_door() as door:
        reader, writer = await door.enter()
        words = bytes(range(256)) * 20_000
        assert await said((reader, writer), words) == words
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), PATIENCE_SECONDS) == b""


async def test_a_cut_resets_what_is_open_and_welcomes_what_comes() -> None:
    async with a_door() as door:
        pipe = await door.enter()
        assert await said(pipe, b"before") == b"before"
        await door.link.cut()
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(pipe[0].read(), PATIENCE_SECONDS)
        assert await said(await door.enter(), b"after") == b"after"


async def test_a_refusing_link_takes_nobody_until_it_is_restored() -> None:
    async with a_door() as door:
        await door.link.refuse()
        with pytest.raises(ConnectionRefusedError):
            await door.enter()
        await door.link.restore()
        assert await said(await door.enter(), b"again") == b"again"


async def test_a_stalled_link_swallows_old_and_new_connections_and_loses_nothing() -> None:
    async with a_door() as door:
        old = await door.enter()
        assert await said(old, b"before") == b"before"
        await door.link.stall()
        new = await door.enter()
        for reader, writer in (old, new):
            writer.write(b"hello")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), SHORT_SECONDS)
        await door.link.restore()
        for reader, _ in (old, new):
            assert await asyncio.wait_for(reader.readexactly(5), PATIENCE_SECONDS) == b"hello"


async def test_a_server_that_is_away_looks_like_one_behind_a_load_balancer() -> None:
    async with Link("nobody", {(here := free_port()): free_port()}).opened():
        reader, writer = await asyncio.open_connection(LOOPBACK, here)
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)
        writer.close()
