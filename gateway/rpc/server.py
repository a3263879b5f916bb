"""The gRPC server of one process: InventoryService, health and reflection, with every limit spelled out.

Must not know how the services are made (holdfast/serve.py) and opens no port by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import grpc
from grpc_health.v1 import health
from grpc_reflection.v1alpha import reflection

from gateway.leaving import Drain
from gateway.rpc.health import RpcHealth
from gateway.rpc.in_flight import InFlight
from gateway.rpc.interceptor import CallInterceptor
from gateway.rpc.methods import SERVICE, service_handler
from gateway.services import Services
from runtime.listeners import end_listening, turn_away_new_connections, until_all_have_left
from runtime.logs import get_logger
from runtime.settings import Settings
from runtime.tracing import grpc_interceptors

CALLS_MAX = 2_000
"""Calls of one process at a time; the next one gets RESOURCE_EXHAUSTED at once."""

STREAMS_PER_CONNECTION_MAX = 1_000
RESPONSE_BYTES_MAX = 4 * 1024 * 1024
METADATA_BYTES_MAX = 16 * 1024
"""A bearer token may take half of it."""

KEEPALIVE_SECONDS = 60
KEEPALIVE_TIMEOUT_SECONDS = 20
CLIENT_PING_SECONDS_MIN = 10
"""Clients may ping as often as that, also while they wait; more often is too much."""

CONNECTION_AGE_SECONDS_MAX = 30 * 60
CONNECTION_AGE_GRACE_SECONDS = 60
"""Long-lived connections are asked to begin anew (GOAWAY, then the last calls), so that load finds its way to new
processes. The same lets a process be left: where there is a drain, they reach their age within it."""

LAST_ANSWERS_SECONDS = 0.25
"""For answers that are written when the last call has ended; streams that only listen are not waited for."""

_log = get_logger(__name__)


class RpcServer:
    """A gRPC server: bind it, start it, stop it."""

    def __init__(self, services: Services, settings: Settings) -> None:
        self._in_flight = InFlight()
        self._health = RpcHealth(services.health, SERVICE.full_name)
        self._server = grpc.aio.server(
            interceptors=[*grpc_interceptors(), CallInterceptor(self._in_flight)],
            options=_options(settings),
            maximum_concurrent_rpcs=CALLS_MAX,
        )
        self._port = 0
        self._server.add_generic_rpc_handlers((service_handler(services, self._in_flight),))
        self._health.add_to(self._server)
        names = (SERVICE.full_name, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)

    def bind(self, host: str, port: int) -> int:
        """Take a port, 0 for a free one; answers which. Raises OSError when it cannot be had."""
        address = f"[{host}]" if ":" in host else host
        try:
            bound = self._server.add_insecure_port(f"{address}:{port}")
        except RuntimeError:
            raise OSError(f"gRPC cannot listen on {address}:{port}") from None
        _log.info("rpc_server_bound", host=host, port=bound)
        self._port = bound
        return bound

    async def start(self) -> None:
        """Take calls from now on, and say whether they are welcome."""
        await self._health.start()
        await self._server.start()

    async def announce(self) -> None:
        """Tell whoever watches that no new calls are welcome; they are still answered."""
        await self._health.drain()

    async def take_no_new_connections(self) -> None:
        """Leave the port to others; connections that are open go on until they reach their age.

        gRPC itself can only stop as a whole, and cancels what comes in at that moment; so its sockets are ended for it,
        of which it writes a line to stderr ("Closing acceptor").
        """
        await turn_away_new_connections(self._port)
        end_listening(self._port)

    async def until_all_have_left(self) -> None:
        """Return when no connection is open."""
        await until_all_have_left(self._port)

    async def stop(self, grace_seconds: float) -> None:
        """Refuse new calls, let running ones and begun changes end within `grace_seconds`, cancel what is left."""
        await self.announce()
        stopping = asyncio.create_task(self._server.stop(grace_seconds))
        try:
            async with asyncio.timeout(grace_seconds):
                await self._in_flight.wait_until_idle()
        except TimeoutError:
            _log.warning("rpc_calls_cut_off")
        if not stopping.done():
            await self._server.stop(LAST_ANSWERS_SECONDS)
        await stopping
        _log.info("rpc_server_stopped")


def make_server(services: Services, settings: Settings) -> RpcServer:
    """The server of this process, not yet bound. Call it on the event loop that is to serve."""
    return RpcServer(services, settings)


def _options(settings: Settings) -> Sequence[tuple[str, int]]:
    age_seconds = Drain(settings.shutdown_drain_seconds).connection_age_seconds or CONNECTION_AGE_SECONDS_MAX
    return (
        # Off unless several processes mean to share a port: else a port that is taken would be shared in silence.
        ("grpc.so_reuseport", int(settings.serve_child)),
        ("grpc.max_receive_message_length", settings.request_body_bytes_max),
        ("grpc.max_send_message_length", RESPONSE_BYTES_MAX),
        ("grpc.max_metadata_size", METADATA_BYTES_MAX),
        ("grpc.absolute_max_metadata_size", 2 * METADATA_BYTES_MAX),
        ("grpc.max_concurrent_streams", STREAMS_PER_CONNECTION_MAX),
        ("grpc.keepalive_time_ms", KEEPALIVE_SECONDS * 1000),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_SECONDS * 1000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", CLIENT_PING_SECONDS_MIN * 1000),
        ("grpc.http2.max_ping_strikes", 2),
        ("grpc.max_connection_age_ms", round(age_seconds * 1000)),
        ("grpc.max_connection_age_grace_ms", CONNECTION_AGE_GRACE_SECONDS * 1000),
    )
