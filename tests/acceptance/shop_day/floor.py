"""The shop floor: people of the shop speak to the running service, one step after the other.

The machine's rules are plain functions, so the clients live in a thread of their own. A request that fails in a way
that may pass is repeated with the same key, as a good client does. Makes no claim.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any, TypeVar

import aiohttp
import grpc
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from temporalio.client import Client

from db.engine import Database
from gateway.auth import (
    INVENTORY_READ,
    INVENTORY_WRITE,
    OPERATIONS_APPROVE,
    OPERATIONS_WRITE,
    RESERVATIONS_WRITE,
    development_token,
)
from holdfast.demo.client import Rpc, open_rpc
from holdfast.demo.news import News, Newsroom, open_newsroom
from holdfast.rest_client import PASSING
from runtime.settings import Settings
from runtime.temporal import connect
from tests.acceptance.customer import status_of
from tests.acceptance.shop_day.books.places import Named

T = TypeVar("T")

PATIENCE_SECONDS = 60.0
LOOK_EVERY_SECONDS = 0.02
PAUSE_SECONDS = 0.2
PASSING_CALLS = frozenset({grpc.StatusCode.UNAVAILABLE.value[0], grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]})


@dataclass(frozen=True, slots=True, repr=False)
class Person(Named):
    """Somebody with a token."""

    name: str
    scopes: tuple[str, ...]

    def __repr__(self) -> str:
        return self.name


_CLERK = (INVENTORY_READ, INVENTORY_WRITE, OPERATIONS_WRITE, OPERATIONS_APPROVE)

CARLA = Person("carla", (RESERVATIONS_WRITE, INVENTORY_READ))
"""The checkout, and the desk that takes things back."""

ANNA, BERT = Person("anna", _CLERK), Person("bert", _CLERK)
"""Two clerks: each may approve what the other one asks for."""

GUS = Person("gus", (INVENTORY_READ,))
"""A guest, who may only look."""

PEOPLE = (CARLA, ANNA, BERT, GUS)


def who_is(name: str) -> Person:
    """A clerk by name."""
    return ANNA if name == ANNA.name else BERT


def other_than(name: str) -> Person:
    """The other clerk."""
    return BERT if name == ANNA.name else ANNA


@dataclass(frozen=True, slots=True, repr=False)
class Answer(Named):
    """What the service said. `code` is the problem's."""

    status: int
    body: Any
    headers: Mapping[str, str]

    def __repr__(self) -> str:
        return f"{self.status} {self.body}"

    @property
    def code(self) -> str | None:
        return self.body["code"] if self.status >= 400 else None

    def must(self, status: int, code: str | None = None) -> Any:
        """The body of an answer that has to be so."""
        same((self.status, self.code), (status, code), self)
        return self.body


def same(seen: object, right: object, about: object = "") -> None:
    """What is seen has to be what is right; says both when it is not."""
    assert seen == right, f"{about}: seen {seen!r}, right {right!r}"


