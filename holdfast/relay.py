"""The relay process: the outbox into Kafka, and the sweeper that needs nothing but Postgres."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import NoReturn

from db.availability_view import AvailabilityView
from db.engine import Database
from db.readiness import Readiness
from runtime.failpoints import configure_failpoints
from runtime.health import serve_health
from runtime.lifecycle import run_process
from runtime.logs import configure_logging, get_logger
from runtime.settings import Settings
from runtime.tracing import configure_tracing
from workers.relay import Relay
from workers.sweeper import Sweeper

PROMETHEUS_PORTS_TRIED = 20
"""PROMETHEUS_PORT belongs to `serve`; this process takes the next free one."""

_log = get_logger(__name__)


def main(settings: Settings) -> NoReturn:
    """Run until told to stop."""
    configure_logging(settings, "relay")
    configure_tracing(settings, "relay")
    configure_failpoints(settings)
    run_process(lambda stop: _work(settings, stop), drain_seconds_max=settings.shutdown_grace_seconds + 5)


async def _work(settings: Settings, stop: asyncio.Event) -> None:
    async with AsyncExitStack() as stack:
        database = Database.connect(settings, process="relay")
        stack.push_async_callback(database.close)
        view = AvailabilityView.connect(settings)
        stack.push_async_callback(view.close)
        relay = Relay(settings, database, view=view)
        sweeper = Sweeper(database, grace_seconds=settings.sweep_grace_seconds, swept=relay.wake)
        await stack.enter_async_context(
            serve_health(
                settings.app_host,
                settings.prometheus_port,
                {"postgres": Readiness(database).check, "kafka": relay.check},
                "relay",
                ports_tried=PROMETHEUS_PORTS_TRIED,
            )
        )
        _log.info("relay_ready")
        async with asyncio.TaskGroup() as loops:
            loops.create_task(relay.run(stop))
            loops.create_task(sweeper.run(stop))
