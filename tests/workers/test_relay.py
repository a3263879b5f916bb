from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from db import outbox
from db.engine import Database
from runtime.settings import Settings
from tests.workers.streams import Broker, reading
from tests.workers.waiting import WAIT_SECONDS_MAX, rows, running, scalar, until
from workers import relay as relay_module
from workers.relay import Relay

STREAMS = [UUID(int=number) for number in range(40)]


async def add_event(
    database: Database, key: str, sequence: int, *, stream_id: UUID, type_: str = "inventory.out_of_stock"
) -> None:
    """One row of the outbox, in a commit of its own."""
    async with database.write() as session:
        await insert_event(session, key, sequence, stream_id=stream_id, type_=type_)


async def insert_event(
    session: Any, key: str, sequence: int, *, stream_id: UUID, type_: str = "inventory.out_of_stock"
) -> None:
    await session.execute(
        text("""
            insert into outbox (type, key, stream_id, sequence, data)
            values (:type, cast(:key as varchar), :stream_id, :sequence,
                    jsonb_build_object('sku', cast(:key as varchar)))
        """),
        {"type": type_, "key": key, "stream_id": stream_id, "sequence": sequence},
    )


def key_of(stream: UUID) -> str:
    return f"SKU-{stream.int}"


def sequences(records: list[Any]) -> dict[str, list[int]]:
    """Sequence numbers by key in the order they were read; a partition keeps it, and a key has one partition."""
    found: dict[str, list[int]] = {}
    for record in records:
        found.setdefault(record.key.decode(), []).append(json.loads(record.value)["sequence"])
    return found


def without_repeats(seen: list[int]) -> list[int]:
    """What was written and not acknowledged, or not marked, is written again: only first appearances tell the order."""
    return list(dict.fromkeys(seen))


async def all_sent(database: Database) -> bool:
    return bool(await scalar(database, "select bool_and(sent_at is not null) from outbox"))


async def test_an_event_arrives_as_a_cloud_event_with_the_envelope_in_its_body(kafka: Settings, db: Database) -> None:
    stream = uuid4()
    await add_event(db, "SKU-1", 7, stream_id=stream)
    async with reading(kafka, kafka.kafka_topic_inventory_events) as reader, running(Relay(kafka, db)):
        (record,) = await reader.at_least(1)
        await until(lambda: all_sent(db))
    body, headers = json.loads(record.value), {name: value.decode() for name, value in record.headers}
    assert record.key == b"SKU-1"
    assert body["sku"] == "SKU-1"
    assert body["sequence"] == 7
    assert body["eventId"] == headers["ce_id"]
    assert body["timestamp"] == headers["ce_time"]
    assert headers["ce_type"] == "inventory.out_of_stock"
    assert headers["ce_source"] == "/inventory-service"
    assert headers["ce_subject"] == f"inventory/{stream}"
    assert headers["ce_specversion"] == "1.0"
    assert headers["ce_sequence"] == "7"
    assert headers["content-type"] == "application/json"


async def test_the_trace_of_the_change_travels_with_its_event(kafka: Settings, db: Database) -> None:
    traceparent = f"00-{'a' * 32}-{'b' * 16}-01"
    await add_event(db, "SKU-1", 1, stream_id=uuid4())
    async with db.write() as session:
        await session.execute(text("update outbox set traceparent = :traceparent"), {"traceparent": traceparent})
    async with reading(kafka, kafka.kafka_topic_inventory_events) as reader, running(Relay(kafka, db)):
        (record,) = await reader.at_least(1)
    assert dict(record.headers)["traceparent"] == traceparent.encode()


async def test_two_relays_send_everything_and_each_key_in_order(kafka: Settings, db: Database) -> None:
    async with (
        reading(kafka, kafka.kafka_topic_inventory_events) as reader,
        running(Relay(kafka, db, owner="one"), Relay(kafka, db, owner="two")),
    ):
        for sequence in range(1, 11):
            async with db.write() as session:
                for stream in STREAMS:
                    await insert_event(session, key_of(stream), sequence, stream_id=stream)
        await until(lambda: all_sent(db))
        for stream in STREAMS:
            await reader.matching(1, partial(is_last, key_of(stream)))
    in_order = {key: without_repeats(seen) for key, seen in sequences(reader.records).items()}
    assert in_order == {key_of(stream): list(range(1, 11)) for stream in STREAMS}


def is_last(key: str, record: Any) -> bool:
    return bool(record.key == key.encode() and json.loads(record.value)["sequence"] == 10)


async def test_two_relays_share_the_keys(kafka: Settings, db: Database) -> None:
    async def fair() -> bool:
        shares = await rows(db, "select count(*) from relay_leases where leased_until > now() group by owner")
        return [share.count for share in shares] == [8, 8]

    async with running(Relay(kafka, db, owner="one"), Relay(kafka, db, owner="two")):
        await until(fair)
    assert await scalar(db, "select count(*) from relay_leases where owner is not null") == 0


async def test_the_keys_of_a_frozen_relay_pass_to_another(kafka: Settings, db: Database) -> None:
    frozen = await db.calling(lambda session: outbox.lease_buckets(session, "frozen", lease_seconds=1.5))
    assert len(frozen) == 16
    await add_event(db, "SKU-1", 1, stream_id=uuid4())
    async with reading(kafka, kafka.kafka_topic_inventory_events) as reader, running(Relay(kafka, db)):
        await reader.at_least(1)


