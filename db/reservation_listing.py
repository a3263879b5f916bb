"""Reservations as a list, newest first. Single ones and those of an order are in db/reservations.py."""

from __future__ import annotations

from dataclasses import dataclass

from domain.reservations import ReservationStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationFilter:
    """Which reservations to list; None does not narrow."""

    status: ReservationStatus | None = None
    order_id: str | None = None
