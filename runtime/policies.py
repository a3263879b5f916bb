"""What the settings say about who may do what alone, and how long others have to decide, as the rules take it."""

from __future__ import annotations

from datetime import timedelta

from domain.adjustments import AdjustmentPolicy
from domain.operations import Patience
from domain.transfers import TransferPolicy
from runtime.settings import Settings


def patience(settings: Settings) -> Patience:
    """How long anything waits for its approval."""
    return Patience(
        remind=timedelta(seconds=settings.approval_remind_seconds),
        escalate=timedelta(seconds=settings.approval_escalate_seconds),
        lapse=timedelta(seconds=settings.approval_lapse_seconds),
    )


def adjustment_policy(settings: Settings) -> AdjustmentPolicy:
    """What one person may change alone."""
    return AdjustmentPolicy(
        threshold_quantity=settings.adjustment_approval_threshold,
        threshold_value=settings.adjustment_approval_value,
        patience=patience(settings),
    )


def transfer_policy(settings: Settings) -> TransferPolicy:
    """What one person may send alone, and how long stock may be on the road."""
    return TransferPolicy(
        threshold_quantity=settings.transfer_approval_threshold,
        transit_seconds=settings.transfer_late_seconds,
        patience=patience(settings),
    )
