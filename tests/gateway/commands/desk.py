"""The commands on reservations with real servers behind them, put together as `serve` does it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from temporalio.client import Client, WorkflowHandle

from activities.reservations import ReservationActivities
from db.engine import Database
from domain.contracts.names import reservation_workflow_id
from domain.contracts.reservations import HoldIdentity, Source
from domain.ids import system_actor
from domain.reservations import Item, Reservation
from gateway.admission import Admission
from gateway.auth import Caller
from gateway.commands.holding import Reserved
from gateway.commands.reservations import ReservationCommands, ReserveCommand
from runtime.rendezvous import Rendezvous
from runtime.settings import Settings
from runtime.shared_work import SharedWork
from runtime.temporal import DATA_CONVERTER
from tests.stocking import unique
from workers.temporal_workers import reservation_worker

CALLER = Caller(
    actor=system_actor("clerk"), subject="clerk", scopes=frozenset(), request_id="request-1", source=Source.REST
)


@dataclass(frozen=True, slots=True)
class Desk:
    """Commands, and what stands behind them. `serving` runs the worker of this process, `elsewhere` another's."""

    commands: ReservationCommands
    database: Database
    temporal: Client
    settings: Settings
    rendezvous: Rendezvous[Reservation]
    holds: SharedWork[HoldIdentity, Reservation]
    admission: Admission

    @asynccontextmanager
    async def serving(self, kind: type[ReservationActivities] = ReservationActivities) -> AsyncIterator[None]:
        activities = kind(self.database, self.settings, rendezvous=self.rendezvous, holds=self.holds)
        async with reservation_worker(self.temporal, activities, self.settings):
            yield

    @asynccontextmanager
    async def elsewhere(self, activities: ReservationActivities | None = None) -> AsyncIterator[None]:
        """A worker with a connection of its own, as in another process: no eager task, no rendezvous."""
        other = await connect(self.settings)
        own = activities or ReservationActivities(self.database, self.settings)
        async with reservation_worker(other, own, self.settings):
            yield

    async def reserve(self, *items: Item, deadline_seconds: float = 20.0, **fields: Any) -> Reserved:
        command = ReserveCommand(**{"order_id": unique("ORDER"), "items": items, **fields})
        return await self.commands.reserve(command, CALLER, deadline_seconds=deadline_seconds)

    def workflow(self, reservation_id: UUID) -> WorkflowHandle[Any, Any]:
        return self.temporal.get_workflow_handle(reservation_workflow_id(reservation_id))

    async def has_workflow(self, reservation_id: UUID) -> bool:
        query = f"WorkflowId = '{reservation_workflow_id(reservation_id)}'"
        return (await self.temporal.count_workflows(query)).count > 0


async def connect(settings: Settings) -> Client:
    """A client with a connection of its own."""
    return await Client.connect(
        settings.temporal_address, namespace=settings.temporal_namespace, data_converter=DATA_CONVERTER
    )


async def open_desk(database: Database, temporal: Client, settings: Settings, *, holds_max: int = 256) -> Desk:
    """A desk of its own rendezvous, holds and admission."""
    rendezvous: Rendezvous[Reservation] = Rendezvous()
    holds: SharedWork[HoldIdentity, Reservation] = SharedWork(kept_seconds=10)
    admission = Admission(in_work_max=holds_max, target_seconds=30.0)
    commands = ReservationCommands(
        database=database,
        temporal=temporal,
        rendezvous=rendezvous,
        holds=holds,
        admission=admission,
        settings=settings,
    )
    return Desk(commands, database, temporal, settings, rendezvous, holds, admission)


async def closed(handle: WorkflowHandle[Any, Any]) -> None:
    """Wait until a workflow has ended, one way or the other."""
    async with asyncio.timeout(15):
        while (await handle.describe()).close_time is None:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.02)


def new_id() -> UUID:
    """A reservation id that the caller chose."""
    return uuid.uuid4()
