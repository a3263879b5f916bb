"""Leaving a port: connections that were begun are kept, later ones go to whoever listens there as well."""

from __future__ import annotations

import asyncio
import socket
import sys

import pytest

from runtime.listeners import end_listening, turn_away_new_connections, until_all_have_left

LOOPBACK = "127.0.0.1"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="filters on sockets are Linux's")


def listener(port: int = 0) -> socket.socket:
    """A socket that listens and shares its port; accepts when it is told to."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    one.bind((LOOPBACK, port))
    one.listen()
    one.setblocking(False)
    return one


def caller() -> socket.socket:
    one = socket.socket()
    one.setblocking(False)
    return one


async def test_who_connects_while_a_port_is_left_is_taken_by_the_next_listener_and_nobody_is_reset() -> None:
    loop = asyncio.get_running_loop()
    with listener() as old, caller() as early, caller() as late:
        address = old.getsockname()
        await loop.sock_connect(early, address)  # complete, and in the queue of the old one
        await turn_away_new_connections(address[1])
        connecting = asyncio.ensure_future(loop.sock_connect(late, address))
        accepted, _ = await loop.sock_accept(old)
        with accepted:
            await loop.sock_sendall(early, b"!")
            assert await loop.sock_recv(accepted, 1) == b"!"
        done, _ = await asyncio.wait({connecting}, timeout=0.2)
        assert not done
        with pytest.raises(BlockingIOError):
            old.accept()
        with listener(address[1]) as new:
            old.close()
            async with asyncio.timeout(60):
                await connecting
                taken, _ = await loop.sock_accept(new)
            taken.close()


async def test_a_listener_can_be_ended_over_its_owners_head_and_its_connections_go_on() -> None:
    loop = asyncio.get_running_loop()
    with listener() as old, caller() as connected, caller() as late:
        address = old.getsockname()
        await loop.sock_connect(connected, address)
        accepted, _ = await loop.sock_accept(old)
        end_listening(address[1])
        with pytest.raises(ConnectionRefusedError):
            await loop.sock_connect(late, address)
        leaving = asyncio.create_task(until_all_have_left(address[1]))
        await loop.sock_sendall(connected, b"!")
        assert await loop.sock_recv(accepted, 1) == b"!"
        assert not leaving.done()
        accepted.close()
        async with asyncio.timeout(60):
            await leaving
