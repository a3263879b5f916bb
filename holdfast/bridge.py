"""The bridge process: events of other services into workflows and stock rows.

A reservation worker stands beside the bridge on the same client, so that what it starts is held here at once.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import NoReturn

from activities.reservations import ReservationActivities
from db.engine import Database
from db.readiness import Readiness
from runtime.failpoints import configure_failpoints
from runtime.health import serve_health
from runtime.lifecycle import run_process
from runtime.logs import configure_logging, get_logger
from runtime.search_attributes import ensure_search_attributes
from runtime.settings import Settings
from runtime.temporal import connect, open_runtime
from runtime.tracing import configure_tracing, temporal_interceptors
from workers.bridge import Bridge
from workers.bridge_temporal import TemporalReservations
from workers.temporal_workers import reservation_worker

PROMETHEUS_PORTS_TRIED = 20
"""PROMETHEUS_PORT belongs to `serve`; this process takes the next free one."""

_log = get_logger(__name__)


def main(settings: Settings) -> NoReturn:
    """Run until told to stop."""
    configure_logging(settings, "bridge")
    configure_tracing(settings, "bridge")
    configure_failpoints(settings)
    run_process(lambda stop: _work(settings, stop), drain_seconds_max=settings.shutdown_grace_seconds + 5)


async def _work(settings: Settings, stop: asyncio.Event) -> None:
    async with AsyncExitStack() as stack:
        database = Database.connect(settings, process="bridge")
        stack.push_async_callback(database.close)
        runtime = await stack.enter_async_context(open_runtime())
        client = await connect(settings, runtime=runtime, interceptors=temporal_interceptors(), process="bridge")
        await ensure_search_attributes(client)
        worker = reservation_worker(client, ReservationActivities(database, settings), settings)
        bridge = Bridge(settings, database, TemporalReservations(client))
        await stack.enter_async_context(
            serve_health(
                settings.app_host,
                settings.prometheus_port,
                {
                    "postgres": Readiness(database).check,
                    "temporal": client.service_client.check_health,
                    "kafka": bridge.check,
                },
                "bridge",
                ports_tried=PROMETHEUS_PORTS_TRIED,
            )
        )
        await stack.enter_async_context(worker)
        _log.info("bridge_ready")
        await bridge.run(stop)
