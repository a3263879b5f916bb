"""Fakes behind workflows/ports.py: enough of the rules to see what a workflow makes of each answer."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from domain.contracts.reservations import (
    Decision,
    DecisionRequest,
    HoldOutcome,
    HoldRequest,
    SettleOutcome,
    SettleRequest,
)
from domain.ids import system_actor
from domain.reservations import Item, ReservationStatus
from workflows import ports

TESTER = system_actor("tester")

_TARGETS = {
    Decision.COMMIT: ReservationStatus.COMMITTED,
    Decision.CANCEL: ReservationStatus.CANCELLED,
    Decision.EXPIRE: ReservationStatus.EXPIRED,
}


class FakeStock(ports.ReservationActivities):
    """One reservation. What it was asked is in `asked`; what it is to answer otherwise is set by the test.

    `now` is the clock of the server, `early_by` how far the database's clock lags behind it, one entry for each
    expiry; `failures` are raised one by one before anything is done, `loses_answers` counts extensions that are made
    and not answered; `gate` keeps every answer back.
    """

    def __init__(self, now: Callable[[], Awaitable[datetime]]) -> None:
        self._now = now
        self.status: ReservationStatus | None = None
        self.expires_at: datetime | None = None
        self.extends_count = 0
        self.returned = False
        self.holds_count = 0
        self.asked: list[SettleRequest] = []
        self.refuses_holds = False
        self.refuses_extensions = False
        self.loses_answers = 0
        self.early_by: deque[float] = deque()
        self.late_seconds = 0.0
        self.failures: deque[Exception] = deque()
        self.gate = asyncio.Event()
        self.gate.set()

    @property
    def decisions(self) -> list[Decision]:
        """What was asked of it, in order."""
        return [request.decision for request in self.asked]

    @property
    def decided(self) -> list[str]:
        """The same by the ids of the decisions, each once: a task that is tried again asks again."""
        return list(dict.fromkeys(request.decision_id for request in self.asked))

    def asks_of(self, decision_id: str) -> int:
        """How often it was asked for one decision."""
        return sum(request.decision_id == decision_id for request in self.asked)

    @activity.defn(name="hold")
    async def hold(self, request: HoldRequest) -> HoldOutcome:
        """Hold, or answer what became of it."""
        self.holds_count += 1
        await self._meet_the_world()
        if self.status is None:
            self.status = ReservationStatus.REJECTED if self.refuses_holds else ReservationStatus.PENDING
            self.expires_at = await self._now() + timedelta(seconds=request.hold_seconds)
        assert self.expires_at is not None
        return HoldOutcome(
            status=self.status,
            expires_at=self.expires_at,
            extends_count=self.extends_count,
            late_seconds=self.late_seconds,
        )

    @activity.defn(name="settle")
    async def settle(self, request: SettleRequest) -> SettleOutcome:
        """The guarded transition."""
        self.asked.append(request)
        await self._meet_the_world()
        assert self.expires_at is not None
        if self.status is not ReservationStatus.PENDING:
            return self._after_the_end(request)
        if request.decision is Decision.EXTEND:
            return await self._extend(request)
        if request.decision is Decision.EXPIRE and self.early_by:
            early_seconds = self.early_by.popleft()
            return SettleOutcome(status=self.status, expires_at=self.expires_at, early_seconds=early_seconds)
        self.status = _TARGETS[request.decision]
        return SettleOutcome(status=self.status, expires_at=self.expires_at, changed=True)

    async def _meet_the_world(self) -> None:
        await self.gate.wait()
        if self.failures:
            raise self.failures.popleft()

    def _after_the_end(self, request: SettleRequest) -> SettleOutcome:
        assert self.status is not None
        assert self.expires_at is not None
        comes_back = (
            request.decision is Decision.CANCEL
            and request.reason == "order_cancelled"
            and self.status is ReservationStatus.COMMITTED
            and not self.returned
        )
        self.returned |= comes_back
        return SettleOutcome(status=self.status, expires_at=self.expires_at, changed=comes_back, returned=comes_back)

    async def _extend(self, request: SettleRequest) -> SettleOutcome:
        assert self.status is not None
        assert self.expires_at is not None
        if self.extends_count >= request.number:
            return self._extended(changed=False)
        if self.refuses_extensions:
            return SettleOutcome(status=self.status, expires_at=self.expires_at, refused=True)
        self.extends_count += 1
        self.expires_at = await self._now() + timedelta(seconds=request.hold_seconds)
        if self.loses_answers:
            self.loses_answers -= 1
            raise unavailable()
        return self._extended(changed=True)

    def _extended(self, *, changed: bool) -> SettleOutcome:
        assert self.status is not None
        assert self.expires_at is not None
        return SettleOutcome(
            status=self.status, expires_at=self.expires_at, changed=changed, extends_count=self.extends_count
        )


class FakeHousekeeping(ports.MaintenanceActivities):
    """Answers what it is told to; a step in `broken` fails every time, one in `shaky` the first time."""

    def __init__(self, *, broken: frozenset[str] = frozenset(), shaky: frozenset[str] = frozenset()) -> None:
        self._broken = broken
        self._shaky = set(shaky)
        self.tried: list[str] = []

    @activity.defn(name="check_invariants")
    async def check_invariants(self) -> dict[str, int]:
        """No violation but one."""
        self._try("check_invariants")
        return {"nothing_is_negative": 0, "holds_end_in_time": 1}

    @activity.defn(name="adopt_orphans")
    async def adopt_orphans(self) -> int:
        """Three."""
        self._try("adopt_orphans")
        return 3

    @activity.defn(name="trim")
    async def trim(self) -> dict[str, int]:
        """Two rows of the inbox."""
        self._try("trim")
        return {"inbox": 2}

    def _try(self, step: str) -> None:
        self.tried.append(step)
        if step in self._broken or step in self._shaky:
            self._shaky.discard(step)
            raise ApplicationError(f"{step} failed")


def unavailable() -> ApplicationError:
    """What the activities raise while Postgres is away."""
    return ApplicationError("the database cannot answer right now", type="unavailable")


def hold_request(**fields: Any) -> HoldRequest:
    """A wish for two pieces of one SKU."""
    return HoldRequest(
        **{
            "reservation_id": uuid.uuid4(),
            "order_id": "order-1",
            "items": [Item(quantity=2, sku="SKU-1")],
            "fingerprint": "f" * 64,
            "actor_id": TESTER.actor_id,
            "actor_name": TESTER.name,
            **fields,
        }
    )


def decision(decision_id: str | None = None, **fields: Any) -> DecisionRequest:
    """A decision of the tester."""
    return DecisionRequest(
        decision_id=decision_id or str(uuid.uuid4()), actor_id=TESTER.actor_id, actor_name=TESTER.name, **fields
    )
