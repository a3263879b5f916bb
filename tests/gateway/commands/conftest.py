"""The commands and views on a real Postgres and a real Redis, without a protocol in front."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest

from db.availability_view import AvailabilityView
from db.engine import Database
from domain.contracts.reservations import Source
from domain.ids import Actor
from gateway.auth import Caller
from gateway.commands.stock import StockCommands
from gateway.commands.warehouses import WarehouseCommands
from gateway.views import Views
from holdfast.stack.embedded import Stack
from runtime.settings import Settings
from tests.patience import patient_view


@pytest.fixture(scope="module")
async def db(database: Settings) -> AsyncIterator[Database]:
    connected = Database.connect(database, process="tests")
    yield connected
    await connected.close()


@pytest.fixture(scope="module")
async def view(redis_server: Stack) -> AsyncIterator[AvailabilityView]:
    connected = patient_view(redis_server.settings)
    yield connected
    await connected.close()


@pytest.fixture(scope="module")
def stock_commands(db: Database, view: AvailabilityView) -> StockCommands:
    return StockCommands(db, view, Settings(adjustment_approval_threshold=100))


@pytest.fixture(scope="module")
def warehouse_commands(db: Database, view: AvailabilityView) -> WarehouseCommands:
    return WarehouseCommands(db, view)


@pytest.fixture(scope="module")
def views(db: Database, view: AvailabilityView) -> Views:
    return Views(db, view)


@pytest.fixture
def caller() -> Caller:
    return Caller(
        actor=Actor(uuid.uuid4(), "clerk"),
        subject="clerk",
        scopes=frozenset(),
        request_id="request-1",
        source=Source.REST,
    )
