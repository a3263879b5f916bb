"""How we speak to Kafka: the producer, the consumer and the topics, each with every limit spelled out.

The only importer of aiokafka: what the bridge and the relay need of it is re-exported here. Knows nothing of the
events themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    CommitFailedError,
    IllegalStateError,
    IncompatibleBrokerVersion,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnsupportedVersionError,
    for_code,
)
from aiokafka.helpers import create_ssl_context
from aiokafka.partitioner import DefaultPartitioner
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_delay, wait_exponential_jitter

from runtime.logs import get_logger
from runtime.settings import Settings

__all__ = [
    "AIOKafkaConsumer",
    "AIOKafkaProducer",
    "CommitFailedError",
    "ConsumerRebalanceListener",
    "ConsumerRecord",
    "DefaultPartitioner",
    "IllegalStateError",
    "KafkaConnectionError",
    "KafkaError",
    "KafkaTimeoutError",
    "MessageSizeTooLargeError",
    "RecordListTooLargeError",
    "TopicPartition",
    "ensure_topics",
    "make_consumer",
    "make_producer",
    "start",
    "stop",
    "topic_partitions",
]

REPLICATION_FACTOR_MAX = 3

_SESSION_TIMEOUT_MS = 6_000
"""The least that Apache Kafka allows by default: a killed bridge's partitions move on after it. The embedded broker
also holds the first member of a group back for half of it."""

_METADATA_MAX_AGE_MS = 10_000
"""A topic that was made, or made again after a broker forgot it, is seen within this time."""

_ACCEPTABLE_REFUSALS = (
    TopicAlreadyExistsError,  # another process was faster
    TopicAuthorizationFailedError,  # the topics are somebody else's to make
    ClusterAuthorizationFailedError,
    UnsupportedVersionError,
)

_log = get_logger(__name__)


def make_producer(settings: Settings) -> AIOKafkaProducer:
    """A producer, not started, that answers once all in-sync replicas have a record.

    One request per partition is in flight at a time, so that a retry keeps the order even without idempotence.
    """
    return AIOKafkaProducer(
        **_connection(settings),
        acks="all",
        enable_idempotence=settings.kafka_enable_idempotence,
        linger_ms=0,
        max_batch_size=65_536,
        max_request_size=1_048_576,
        compression_type=None,
        request_timeout_ms=10_000,
        retry_backoff_ms=100,
        metadata_max_age_ms=_METADATA_MAX_AGE_MS,
    )


def make_consumer(
    settings: Settings,
    topics: Sequence[str],
    listener: ConsumerRebalanceListener | None = None,
    *,
    group_id: str | None = None,
) -> AIOKafkaConsumer:
    """A consumer, not started, of the service's group (or `group_id`), whose caller commits offsets."""
    consumer = AIOKafkaConsumer(
        **_connection(settings),
        group_id=group_id or settings.kafka_group_id,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        fetch_max_wait_ms=settings.kafka_fetch_max_wait_ms,
        fetch_min_bytes=1,
        fetch_max_bytes=8_388_608,
        max_partition_fetch_bytes=1_048_576,
        request_timeout_ms=10_000,
        retry_backoff_ms=100,
        session_timeout_ms=_SESSION_TIMEOUT_MS,
        heartbeat_interval_ms=2_000,
        max_poll_interval_ms=60_000,
        metadata_max_age_ms=_METADATA_MAX_AGE_MS,
    )
    consumer.subscribe(list(topics), listener=listener)
    return consumer


def _connection(settings: Settings) -> dict[str, Any]:
    """Where the brokers are, who we are, and how both are protected on the way; the same for every client."""
    return {
        "bootstrap_servers": list(settings.kafka_brokers),
        "client_id": settings.kafka_group_id,
        "security_protocol": settings.kafka_security_protocol,
        "ssl_context": create_ssl_context(cafile=settings.kafka_ssl_cafile) if settings.kafka_uses_tls else None,
        **(_credentials(settings) if settings.kafka_uses_sasl else {}),
    }


