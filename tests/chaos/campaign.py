"""A campaign: customers at every door of a scene, faults one after the other, and the oracle at the end."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from db.engine import Database
from holdfast.demo.client import Rpc
from holdfast.rest_client import PatienceEnded, Rest
from tests.chaos.clients import watched_rest, watched_rpc
from tests.chaos.faults import Fault, deck, strike, until_present
from tests.chaos.load import Claims, Customer, Doors
from tests.chaos.news import NewsReader
from tests.chaos.oracle import Evidence, Verdict, unread, until_quiet, verdict
from tests.chaos.order_service import OrderService
from tests.chaos.outcome import Incident, Outcome, Plan, in_a_line, named
from tests.chaos.probes import Ways, recovery
from tests.chaos.scene import Scene
from tests.chaos.witness import Witness
from tests.stocking import add_stock, add_warehouse

RARE_SKUS, PLENTIFUL_SKUS = 3, 9
RARE_PIECES = 40
"""Sold out soon, so that customers fight for the rest and hear of shortage."""

PLENTIFUL_PIECES = 100_000
PROBE_SKU = "CHAOS-PROBE"
CARRIED_HOLD_SECONDS = 90
CARRIED_PATIENCE_SECONDS = 60.0
SETTLE_SECONDS_MAX = 60.0


Tell = Callable[[str], None]
"""Told in a line what happens, while it does."""


def silent(_line: str) -> None:
    """For who does not want to know."""


async def campaign(scene: Scene, plan: Plan, tell: Tell = silent) -> Outcome:
    """Run one on a scene that nobody has used, and judge what it leaves."""
    database = Database.connect(scene.settings, process="chaos")
    try:
        async with _staged(scene, plan, database, tell) as stage:
            return await stage.run()
    finally:
        await database.close()


@asynccontextmanager
async def _staged(scene: Scene, plan: Plan, database: Database, tell: Tell) -> AsyncIterator[_Stage]:
    catalogue = await _catalogue(database)
    witness, prober = Witness(), Witness()
    news, orders = NewsReader(scene.settings), OrderService(scene.settings)
    async with AsyncExitStack() as opened:
        await opened.enter_async_context(orders.open())
        await opened.enter_async_context(news.reading())
        rest = [await opened.enter_async_context(watched_rest(api, scene.token, witness)) for api in scene.rest]
        rpc = [await opened.enter_async_context(watched_rpc(api, scene.token, witness)) for api in scene.rpc]
        probe = await opened.enter_async_context(watched_rest(scene.rest[0], scene.token, prober))
        ways = Ways(probe, orders, news, PROBE_SKU, catalogue.probe_inventory_id)
        yield _Stage(
            scene, plan, database, catalogue, watched=(witness, prober), doors=_Doors(rest, rpc), ways=ways, tell=tell
        )


@dataclass(frozen=True, slots=True)
class _Doors:
    """Where customers go, one after the other."""

    rest: list[Rest]
    rpc: list[Rpc]


class _Stage:
    """Everything in its place."""

    def __init__(
        self,
        scene: Scene,
        plan: Plan,
        database: Database,
        catalogue: _Catalogue,
        *,
        watched: tuple[Witness, Witness],
        doors: _Doors,
        ways: Ways,
        tell: Tell,
    ) -> None:
        self._scene = scene
        self._plan = plan
        self._database = database
        self._catalogue = catalogue
        self._witness, self._prober = watched
        self._news = ways.news
        self._orders = ways.orders
        self._doors = doors
        self._ways = ways
        self._tell = tell
        self._claims = Claims()
        self._lost_at: list[datetime] = []
        self._outcome = Outcome(scene.title, plan)
        self._begun = 0.0

    async def run(self) -> Outcome:
        """Trade under faults until the time is over, let it become calm, judge."""
        self._begun = time.monotonic()
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for customer in self._customers():
                group.create_task(customer.shop(stop))
            await self._trouble()
            stop.set()
        self._outcome.seconds = time.monotonic() - self._begun
        self._tell("no more orders and no more faults; waiting until it is calm")
        calm_since = time.monotonic()
        self._outcome.left = await until_quiet(self._database, self._orders.told)
        self._outcome.quiet_after_seconds = time.monotonic() - calm_since
        await self._news.to_the_end()
        self._conclude(await verdict(self._database, self._evidence()))
        self._outcome.wrong += [self._not_read(one) for one in await unread(self._database, self._orders.told)]
        return self._outcome

    def _not_read(self, event_id: str) -> str:
        sent_at, kind = self._orders.last_sent(event_id)
        return f"never read: {kind} {event_id}, sent last after {sent_at - self._begun:.1f} s"

    def _customers(self) -> list[Customer]:
        rest, rpc = self._doors.rest, self._doors.rpc
        return [
            Customer(
                Doors(rest[number % len(rest)], rpc[number % len(rpc)], self._orders.publish),
                self._catalogue.skus,
                self._claims,
                seed=self._plan.seed * 1000 + number,
                patience_seconds=self._plan.patience_seconds,
            )
            for number in range(self._plan.customers)
        ]

    async def _trouble(self) -> None:
        dice = random.Random(self._plan.seed)
        faults = deck(self._scene, dice, self._plan.kinds, self._plan.parts)
        end = self._begun + self._plan.seconds
        await asyncio.sleep(dice.uniform(*self._plan.pause_seconds))
        while True:  # once in any case, however late it is already
            struck = [next(faults)]
            if dice.random() < self._plan.double_share:
                struck.append(next(faults))
            await self._incident(tuple(struck))
            await until_present(self._scene)
            await asyncio.sleep(dice.uniform(*self._plan.pause_seconds))
            if time.monotonic() >= end:
                return

    async def _incident(self, faults: tuple[Fault, ...]) -> None:
        carried = await self._hold()
        begun = time.monotonic()
        beats = self._ways.beats()
        async with asyncio.TaskGroup() as group:
            striking = [group.create_task(self._strike(fault)) for fault in faults]
            probing = {
                way: group.create_task(recovery(probe, beat_seconds, begun))
                for way, (probe, beat_seconds) in beats.items()
            }
            selling = group.create_task(self._commit(carried))
        ended = time.monotonic()
        recoveries = {way: task.result() for way, task in probing.items()}
        problems = [problem for task in striking if (problem := task.result())]
        problems += [f"no {way} within the wait" for way, found in recoveries.items() if found.seconds is None]
        problems += ["the sale of a hold from before was not answered"] if selling.result() is None else []
        incident = Incident(
            faults=faults,
            at_seconds=round(begun - self._begun, 1),
            recoveries=recoveries,
            carried_seconds=selling.result(),
            requests_hurt=self._witness.hurt(begun, ended),
            slowest_seconds=self._witness.slowest_seconds(begun, ended),
            problems=tuple(problems),
        )
        self._outcome.incidents.append(incident)
        self._tell(in_a_line(incident))

    async def _strike(self, fault: Fault) -> str:
        begun = time.monotonic()
        problem = await strike(fault)
        if fault.loses_the_broker and self._scene.broker_forgets:
            self._lost_at.append(datetime.now(UTC))
            self._news.forgotten()
            await self._orders.broker_forgot(begun)
        return problem

    async def _hold(self) -> str:
        """A hold that a fault will find open; its workflow is at rest in whichever process made it."""
        order = {
            "orderId": f"carried-{uuid.uuid4()}",
            **self._ways.line(hold_seconds=CARRIED_HOLD_SECONDS),
        }
        held = await self._ways.rest.post_patiently(
            "/reservations", order, key=str(uuid.uuid4()), patience_seconds=SETTLE_SECONDS_MAX
        )
        reservation_id = str(held.body["reservationId"])
        self._claims.told[reservation_id] = held.body["status"]
        return reservation_id

    async def _commit(self, reservation_id: str) -> float | None:
        """Sell it, patiently; answers how long that took."""
        begun = time.monotonic()
        path, key = f"/reservations/{reservation_id}/commit", str(uuid.uuid4())
        try:
            sold = await self._ways.rest.post_patiently(path, {}, key=key, patience_seconds=CARRIED_PATIENCE_SECONDS)
        except PatienceEnded:
            return None
        if sold.status != 200:
            return None
        self._claims.told[reservation_id] = sold.body["status"]
        return time.monotonic() - begun

    def _evidence(self) -> Evidence:
        return Evidence(self._catalogue.pieces, self._claims, self._news.read, self._orders.told, self._lost_at)

    def _conclude(self, found: Verdict) -> None:
        outcome = self._outcome
        problems = [
            f"{named(incident.faults)}: {problem}" for incident in outcome.incidents for problem in incident.problems
        ]
        outcome.wrong = [*self._witness.untyped(), *self._prober.untyped(), *problems, *found.wrong]
        outcome.counts = found.counts
        outcome.tries = self._witness.counts()
        outcome.first_tries = _by_end(self._witness.first_tries())
        outcome.last_tries = _by_end(self._witness.last_tries())
        outcome.orders = len(self._claims.orders)
        outcome.gave_up = sum(count for words, count in self._claims.answers.items() if words.endswith("gave up"))


@dataclass(frozen=True, slots=True)
class _Catalogue:
    skus: list[str]
    pieces: dict[str, int]
    probe_inventory_id: str


async def _catalogue(database: Database) -> _Catalogue:
    """Rare and plentiful SKUs in two warehouses, and one for the probes."""
    places = [await add_warehouse(database, priority=priority) for priority in (1, 2)]
    skus = [f"CHAOS-{number}" for number in range(RARE_SKUS + PLENTIFUL_SKUS)]
    pieces = {sku: RARE_PIECES if number < RARE_SKUS else PLENTIFUL_PIECES for number, sku in enumerate(skus)}
    for sku, count in pieces.items():
        for place in places:
            await add_stock(database, count // 2, sku=sku, warehouse=place)
    probed = await add_stock(database, PLENTIFUL_PIECES, sku=PROBE_SKU, warehouse=places[0])
    return _Catalogue(skus, {**pieces, PROBE_SKU: PLENTIFUL_PIECES}, str(probed.inventory_id))


def _by_end(tries: Sequence[Any]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in tries:
        counts[one.end] = counts.get(one.end, 0) + 1
    return counts
