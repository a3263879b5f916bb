"""The activities on a real Postgres, without Temporal around them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from temporalio.testing import ActivityEnvironment

from activities.reservations import ReservationActivities
from db.engine import Database
from domain.reservations import Reservation
from runtime.rendezvous import Rendezvous
from runtime.settings import Settings


@pytest.fixture(scope="module")
async def db(database: Settings) -> AsyncIterator[Database]:
    connected = Database.connect(database, process="tests")
    yield connected
    await connected.close()


@pytest.fixture
def rendezvous() -> Rendezvous[Reservation]:
    return Rendezvous()


@pytest.fixture
def activities(db: Database, database: Settings, rendezvous: Rendezvous[Reservation]) -> ReservationActivities:
    return ReservationActivities(db, database, rendezvous=rendezvous)


@pytest.fixture
def environment() -> ActivityEnvironment:
    return ActivityEnvironment()
