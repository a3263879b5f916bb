"""The worker process: reservations that no serving process has, the waitlist, and the housekeeping schedule."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import NoReturn

from activities.maintenance import MaintenanceActivities
from activities.reservations import ReservationActivities
from activities.restock import RestockActivities
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
from workers.bridge_temporal import TemporalReservations
from workers.schedules import ensure_schedules
from workers.temporal_workers import maintenance_worker, operations_worker, reservation_worker
from workers.waitlist import Waker

PROMETHEUS_PORTS_TRIED = 20
"""PROMETHEUS_PORT belongs to `serve`; this process takes the next free one."""

_log = get_logger(__name__)


def main(settings: Settings) -> NoReturn:
    """Run until told to stop."""
    configure_logging(settings, "worker")
    configure_tracing(settings, "worker")
    configure_failpoints(settings)
    run_process(lambda stop: _work(settings, stop), drain_seconds_max=settings.shutdown_grace_seconds + 5)


async def _work(settings: Settings, stop: asyncio.Event) -> None:
    async with AsyncExitStack() as stack:
        database = Database.connect(settings, process="worker")
        stack.push_async_callback(database.close)
        runtime = await stack.enter_async_context(open_runtime())
        client = await connect(settings, runtime=runtime, interceptors=temporal_interceptors(), process="worker")
        await ensure_search_attributes(client)
        await ensure_schedules(client, settings)
        await stack.enter_async_context(
            serve_health(
                settings.app_host,
                settings.prometheus_port,
                {"postgres": Readiness(database).check, "temporal": client.service_client.check_health},
                "worker",
                ports_tried=PROMETHEUS_PORTS_TRIED,
            )
        )
        reservations = ReservationActivities(database, settings)
        maintenance = MaintenanceActivities(database, client, settings)
        await stack.enter_async_context(reservation_worker(client, reservations, settings))
        await stack.enter_async_context(operations_worker(client, database, settings))
        await stack.enter_async_context(maintenance_worker(client, maintenance, RestockActivities(database), settings))
        _log.info("worker_ready")
        await Waker(database, TemporalReservations(client)).run(stop)
