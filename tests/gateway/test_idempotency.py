from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

import pytest
from sqlalchemy import text

from db.engine import Database
from db.idempotency import KeyScope, claim
from domain.errors import IdempotencyKeyReused, Malformed, RequestInProgress
from gateway.idempotency import Answer, fingerprint_of, read_key, run
from runtime.settings import Settings

DONE = Answer(201, {"Location": "/there", "Content-Type": "application/json"}, b'{"a":1}\x00\xff')
LATER = Answer(503, {}, b"")

Work = Callable[[UUID], Awaitable[Answer]]


@pytest.fixture(scope="module")
async def store(database: Settings) -> AsyncIterator[Database]:
    opened = Database.connect(database)
    yield opened
    await opened.close()


@pytest.fixture
def key() -> str:
    return str(uuid.uuid4())


class Worker:
    """Counts how often it works and with which resource ids."""

    def __init__(self, answer: Answer | Exception = DONE) -> None:
        self.answer = answer
        self.resource_ids: list[UUID] = []

    async def __call__(self, resource_id: UUID) -> Answer:
        self.resource_ids.append(resource_id)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def ask(
    store: Database,
    key: str,
    work: Work,
    *,
    subject: str = "shop",
    path: str = "/reservations",
    body: str = "body",
    lease_seconds: float = 30,
) -> tuple[Answer, bool]:
    return await run(
        store,
        subject=subject,
        method="POST",
        path=path,
        key=key,
        fingerprint=fingerprint_of("POST", path, body),
        work=work,
        may_store=lambda answer: answer.status < 500,
        lease_seconds=lease_seconds,
    )


async def age(store: Database, key: str, interval: str) -> None:
    async with store.write() as session:
        await session.execute(
            text("update idempotency_keys set created_at = created_at - cast(:age as interval) where key = :key"),
            {"key": key, "age": interval},
        )


async def test_a_repeat_gets_the_first_answer_byte_for_byte_and_nothing_is_done_again(
    store: Database, key: str
) -> None:
    work = Worker()
    assert await ask(store, key, work) == (DONE, False)
    assert await ask(store, key, work) == (DONE, True)
    assert len(work.resource_ids) == 1


async def test_another_body_under_the_same_key_is_refused(store: Database, key: str) -> None:
    await ask(store, key, Worker())
    other = Worker()
    with pytest.raises(IdempotencyKeyReused):
        await ask(store, key, other, body="another")
    assert other.resource_ids == []


@pytest.mark.parametrize("elsewhere", [{"subject": "office"}, {"path": "/inventory"}])
async def test_a_key_belongs_to_its_caller_and_path(store: Database, key: str, elsewhere: dict[str, str]) -> None:
    await ask(store, key, Worker())
    other = Worker()
    assert (await ask(store, key, other, **elsewhere))[1] is False
    assert len(other.resource_ids) == 1


async def test_a_repeat_while_the_first_is_running_is_told_when_to_come_back(store: Database, key: str) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(_resource_id: UUID) -> Answer:
        entered.set()
        await leave.wait()
        return DONE

    first = asyncio.create_task(ask(store, key, slow, lease_seconds=60))
    await entered.wait()
    with pytest.raises(RequestInProgress) as refused:
        await ask(store, key, Worker())
    assert 1 <= (refused.value.retry_after_seconds or 0) <= 60
    with pytest.raises(IdempotencyKeyReused):
        await ask(store, key, Worker(), body="another")
    leave.set()
    assert await first == (DONE, False)
    assert await ask(store, key, Worker()) == (DONE, True)


async def test_of_many_first_requests_at_one_instant_one_works(store: Database, key: str) -> None:
    work = Worker()
    outcomes = await asyncio.gather(*(ask(store, key, work) for _ in range(20)), return_exceptions=True)
    assert len(work.resource_ids) == 1
    assert sum(outcome == (DONE, False) for outcome in outcomes) == 1
    for outcome in outcomes:
        assert outcome in ((DONE, False), (DONE, True)) or isinstance(outcome, RequestInProgress)


