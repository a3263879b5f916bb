"""Warehouses, and what everything in the books has in common: a short name."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any


class Named:
    """Something that goes by a short name in the steps of a failed run."""

    __slots__ = ()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


@dataclass(frozen=True, slots=True, repr=False)
class Place(Named):
    """A warehouse. One person may change `alone` pieces, worth at most `alone_worth`."""

    code: str
    region: str
    country: str
    priority: int
    latitude: float
    longitude: float
    alone: int
    alone_worth: Decimal | None = None
    warehouse_id: str = ""

    def __repr__(self) -> str:
        return self.code
