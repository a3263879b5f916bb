"""Patience with servers: on a busy machine even a healthy one may take longer than we would wait in production."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from db import availability_view, engine
from db.availability_view import AvailabilityView
from runtime.settings import Settings

PATIENCE_SECONDS = 10.0


@contextmanager
def patient_connections() -> Iterator[None]:
    """New connections to Postgres may take their time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "CONNECT_TIMEOUT_SECONDS", int(PATIENCE_SECONDS))
        yield


def patient_view(settings: Settings) -> AvailabilityView:
    """A view that waits for its Redis."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(availability_view, "ANSWER_TIMEOUT_SECONDS", PATIENCE_SECONDS)
        patch.setattr(availability_view, "CONNECT_TIMEOUT_SECONDS", PATIENCE_SECONDS)
        return AvailabilityView.connect(settings)
