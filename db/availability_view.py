"""Stock levels in Redis, for answering availability without Postgres. A view: never asked before a hold.

One hash for each SKU with one entry for each inventory row, carrying that row's `sequence`: an older value never
replaces a newer one. Beside them, where the warehouses of countries and regions stand that goods go to. Whoever changed
stock writes after the commit; a reader that misses fills in what Postgres says. A dead Redis costs no time: after an
error nothing is asked of it for a second, and no method here raises.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar
from uuid import UUID

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from db.availability_entries import (
    EPOCH_KEY,
    keys_of,
    shelves_key,
    shelves_of,
    sites_from,
    sites_json,
    sites_key,
    static_json,
)
from db.engine import Database
from db.redis_scripts import FILL, FORGET, STORE
from db.stock import by_ids
from domain.availability import Shelf, Sites
from domain.destinations import Destination
from domain.distance import Coordinates
from domain.errors import Unavailable
from domain.events import InventoryEvent, Produced
from domain.stock import StockItem
from runtime.logs import get_logger
from runtime.metrics import AVAILABILITY_READS
from runtime.settings import Settings

T = TypeVar("T")

CONNECTIONS_MAX = 64
ANSWER_TIMEOUT_SECONDS = 0.05
CONNECT_TIMEOUT_SECONDS = 0.05
SILENCE_SECONDS = 1.0
"""How long nothing is asked after an error."""

ENTRY_MS = 5_000
"""How long a SKU is answered from here before Postgres is read again."""

GUARD_MS = 15_000
"""How long an incomplete entry keeps slower readers from filling in what is older; above FILL_WITHIN_SECONDS."""

FILL_WITHIN_SECONDS = 3.0
"""A reader that took longer than this keeps what it found to itself."""

UNANSWERED = (RedisError, OSError, RuntimeError)
"""How a question to Redis fails; by RuntimeError when uvloop finds the connection reset between taking and using it."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StockLevel:
    """What may be promised from an inventory row, in pieces, as of its `sequence`."""

    sku: str
    inventory_id: UUID
    sequence: int
    quantity_available: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What the view knew: all `shelves` of the SKUs and all `sites` of the areas that it holds. The rest is for filling
    in the others."""

    shelves: dict[str, list[Shelf]] = field(default_factory=dict)
    sites: dict[Destination, list[Coordinates]] = field(default_factory=dict)
    epoch: str | None = None
    generations: dict[str, str] = field(default_factory=dict)
    read_at: float = 0.0


class AvailabilityView:
    """The view and its circuit breaker."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._silent_until = 0.0
        self._store = client.register_script(STORE)
        self._fill = client.register_script(FILL)
        self._forget = client.register_script(FORGET)

    @classmethod
    def connect(cls, settings: Settings) -> Self:
        """A view by its settings; connects when used."""
        pool = BlockingConnectionPool(
            host=settings.redis_host,
            port=settings.redis_port,
            db=settings.redis_db,
            password=settings.redis_password.get_secret_value() or None,
            max_connections=CONNECTIONS_MAX,
            timeout=ANSWER_TIMEOUT_SECONDS,
            socket_timeout=ANSWER_TIMEOUT_SECONDS,
            socket_connect_timeout=CONNECT_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )
        return cls(Redis.from_pool(pool))

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def ping(self) -> None:
        """Ask Redis for a sign of life. Raises Unavailable; for health checks only."""
        try:
            await self._client.ping()
        except UNANSWERED as error:
            raise Unavailable("Redis does not answer") from error

    async def read(self, skus: Sequence[str], areas: Sequence[Destination] = ()) -> Reading:
        """What the view holds of these SKUs and areas, in one round trip."""
        read_at = time.monotonic()
        answers = await self._ask(lambda: self._read(skus, areas))
        if answers is None:
            AVAILABILITY_READS.labels("error").inc(len(skus))
            return Reading()
        reading = Reading(epoch=(epoch := answers[0] or "0"), read_at=read_at)
        for sku, entry in zip(skus, answers[1 : 1 + len(skus)], strict=True):
            current = entry.get("epoch") == epoch
            reading.generations[sku] = entry.get("generation", "") if current else ""
            if current and "shelves" in entry:
                reading.shelves[sku] = shelves_of(entry)
        for area, kept in zip(areas, answers[1 + len(skus) :], strict=True):
            if (sites := sites_from(kept, epoch)) is not None:
                reading.sites[area] = sites
        AVAILABILITY_READS.labels("hit").inc(len(reading.shelves))
        AVAILABILITY_READS.labels("miss").inc(len(skus) - len(reading.shelves))
        return reading

    async def fill(self, reading: Reading, found: Mapping[str, Sequence[Shelf]], sites: Sites | None = None) -> None:
        """Add what `reading` missed, as Postgres had it after it; what has changed since stays."""
        late = time.monotonic() - reading.read_at > FILL_WITHIN_SECONDS
        epoch = reading.epoch
        if epoch is None or late or not (found or sites):
            return
        arguments: list[Any] = [ENTRY_MS, epoch]
        for sku, shelves in found.items():
            arguments += [reading.generations[sku], static_json(shelves), len(shelves)]
            for shelf in shelves:
                arguments += [str(shelf.inventory_id), shelf.sequence, shelf.quantity_available]
        if found:
            await self._ask(lambda: self._fill(keys=keys_of(found), args=arguments))
        if sites:
            await self._ask(lambda: self._set_sites(epoch, sites))

    async def store(self, levels: Iterable[StockItem | StockLevel]) -> None:
        """Write levels that were just committed; older ones than the view has are dropped."""
        changed = list(levels)
        arguments: list[Any] = [GUARD_MS]
        for level in changed:
            arguments += [str(level.inventory_id), level.sequence, level.quantity_available]
        if changed:
            await self._ask(lambda: self._store(keys=keys_of([level.sku for level in changed]), args=arguments))

    async def store_events(self, events: Iterable[InventoryEvent]) -> None:
        """Write the levels that these events tell; those that are not about stock tell none."""
        latest: dict[UUID, StockLevel] = {}
        for event in events:
            if event.type == Produced.STOCK_UPDATED:
                latest[event.stream_id] = StockLevel(
                    sku=event.data["sku"],
                    inventory_id=event.stream_id,
                    sequence=event.sequence,
                    quantity_available=event.data["newStock"],
                )
        await self.store(latest.values())

    async def refresh(self, database: Database, inventory_ids: Iterable[UUID]) -> None:
        """Read rows that were just changed and write their levels, while Redis is there. Raises Unavailable."""
        if not self._is_silent():
            ids = list(inventory_ids)
            await self.store((await database.reading(lambda session: by_ids(session, ids))).values())

    async def forget(self, skus: Sequence[str]) -> None:
        """Have these SKUs read again: rows came or went."""
        if skus:
            await self._ask(lambda: self._forget(keys=keys_of(skus), args=[GUARD_MS, str(uuid.uuid4())]))

    async def forget_all(self) -> None:
        """Have everything read again: a warehouse changed."""
        await self._ask(lambda: self._client.incr(EPOCH_KEY))

    async def _read(self, skus: Sequence[str], areas: Sequence[Destination]) -> list[Any]:
        pipeline = self._client.pipeline(transaction=False)
        pipeline.get(EPOCH_KEY)
        for sku in skus:
            pipeline.hgetall(shelves_key(sku))
        for area in areas:
            pipeline.get(sites_key(area))
        return await pipeline.execute()

    async def _set_sites(self, epoch: str, sites: Sites) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for area, there in sites.items():
            pipeline.set(sites_key(area), sites_json(epoch, there), px=ENTRY_MS)
        await pipeline.execute()

    def _is_silent(self) -> bool:
        return time.monotonic() < self._silent_until

    async def _ask(self, work: Callable[[], Awaitable[T]]) -> T | None:
        """The answer of Redis, or None when it has none to give."""
        if self._is_silent():
            return None
        try:
            return await work()
        except UNANSWERED as error:
            self._silent_until = time.monotonic() + SILENCE_SECONDS
            _log.warning("availability_view_unavailable", error=str(error), silent_seconds=SILENCE_SECONDS)
            return None