async def test_a_lower_id_that_commits_later_is_not_left_behind(kafka: Settings, db: Database) -> None:
    late, early = STREAMS[:2]
    async with (
        reading(kafka, kafka.kafka_topic_inventory_events) as reader,
        running(Relay(kafka, db)),
        db.write() as open_session,
    ):
        await insert_event(open_session, key_of(late), 1, stream_id=late)
        await add_event(db, key_of(early), 1, stream_id=early)
        await reader.at_least(1)
        await until(lambda: scalar(db, "select count(*) = 1 and count(sent_at) = 1 from outbox"))
        await open_session.connection.commit()
        records = await reader.at_least(2)
    ids = await rows(db, "select outbox_id, key from outbox order by outbox_id")
    assert [row.key for row in ids] == [key_of(late), key_of(early)]
    assert [record.key.decode() for record in records] == [key_of(early), key_of(late)]


async def test_what_was_sent_and_not_marked_is_sent_again_with_the_same_id(
    kafka: Settings, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """The process ends here."""

    def strike(name: str) -> None:
        assert name == "after_relay_send"
        raise Killed

    await add_event(db, "SKU-1", 1, stream_id=uuid4())
    async with reading(kafka, kafka.kafka_topic_inventory_events) as reader:
        with monkeypatch.context() as patched:
            patched.setattr(relay_module, "failpoint", strike)
            victim = Relay(kafka, db, owner="victim")
            patched.setattr(victim, "_close", victim._sender.close)  # a killed process marks nothing any more
            with pytest.raises(Killed):
                await victim.run(asyncio.Event())
        assert await scalar(db, "select count(*) from outbox where sent_at is null") == 1
        async with running(Relay(kafka, db, owner="heir")):
            first, second = await reader.at_least(2)
    assert first.value == second.value


async def test_a_relay_process_killed_between_send_and_mark_is_continued(
    kafka: Settings, db: Database, start_child: Callable[..., subprocess.Popen[bytes]]
) -> None:
    await add_event(db, "SKU-1", 1, stream_id=uuid4())
    async with reading(kafka, kafka.kafka_topic_inventory_events) as reader:
        killed = start_child(kafka, "relay", FAILPOINTS="after_relay_send=kill")
        await reader.at_least(1)
        assert await asyncio.to_thread(killed.wait, WAIT_SECONDS_MAX) == -signal.SIGKILL
        assert not await all_sent(db)
        heir = start_child(kafka, "relay")
        first, second = await reader.at_least(2)
        await until(lambda: all_sent(db))
        heir.terminate()
        assert await asyncio.to_thread(heir.wait, WAIT_SECONDS_MAX) == 0
    assert first.value == second.value


async def test_a_broker_that_comes_back_empty_gets_its_topics_and_the_rest_of_the_news(
    lonely: Settings, db: Database, broker: Broker
) -> None:
    stream = uuid4()
    async with running(Relay(lonely, db)):
        await add_event(db, "SKU-1", 1, stream_id=stream)
        await until(lambda: all_sent(db))
        broker.kill()
        await add_event(db, "SKU-1", 2, stream_id=stream)
        await add_event(db, "SKU-1", 3, stream_id=stream)
        await broker.start()
        async with reading(lonely, lonely.kafka_topic_inventory_events) as reader:
            await reader.matching(1, lambda record: json.loads(record.value)["sequence"] == 3)
        await until(lambda: all_sent(db))
    assert without_repeats(sequences(reader.records)["SKU-1"]) == [2, 3]


async def test_lost_database_connections_delay_news_and_lose_none(kafka: Settings, db: Database) -> None:
    own = Database.connect(kafka, process="relay-test")
    async with reading(kafka, kafka.kafka_topic_inventory_events) as reader, running(Relay(kafka, own)):
        for sequence in range(1, 21):
            await add_event(db, "SKU-1", sequence, stream_id=STREAMS[0])
            await rows(
                db,
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'holdfast-relay-test'",
            )
        await reader.matching(1, lambda record: json.loads(record.value)["sequence"] == 20)
        await until(lambda: all_sent(db))
    await own.close()
    assert without_repeats(sequences(reader.records)["SKU-1"]) == list(range(1, 21))


async def test_a_large_backlog_is_sent_in_order(kafka: Settings, db: Database) -> None:
    async with db.write() as session:
        await session.execute(
            text("""
                insert into outbox (type, key, stream_id, sequence, data)
                select 'inventory.out_of_stock', 'SKU-' || (n % 7), cast(lpad((n % 7)::text, 32, '0') as uuid),
                       n / 7 + 1,
                       jsonb_build_object('filling', repeat('x', 500))
                from generate_series(0, 6999) as n
            """)
        )
    async with reading(kafka, kafka.kafka_topic_inventory_events) as reader, running(Relay(kafka, db)):
        records = await reader.at_least(7000)
    assert sequences(records) == {f"SKU-{number}": list(range(1, 1001)) for number in range(7)}


async def test_sent_events_are_trimmed_when_they_are_old_and_unsent_ones_never(db: Database) -> None:
    for number, stream in enumerate(STREAMS[:6]):
        await add_event(db, key_of(stream), 1, stream_id=stream)
        age = {0: "null", 1: "null", 2: "now()"}.get(number, "now() - interval '2 hours'")
        async with db.write() as session:
            await session.execute(text(f"update outbox set sent_at = {age} where stream_id = :id"), {"id": stream})
    trimmed = [
        await db.calling(lambda session: outbox.trim(session, kept_seconds=3600, batch_rows=2)) for _ in range(3)
    ]
    assert trimmed == [2, 1, 0]
    assert await scalar(db, "select count(*) from outbox") == 3


async def test_the_age_of_the_oldest_unsent_event_is_known(db: Database) -> None:
    assert await db.reading(outbox.oldest_unsent_seconds) == 0
    await add_event(db, "SKU-1", 1, stream_id=uuid4())
    async with db.write() as session:
        await session.execute(text("update outbox set created_at = now() - interval '90 seconds'"))
    assert 90 <= await db.reading(outbox.oldest_unsent_seconds) < 120
