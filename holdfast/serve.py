"""The serving process: REST and gRPC over one set of services, and the reservation worker on the same Temporal client.

The worker is here because of the rendezvous: the request that starts a reservation is answered by the local activity
that commits it, in the same process (DESIGN D1). Several such processes share the ports: holdfast/serve_many.py.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import NoReturn

from temporalio.client import Client

from activities.reservations import ReservationActivities
from db.availability_view import AvailabilityView
from db.engine import Database
from db.readiness import Readiness
from domain.contracts.reservations import HoldIdentity
from domain.reservations import Reservation
from gateway.admission import Admission
from gateway.auth import Authenticator
from gateway.commands.adjustments import AdjustmentCommands
from gateway.commands.alerts import AlertCommands
from gateway.commands.operations import OperationDesk
from gateway.commands.purchase_orders import PurchaseOrderCommands
from gateway.commands.reservations import ReservationCommands
from gateway.commands.restock import RestockCommands
from gateway.commands.returns import ReturnCommands
from gateway.commands.stock import StockCommands
from gateway.commands.suppliers import SupplierCommands
from gateway.commands.transfers import TransferCommands
from gateway.commands.waitlist import WaitlistCommands
from gateway.commands.warehouses import WarehouseCommands
from gateway.health import Check, HealthChecks
from gateway.http.app import make_app
from gateway.http.server import HttpServer
from gateway.leaving import Door, Drain, leave
from gateway.operation_views import OperationViews
from gateway.purchasing import PurchasingViews
from gateway.reports import Reports
from gateway.rpc.server import RpcServer, make_server
from gateway.services import Services
from gateway.views import Views
from holdfast.pool_metrics import watching_pool
from runtime.crowd import WAKES_PER_SECOND
from runtime.failpoints import configure_failpoints
from runtime.health import serve_health
from runtime.kafka import broker_answers
from runtime.lifecycle import run_process
from runtime.logs import configure_logging, get_logger
from runtime.metrics import configure_metrics
from runtime.policies import transfer_policy
from runtime.rendezvous import Rendezvous
from runtime.reservation_start import TASK_TIMEOUT
from runtime.search_attributes import ensure_search_attributes
from runtime.settings import Settings
from runtime.shared_work import SharedWork
from runtime.temporal import connect, open_runtime
from runtime.tracing import configure_tracing, temporal_interceptors
from workers.temporal_workers import reservation_worker

_log = get_logger(__name__)


def main(settings: Settings) -> NoReturn:
    """Serve until told to stop."""
    configure_logging(settings, "serve")
    if settings.serve_processes > 1 and not settings.serve_child:
        from holdfast.serve_many import supervise  # noqa: PLC0415 - the usual single process never needs it

        run_process(lambda stop: supervise(settings, stop), drain_seconds_max=settings.stop_seconds_max + 5)
    configure_tracing(settings, "serve")
    configure_failpoints(settings)
    configure_metrics()
    run_process(lambda stop: _serve(settings, stop), drain_seconds_max=settings.stop_seconds_max)


async def _serve(settings: Settings, stop: asyncio.Event) -> None:
    async with AsyncExitStack() as stack:
        database = Database.connect(settings, process="serve")
        stack.push_async_callback(database.close)
        view = AvailabilityView.connect(settings)
        stack.push_async_callback(view.close)
        runtime = await stack.enter_async_context(open_runtime())
        client = await connect(settings, runtime=runtime, interceptors=temporal_interceptors(), process="serve")
        await ensure_search_attributes(client)
        rendezvous: Rendezvous[Reservation] = Rendezvous()
        holds: SharedWork[HoldIdentity, Reservation] = SharedWork(kept_seconds=TASK_TIMEOUT.total_seconds())
        activities = ReservationActivities(
            database, settings, rendezvous=rendezvous, holds=holds, wakes_per_second=WAKES_PER_SECOND
        )
        commands = ReservationCommands(
            database=database,
            temporal=client,
            rendezvous=rendezvous,
            holds=holds,
            admission=Admission(
                in_work_max=settings.admission_in_work_max, target_seconds=settings.admission_target_seconds
            ),
            settings=settings,
        )
        services = _services(settings, database, view, client, commands)
        await stack.enter_async_context(watching_pool(database))
        await stack.enter_async_context(reservation_worker(client, activities, settings))
        doors = await _open_doors(stack, services, settings)
        _log.info("serve_ready")
        await stop.wait()
        await leave(services.health, doors, Drain(settings.shutdown_drain_seconds))


async def _open_doors(stack: AsyncExitStack, services: Services, settings: Settings) -> list[Door]:
    """The three listening sockets; closed in the opposite order, before the worker stops. Answers those for callers."""
    shared = settings.serve_child
    checks = {"dependencies": services.health.is_ready}
    await stack.enter_async_context(
        serve_health(settings.app_host, settings.prometheus_port, checks, "serve", reuse_port=shared)
    )
    rpc: RpcServer = make_server(services, settings)
    rpc.bind(settings.app_host, settings.grpc_port)
    await rpc.start()
    stack.push_async_callback(rpc.stop, settings.shutdown_grace_seconds)
    http = HttpServer(make_app(services, settings), settings)
    stack.push_async_callback(http.stop)
    await http.start(settings.app_host, settings.app_port, reuse_port=shared)
    return [http, rpc]


def _services(
    settings: Settings, database: Database, view: AvailabilityView, client: Client, commands: ReservationCommands
) -> Services:
    desk = OperationDesk(database=database, temporal=client, deadline_seconds=settings.request_timeout_seconds)
    adjustments = AdjustmentCommands(database, desk, view)
    return Services(
        settings=settings,
        database=database,
        authenticator=Authenticator(settings),
        reservations=commands,
        returns=ReturnCommands(database),
        waitlist=WaitlistCommands(database, settings),
        stock=StockCommands(database, view, settings, begin=adjustments.begin),
        warehouses=WarehouseCommands(database, view),
        suppliers=SupplierCommands(database),
        purchase_orders=PurchaseOrderCommands(database, desk, view),
        restock=RestockCommands(client, settings.restock_mode),
        purchasing=PurchasingViews(database),
        alerts=AlertCommands(database),
        adjustments=adjustments,
        transfers=TransferCommands(database, desk, view, policy=transfer_policy(settings)),
        operation_views=OperationViews(database),
        views=Views(database, view),
        reports=Reports(database),
        health=HealthChecks(
            required={"postgres": Readiness(database).check, "temporal": _answering(client)},
            optional={"redis": view.ping, "kafka": lambda: broker_answers(settings)},
        ),
    )


def _answering(client: Client) -> Check:
    async def check() -> None:
        if not await client.service_client.check_health():
            raise ConnectionError("Temporal answers, but does not serve")

    return check