@dataclass(slots=True)
class Floor:
    """Ways into the service. `requests` counts what was asked, by method and status."""

    run: Callable[[Coroutine[Any, Any, Any]], Any]
    sessions: dict[Person, aiohttp.ClientSession]
    rpcs: dict[Person, Rpc]
    news: Newsroom
    database: Database
    temporal: Client
    requests: Counter[str] = field(default_factory=Counter)

    def ask(
        self,
        person: Person,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str = "",
        version: str = "",
        **query: Any,
    ) -> Answer:
        """One request and its final answer; a POST carries a key of its own unless it is given one."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        headers |= {"Idempotency-Key": key or uuid.uuid4().hex} if method == "POST" else {}
        headers |= {"If-Match": version} if version else {}
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        how = {"data": raw, "headers": headers, "params": query}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer: Answer = self.run(_send(self.sessions[person], method, path, how))
            self.requests[f"{method} {answer.status}"] += 1
            if not _may_pass(answer) or time.monotonic() > deadline:
                return answer
            time.sleep(PAUSE_SECONDS)

    def call(self, person: Person, method: str, request: Message) -> Message | Status:
        """One gRPC call with a key of its own: its answer, or the status that it ended with."""
        rpc, key = self.rpcs[person], uuid.uuid4().hex
        metadata = (*rpc.metadata, ("idempotency-key", key))
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer: Message | Status = self.run(_call(getattr(rpc.stub, method), request, metadata))
            self.requests[f"gRPC {answer.code if isinstance(answer, Status) else 0}"] += 1
            if not (isinstance(answer, Status) and answer.code in PASSING_CALLS) or time.monotonic() > deadline:
                return answer
            time.sleep(PAUSE_SECONDS)

    def look(self, path: str, **query: Any) -> Any:
        """The body of a GET that has to succeed."""
        return self.ask(ANNA, "GET", path, **query).must(200)

    def pages(self, path: str, **query: Any) -> list[Any]:
        """All items of a list, page after page."""
        items: list[Any] = []
        token = None
        while True:
            page = self.look(path, **query, **({"pageToken": token} if token else {}))
            items += page["items"]
            token = page["nextPageToken"]
            if token is None:
                return items

    def say(self, event_type: str, order_id: str, *, event_id: str = "", **body: Any) -> None:
        """An event of the order service."""
        self.run(self.news.send(event_type, order_id, event_id=event_id, **body))

    def until(self, look: Callable[[], T], what: str) -> T:
        """What `look` answers as soon as it is true."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (seen := look()):
            assert time.monotonic() < deadline, f"never {what}"
            time.sleep(LOOK_EVERY_SECONDS)
        return seen

    def outcome(self, workflow_id: str) -> Any:
        """What a workflow answers at its end, as staff see it in Temporal UI."""
        return self.run(self.temporal.get_workflow_handle(workflow_id).result())

    def heard(self, is_meant: Callable[[News], bool], count: int) -> list[News]:
        """News that are meant, each once, as soon as there are so many."""

        def found() -> list[News]:
            return list({it.event_id: it for it in self.news.seen if is_meant(it)}.values())

        return self.until(lambda: len(found()) >= count, f"{count} such news, only {len(found())}") and found()


@contextmanager
def open_floor(facts: dict[str, Any], settings: Settings) -> Iterator[Floor]:
    """The floor of the service that stack.json tells of; `settings` lead to its servers."""
    with _loop_of_its_own() as run:
        stack = AsyncExitStack()
        try:
            tokens = {it: development_token(Settings(), subject=it.name, scopes=it.scopes) for it in PEOPLE}
            sessions = {person: run(_session(stack, facts["api"], token)) for person, token in tokens.items()}
            rpcs = {it: run(stack.enter_async_context(open_rpc(facts["grpc"], tokens[it]))) for it in PEOPLE}
            news = run(stack.enter_async_context(open_newsroom(settings)))
            database = Database.connect(settings, process="shop-day")
            stack.push_async_callback(database.close)
            temporal = run(connect(settings, process="shop-day"))
            yield Floor(run, sessions, rpcs, news, database, temporal)
        finally:
            run(stack.aclose())


async def _session(stack: AsyncExitStack, api: str, token: str) -> aiohttp.ClientSession:
    session = aiohttp.ClientSession(
        api, headers={"Authorization": f"Bearer {token}"}, timeout=aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
    )
    return await stack.enter_async_context(session)


async def _send(session: aiohttp.ClientSession, method: str, path: str, how: dict[str, Any]) -> Answer:
    async with session.request(method, f"/api/v1{path}", **how) as response:
        said = await response.read()
        return Answer(response.status, json.loads(said) if said else None, response.headers)


async def _call(method: Any, request: Message, metadata: Any) -> Message | Status:
    try:
        answer: Message = await method(request, metadata=metadata, timeout=PATIENCE_SECONDS)
    except grpc.aio.AioRpcError as error:
        return status_of(error)
    return answer


@contextmanager
def _loop_of_its_own() -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """An event loop in a thread; answers what runs work in it and waits for the outcome."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="shop floor", daemon=True)
    thread.start()
    try:
        yield lambda work: asyncio.run_coroutine_threadsafe(work, loop).result(PATIENCE_SECONDS)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _may_pass(answer: Answer) -> bool:
    return answer.status in PASSING or answer.code == "request_in_progress"
