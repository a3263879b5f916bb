"""Patience with servers: on a busy machine even a healthy one may take longer than we would wait in production."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest
from temporalio.testing import WorkflowEnvironment
from tenacity import retry, retry_if_exception_type, stop_after_attempt

from db import availability_view, engine
from db.availability_view import AvailabilityView
from runtime.settings import Settings

PATIENCE_SECONDS = 10.0
LIMITS = ("LOCK_TIMEOUT_MS", "STATEMENT_TIMEOUT_MS", "TRANSACTION_TIMEOUT_MS", "IDLE_IN_TRANSACTION_TIMEOUT_MS")
"""Of every session. A test that is about one of them sets it itself."""


@contextmanager
def patient_connections() -> Iterator[None]:
    """Postgres may take its time: for a new connection, and for whoever waits behind others or holds them up."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "CONNECT_TIMEOUT_SECONDS", int(PATIENCE_SECONDS))
        patch.setattr(engine, "POOL_WAIT_SECONDS", 3 * PATIENCE_SECONDS)
        for limit in LIMITS:
            patch.setattr(engine, limit, int(6 * PATIENCE_SECONDS * 1000))
        yield


@retry(retry=retry_if_exception_type(RuntimeError), stop=stop_after_attempt(6), reraise=True)
async def patiently_started(start: Callable[[], Awaitable[WorkflowEnvironment]]) -> WorkflowEnvironment:
    """A Temporal server of a test's own, which the SDK gives up after five seconds."""
    return await start()


def patient_view(settings: Settings) -> AvailabilityView:
    """A view that waits for its Redis."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(availability_view, "ANSWER_TIMEOUT_SECONDS", PATIENCE_SECONDS)
        patch.setattr(availability_view, "CONNECT_TIMEOUT_SECONDS", PATIENCE_SECONDS)
        return AvailabilityView.connect(settings)
