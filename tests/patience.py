"""A patient availability view: on a busy machine even a healthy Redis may take longer than the view would wait."""

from __future__ import annotations

import pytest

from db import availability_view
from db.availability_view import AvailabilityView
from runtime.settings import Settings

PATIENCE_SECONDS = 10.0


def patient_view(settings: Settings) -> AvailabilityView:
    """A view that waits for its Redis."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(availability_view, "ANSWER_TIMEOUT_SECONDS", PATIENCE_SECONDS)
        patch.setattr(availability_view, "CONNECT_TIMEOUT_SECONDS", PATIENCE_SECONDS)
        return AvailabilityView.connect(settings)
