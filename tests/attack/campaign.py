"""One attack from every side on one running service: a short one for the suite, a long one for a report."""

from __future__ import annotations

import asyncio
import random
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import requests
from schemathesis.generation.hypothesis.builder import HypothesisTestMode

from db.engine import Database
from db.invariants import violations_of
from runtime.settings import Settings
from tests.attack.calls import Calls
from tests.attack.documented import Documented
from tests.attack.findings import Findings
from tests.attack.records import Records
from tests.attack.sockets import Sockets
from tests.attack.state import State
from tests.attack.target import Known, Target
from tests.attack.tokens import Tokens

OVERDUE_SECONDS = 86_400.0
"""Holds that are past their deadline by a little are none of an attack's business."""

READY_SECONDS_MAX = 30.0
LOOK_EVERY_SECONDS = 0.5
"""A look at health has its own short limits, which a busy machine may miss once."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """All who attack, on one target, with one book of findings."""

    target: Target
    findings: Findings
    state: State
    documented: Documented
    tokens: Tokens
    sockets: Sockets
    calls: Calls
    records: Records

    def furnish(self) -> None:
        """A little stock, a hold, a sale, a large adjustment that waits: something for the questions to hit."""
        known, api = self.documented.known, f"{self.target.api}/api/v1"
        headers = {"Authorization": self.target.bearer()}

        def post(path: str, body: dict[str, object]) -> dict[str, str]:
            answer = requests.post(f"{api}{path}", json=body, headers=headers, timeout=30)
            assert answer.ok, answer.text
            known.learn(answer.json())
            return dict(answer.json())

        place = post("/warehouses", {"code": uuid.uuid4().hex[:8], "name": "Siege", "region": "eu-north"})
        for quantity in (10_000, 3):
            sku = f"SIEGE-{uuid.uuid4().hex[:8]}"
            there = {"sku": sku, "productId": str(uuid.uuid4()), "warehouseId": place["warehouseId"]}
            row = post("/inventory", {**there, "quantityTotal": quantity, "reorderPoint": 2})
            line = {"orderId": f"order-{sku}", "items": [{"sku": sku, "quantity": 1}], "holdSeconds": 900}
            sold, _held = post("/reservations", line), post("/reservations", line)
            post(f"/reservations/{sold['reservationId']}/commit", {})
            change = {"delta": 5_000, "type": "INBOUND", "reason": "more than one may do alone"}
            post(f"/inventory/{row['inventoryId']}/adjust", change)
        post("/suppliers", {"code": uuid.uuid4().hex[:8], "name": "Supplier", "currency": "EUR"})
        self.state.settle()

    def once(self, *, times: int, number: int, modes: list[HypothesisTestMode], until: float = float("inf")) -> None:
        """`times` questions for each method and operation, in an order of this number's own, while there is time."""
        self.calls.every_method(times=times, number=number)
        for operation in random.Random(number).sample(self.documented.operations, len(self.documented.operations)):
            if time.monotonic() < until:
                self.documented.ask(operation, times=times, seed=number, modes=modes)

    def refusals(self) -> None:
        """What is refused before it is read."""
        self.tokens.every_route()
        self.tokens.too_few_scopes()
        self.calls.refused()
        self.sockets.every_shape()
        self.sockets.too_much()

    def last_look(self) -> None:
        """Nothing that must always be true is false, and the service is as ready as before."""
        for violation in asyncio.run(_violations(self.target.settings)):
            self.findings.blame("invariants", str(violation))
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not (ready := requests.get(f"{self.target.api}/health/ready", timeout=READY_SECONDS_MAX)).ok:
            if time.monotonic() > deadline:
                self.findings.blame("health", ready.text)
                return
            time.sleep(LOOK_EVERY_SECONDS)

    def for_seconds(self, seconds: float, *, number: int) -> None:
        """Everything, again with other questions until the time is over; each round asks more."""
        deadline = time.monotonic() + seconds
        slow = threading.Thread(target=self.sockets.too_slow)
        slow.start()
        self.refusals()
        modes, rounds = list(HypothesisTestMode), 0
        while time.monotonic() < deadline:
            self.once(times=10, number=number + rounds, modes=modes, until=deadline)
            self.records.everything(times=40, number=number + rounds)
            modes, rounds = [HypothesisTestMode.FUZZING], rounds + 1
        slow.join()


@contextmanager
def campaign(target: Target, *, number: int) -> Iterator[Campaign]:
    """Everybody in place; what they opened is closed at the end."""
    findings = Findings(target.secrets)
    state = State(target.settings, findings)
    documented = Documented(target, findings, state, seed=number)
    known: Known = documented.known
    calls = Calls(target, findings, state, known)
    try:
        yield Campaign(
            target,
            findings,
            state,
            documented,
            Tokens(target, findings, state),
            Sockets(target, findings, state),
            calls,
            Records(target, findings, state, known),
        )
    finally:
        calls.close()
        state.close()


async def _violations(settings: Settings) -> list[object]:
    database = Database.connect(settings, process="attack")
    try:
        return [*await violations_of(database, overdue_lag_seconds=OVERDUE_SECONDS)]
    finally:
        await database.close()
