"""A server that is gone without a word (a failed host, a lost route) is noticed by the kernel, not waited for."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from db.engine import KEEPALIVE_SECONDS, VANISHED_SECONDS_MAX, Database


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels name these differently")
async def test_a_connection_gives_up_a_server_that_vanished(db: Database) -> None:
    async with db.read() as session:
        raw = (await session.connection.get_raw_connection()).driver_connection
        assert raw is not None
        with socket.socket(fileno=os.dup(raw.pgconn.socket)) as connected:
            assert connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            idle = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
            between = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL)
            probes = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT)
            unacknowledged_ms = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert (idle, idle + between * probes) == (KEEPALIVE_SECONDS, VANISHED_SECONDS_MAX)
    assert unacknowledged_ms == VANISHED_SECONDS_MAX * 1000
