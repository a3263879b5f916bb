"""Stock levels in Redis, for answering availability without Postgres. A view: never asked before a hold.

One hash for each SKU with one entry for each inventory row, carrying that row's `sequence`: an older value never
replaces a newer one. Whoever changed stock writes after the commit; what was never read is not written. A dead Redis
costs no time: after an error nothing is asked of it for a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, Self
from uuid import UUID

from runtime.settings import Settings


class HasLevel(Protocol):
    """An inventory row's level at one `sequence`; domain.stock.StockItem is one."""

    @property
    def sku(self) -> str: ...
    @property
    def inventory_id(self) -> UUID: ...
    @property
    def sequence(self) -> int: ...
    @property
    def quantity_available(self) -> int: ...


class AvailabilityView:
    """The view and its circuit breaker. None of its methods raises when Redis is down."""

    @classmethod
    def connect(cls, settings: Settings) -> Self:
        """A view by its settings; connects when used."""
        raise NotImplementedError

    async def close(self) -> None:
        """Close every connection."""

    async def ping(self) -> None:
        """Ask Redis for a sign of life. Raises Unavailable; for health checks only."""

    async def store(self, levels: Iterable[HasLevel]) -> None:
        """Write levels that were just committed; older ones than the view has are dropped."""

    async def store_event(self, data: Mapping[str, Any], sequence: int) -> None:
        """Write the level that an `inventory.stock_updated` event tells."""

    async def forget(self, skus: Sequence[str]) -> None:
        """Have these SKUs read again: rows came or went."""

    async def forget_all(self) -> None:
        """Have everything read again: a warehouse changed."""
