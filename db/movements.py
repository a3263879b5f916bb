"""The ledger: every change of a total with its line, and the lines read back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.stock import MovementType


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementFilter:
    """Which ledger lines of a row to list; `since` is included, `until` is not."""

    type: MovementType | None = None
    reference: str | None = None
    since: datetime | None = None
    until: datetime | None = None
