"""Which buckets of keys this relay may send, and until when. Several relays share them; each key has one owner.

The lease is counted from before it was asked for, by a clock that nobody sets, so that it never seems longer here than
in Postgres. A process that froze finds it lapsed and sends nothing.
"""

from __future__ import annotations

import os
import socket
import time
import uuid

from db import outbox
from db.engine import Database

LEASE_SECONDS = 3.0
RENEW_SECONDS = LEASE_SECONDS / 2


class Lease:
    """This relay's share of the buckets."""

    def __init__(self, database: Database, *, owner: str | None = None) -> None:
        self._database = database
        self._owner = owner or f"{socket.gethostname()[:50]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._buckets: frozenset[int] = frozenset()
        self._asked_at = float("-inf")

    @property
    def buckets(self) -> frozenset[int]:
        """What is ours at this moment."""
        return self._buckets if self.is_valid() else frozenset()

    def is_valid(self) -> bool:
        """Whether the lease still runs."""
        return time.monotonic() < self._asked_at + LEASE_SECONDS

    async def renew_when_due(self) -> None:
        """Renew at half time. Raises Unavailable."""
        now = time.monotonic()
        if now < self._asked_at + RENEW_SECONDS:
            return
        self._buckets = await self._database.calling(
            lambda session: outbox.lease_buckets(session, self._owner, lease_seconds=LEASE_SECONDS)
        )
        self._asked_at = now

    async def give_back(self) -> None:
        """Let the others have our buckets at once. Raises Unavailable."""
        self._buckets = frozenset()
        await self._database.calling(lambda session: outbox.give_back_buckets(session, self._owner))