def _credentials(settings: Settings) -> dict[str, str]:
    return {
        "sasl_mechanism": settings.kafka_sasl_mechanism,
        "sasl_plain_username": settings.kafka_sasl_username,
        "sasl_plain_password": settings.kafka_sasl_password.get_secret_value(),
    }


async def start(client: AIOKafkaProducer | AIOKafkaConsumer, *, patience_seconds: float = 60.0) -> None:
    """Start a producer or consumer, trying again for `patience_seconds` while no broker answers.

    Raises the last KafkaError; the client is stopped then.
    """
    try:
        await _attempts(patience_seconds)(client.start)
    except BaseException:
        await stop(client)
        raise


async def stop(client: AIOKafkaProducer | AIOKafkaConsumer) -> None:
    """Stop a producer or consumer. Raises KafkaError, OSError.

    While a broker refuses connections, aiokafka cancels a task of its own and lets that out (Fetcher.close): to whoever
    stops a consumer it would look as if he himself had been cancelled.
    """
    outcomes: tuple[Any, ...] = await asyncio.gather(client.stop(), return_exceptions=True)
    if isinstance(outcomes[0], Exception):
        raise outcomes[0]


async def ensure_topics(settings: Settings, partitions: Mapping[str, int], *, patience_seconds: float = 60.0) -> None:
    """Make the topics of `partitions` (topic to number of partitions) that the cluster lacks. Safe to repeat.

    A topic that exists keeps its partitions, since more of them would send keys elsewhere. A broker that does not
    let us make topics is taken to have them or to make them itself.
    """
    await _attempts(patience_seconds)(_create_missing, settings, partitions)


async def _create_missing(settings: Settings, partitions: Mapping[str, int]) -> None:
    admin = AIOKafkaAdminClient(**_connection(settings), request_timeout_ms=10_000)
    try:
        await admin.start()
        missing = sorted(partitions.keys() - set(await admin.list_topics()))
        if missing:
            await _create(admin, {topic: partitions[topic] for topic in missing})
    except IncompatibleBrokerVersion as error:
        _log.warning("topics_left_to_the_broker", reason=str(error))
    finally:
        await admin.close()


async def topic_partitions(settings: Settings) -> dict[str, int]:
    """Every topic of the cluster with its number of partitions. Raises KafkaError, OSError, once and soon."""
    admin = AIOKafkaAdminClient(**_connection(settings), request_timeout_ms=3_000)
    try:
        await admin.start()
        return {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, partitions: Mapping[str, int]) -> None:
    brokers = (await admin.describe_cluster())["brokers"]
    replicas = min(REPLICATION_FACTOR_MAX, len(brokers))
    wanted = [NewTopic(topic, count, replicas) for topic, count in partitions.items()]
    response = await admin.create_topics(wanted, timeout_ms=10_000)
    for topic, code, *_message in response.topic_errors:
        _judge(topic, for_code(code))


def _judge(topic: str, error: type[Any]) -> None:
    if error.errno == 0:
        _log.info("topic_created", topic=topic)
    elif issubclass(error, _ACCEPTABLE_REFUSALS):
        _log.info("topic_not_created", topic=topic, reason=error.__name__)
    else:
        raise error(topic)


def _attempts(patience_seconds: float) -> AsyncRetrying:
    return AsyncRetrying(
        retry=retry_if_exception(_may_pass),
        wait=wait_exponential_jitter(multiplier=0.1, max=2.0, jitter=0.1),
        stop=stop_after_delay(patience_seconds),
        before_sleep=_log_attempt,
        reraise=True,
    )


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, OSError) or (isinstance(error, KafkaError) and bool(error.retriable))


def _log_attempt(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    _log.warning("kafka_unreachable", attempt=state.attempt_number, error=str(error))


async def broker_answers(settings: Settings) -> None:
    """Returns when one of the brokers takes a connection. Raises OSError when none does."""
    refusals: list[OSError] = []
    for broker in settings.kafka_brokers:
        host, _, port = broker.rpartition(":")
        try:
            _, writer = await asyncio.open_connection(host, int(port))
        except OSError as error:
            refusals.append(error)
        else:
            writer.close()
            return
    raise refusals[0]
