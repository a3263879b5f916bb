"""A consumer whose broker refuses connections: what aiokafka cancels inside must not reach whoever stops it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from holdfast.stack.broker import broker_part
from holdfast.stack.embedded import temporary_stack
from holdfast.stack.ports import LOOPBACK, free_port
from holdfast.stack.supervisor import Supervisor
from runtime.kafka import AIOKafkaConsumer, ensure_topics, make_consumer, start, stop
from runtime.settings import Settings
from tests.chaos.links import Link
from tests.workers.waiting import until

TOPIC = "refused"


@asynccontextmanager
async def a_broker_over_a_link() -> AsyncIterator[tuple[Settings, Link]]:
    port, link_port = free_port(), free_port()
    async with temporary_stack(Settings(), parts=()) as stack:
        broker = broker_part(stack.directory / "broker", port, stack.logs / "broker.log", advertised_port=link_port)
        processes = Supervisor([broker], stack.guard)
        async with processes.running(keep_up=False), Link("broker", {link_port: port}).opened() as link:
            yield Settings(kafka_brokers=(f"{LOOPBACK}:{link_port}",)), link


async def test_a_consumer_is_stopped_while_its_broker_refuses_connections() -> None:
    async with a_broker_over_a_link() as (settings, link):
        await ensure_topics(settings, {TOPIC: 3})
        consumer = make_consumer(settings, [TOPIC])
        await start(consumer)
        await _fetches(consumer)
        await link.refuse()
        await _waits_to_fetch_again(consumer)
        stopping = asyncio.create_task(stop(consumer))
        await asyncio.wait({stopping})
        assert not stopping.cancelled()
        assert stopping.exception() is None


async def _fetches(consumer: AIOKafkaConsumer) -> None:
    async def has_polled_all() -> bool:
        await consumer.getmany(timeout_ms=100)
        partitions = consumer.assignment()
        return bool(partitions) and all([await consumer.position(one) == 0 for one in partitions])

    await until(has_polled_all)


async def _waits_to_fetch_again(consumer: AIOKafkaConsumer) -> None:
    """aiokafka sleeps after a fetch that failed, in one of the tasks that it cancels when it is stopped."""

    async def is_disconnected() -> bool:
        return not any(connection.connected() for connection in consumer._client._conns.values())

    await until(is_disconnected)
