"""Patience with servers: on a busy machine even a healthy one may take longer than we would wait in production."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from db import availability_view, engine
from db.availability_view import AvailabilityView
from db.engine import Database
from runtime.settings import Settings

PATIENCE_SECONDS = 10.0


@contextmanager
def patient_connections() -> Iterator[None]:
    """New connections to Postgres may take their time, and so may whoever waits for one of the pool."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "CONNECT_TIMEOUT_SECONDS", int(PATIENCE_SECONDS))
        patch.setattr(engine, "POOL_WAIT_SECONDS", PATIENCE_SECONDS)
        yield


def patient_database(settings: Settings) -> Database:
    """A database whose sessions wait for each other: no limit is met because a machine stood still for seconds."""
    limits = ("LOCK_TIMEOUT_MS", "STATEMENT_TIMEOUT_MS", "TRANSACTION_TIMEOUT_MS", "IDLE_IN_TRANSACTION_TIMEOUT_MS")
    with pytest.MonkeyPatch.context() as patch:
        for limit in limits:
            patch.setattr(engine, limit, int(PATIENCE_SECONDS * 5_000))
        patch.setattr(engine, "POOL_WAIT_SECONDS", PATIENCE_SECONDS * 5)
        return Database.connect(settings, process="tests")


def patient_view(settings: Settings) -> AvailabilityView:
    """A view that waits for its Redis."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(availability_view, "ANSWER_TIMEOUT_SECONDS", PATIENCE_SECONDS)
        patch.setattr(availability_view, "CONNECT_TIMEOUT_SECONDS", PATIENCE_SECONDS)
        return AvailabilityView.connect(settings)