async def test_who_takes_over_after_a_crash_goes_on_with_the_recorded_resource(store: Database, key: str) -> None:
    scope = KeyScope("shop", "POST", "/reservations", key)
    fingerprint = fingerprint_of("POST", "/reservations", "body")
    async with store.single() as session:
        crashed = await claim(session, scope, fingerprint, lease_seconds=0)
    work = Worker()
    assert await ask(store, key, work) == (DONE, False)
    assert work.resource_ids == [getattr(crashed, "resource_id", None)]


async def test_a_crash_does_not_open_the_key_to_another_body(store: Database, key: str) -> None:
    scope = KeyScope("shop", "POST", "/reservations", key)
    async with store.single() as session:
        await claim(session, scope, fingerprint_of("POST", "/reservations", "body"), lease_seconds=0)
    with pytest.raises(IdempotencyKeyReused):
        await ask(store, key, Worker(), body="another")


async def test_an_answer_about_the_moment_is_not_kept_but_its_resource_is(store: Database, key: str) -> None:
    work = Worker(LATER)
    assert await ask(store, key, work) == (LATER, False)
    work.answer = DONE
    assert await ask(store, key, work) == (DONE, False)
    assert await ask(store, key, work) == (DONE, True)
    assert len(work.resource_ids) == 2
    assert len(set(work.resource_ids)) == 1


async def test_a_mistake_of_ours_lets_the_key_go(store: Database, key: str) -> None:
    work = Worker(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await ask(store, key, work)
    work.answer = DONE
    assert await ask(store, key, work) == (DONE, False)


async def test_a_slow_first_worker_does_not_undo_the_answer_of_the_second(store: Database, key: str) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(_resource_id: UUID) -> Answer:
        entered.set()
        await leave.wait()
        return Answer(200, {}, b"late")

    first = asyncio.create_task(ask(store, key, slow, lease_seconds=0))
    await entered.wait()
    assert await ask(store, key, Worker()) == (DONE, False)
    leave.set()
    await first
    assert await ask(store, key, Worker()) == (DONE, True)


async def test_a_key_is_as_good_as_new_after_a_day(store: Database, key: str) -> None:
    work = Worker()
    await ask(store, key, work)
    await age(store, key, "23 hours 59 minutes")
    assert (await ask(store, key, work))[1] is True
    await age(store, key, "1 minute 1 second")
    assert await ask(store, key, work, body="another") == (DONE, False)
    assert await ask(store, key, work, body="another") == (DONE, True)
    assert len(set(work.resource_ids)) == 2


async def test_keys_outlive_the_process(store: Database, key: str, database: Settings) -> None:
    await ask(store, key, Worker())
    restarted = Database.connect(database)
    try:
        assert await ask(restarted, key, Worker()) == (DONE, True)
    finally:
        await restarted.close()


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ("abc", "abc"),
        (' "abc" ', "abc"),
        ('"a b"', "a b"),
        (r'"a\"b\\c"', 'a"b\\c'),
        ("x" * 255, "x" * 255),
        ('"' + "x" * 255 + '"', "x" * 255),
        ('a"b', 'a"b'),
    ],
)
def test_a_key_comes_quoted_or_bare(raw: str, key: str) -> None:
    assert read_key(raw) == key


@pytest.mark.parametrize(
    "raw", ["", "  ", '""', '"', '"abc', '"a"b"', r'"a\b"', '"abc\\"', "x" * 256, "schlüssel", "a\x00b", "a\tb"]
)
def test_an_unreadable_key_is_malformed(raw: str) -> None:
    with pytest.raises(Malformed):
        read_key(raw)


def test_a_fingerprint_does_not_care_for_the_order_of_names_but_for_everything_else() -> None:
    same = fingerprint_of("POST", "/a", {"x": 1, "y": [1, 2]})
    assert same == fingerprint_of("POST", "/a", {"y": [1, 2], "x": 1})
    for other in ({"x": 1, "y": [2, 1]}, {"x": "1", "y": [1, 2]}, {"x": 1.0, "y": [1, 2]}, {"x": 1}):
        assert fingerprint_of("POST", "/a", other) != same
    assert fingerprint_of("PUT", "/a", {"x": 1, "y": [1, 2]}) != same
