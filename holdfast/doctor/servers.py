"""The four servers we stand on: reachable, new enough, and prepared for us."""

from __future__ import annotations

from datetime import UTC, datetime

from db.engine import Database
from db.readiness import newest_revision
from db.servers import PostgresFacts, postgres_facts, redis_version
from domain.contracts.names import RESERVATION_QUEUE
from domain.errors import Unavailable
from holdfast.doctor.findings import Finding, fail, ok, warn
from runtime.kafka import KafkaError, topic_partitions
from runtime.settings import Settings
from runtime.temporal import TemporalConnectionError
from runtime.temporal_facts import TemporalFacts, TemporalFactsError, temporal_facts
from workers.topics import all_topics

POSTGRES_MAJOR_MIN = 18
CLOCK_SKEW_SECONDS_MAX = 1.0
RETENTION_DAYS_MIN = 1.0


async def postgres(settings: Settings, database: Database) -> list[Finding]:
    """Reachable, version, schema, clock."""
    where = f"{settings.db_host}:{settings.db_port}/{settings.db_name}"
    try:
        async with database.read() as session:
            await postgres_facts(session)  # the first question also pays for the connection: the clock is read again
            asked_at = datetime.now(UTC)
            facts = await postgres_facts(session)
            answered_at = datetime.now(UTC)
    except Unavailable as error:
        advice = "Start it (`make up` brings its own), or set DB_HOST, DB_PORT, DB_NAME, DB_USER and DB_PASSWORD."
        return [fail("postgres", f"{where} does not answer: {error.detail}", advice)]
    skew = facts.now - (asked_at + (answered_at - asked_at) / 2)
    return [_postgres_version(facts, where), _schema(facts), _clock(skew.total_seconds())]


async def temporal(settings: Settings) -> list[Finding]:
    """Reachable, namespace, what it must be able to do, and who works."""
    try:
        facts = await temporal_facts(settings, RESERVATION_QUEUE)
    except TemporalConnectionError as error:
        advice = "Start it (`make up` brings its own), or set TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE."
        return [fail("temporal", str(error), advice)]
    except TemporalFactsError as error:
        return [fail("temporal", f"a question was refused: {error}", "Check the API key's rights in the namespace.")]
    return [
        ok("temporal", f"{facts.version} at {settings.temporal_address}, namespace {settings.temporal_namespace}"),
        _retention(facts),
        _eager_start(facts),
        _search_attributes(facts),
        _pollers(facts),
    ]


async def kafka(settings: Settings) -> list[Finding]:
    """Reachable, and the topics are there."""
    where = ", ".join(settings.kafka_brokers)
    try:
        partitions = await topic_partitions(settings)
    except (KafkaError, OSError) as error:
        advice = "Start it (`make up` brings its own), or set KAFKA_BROKERS. Until then news wait in the outbox."
        return [fail("kafka", f"{where} does not answer: {error}", advice)]
    wanted = all_topics(settings)
    missing = sorted(wanted.keys() - partitions.keys())
    topics = ", ".join(f"{topic} ({partitions[topic]})" for topic in sorted(wanted.keys() & partitions.keys()))
    return [
        ok("kafka", f"reached at {where}"),
        warn("kafka topics", f"missing: {', '.join(missing)}", "The relay makes them when it starts, if it may.")
        if missing
        else ok("kafka topics", f"{topics} partitions"),
    ]


async def redis(settings: Settings) -> list[Finding]:
    """Reachable; without it we are slower and no less right."""
    where = f"{settings.redis_host}:{settings.redis_port}/{settings.redis_db}"
    try:
        version = await redis_version(settings)
    except Unavailable as error:
        advice = "Availability is answered from Postgres meanwhile. Start it, or set REDIS_HOST and REDIS_PASSWORD."
        return [warn("redis", f"{where} does not answer: {error.detail}", advice)]
    return [ok("redis", f"{version} at {where}")]


def _postgres_version(facts: PostgresFacts, where: str) -> Finding:
    detail = f"{facts.version} at {where}, {facts.connections_max} connections"
    if facts.major < POSTGRES_MAJOR_MIN:
        return fail("postgres", detail, f"Version {POSTGRES_MAJOR_MIN} or newer is needed.")
    return ok("postgres", detail)


def _schema(facts: PostgresFacts) -> Finding:
    newest = newest_revision()
    if facts.revision == newest:
        return ok("schema", f"revision {newest}")
    return fail("schema", f"revision {facts.revision or 'none'}, this code needs {newest}", "Run `holdfast migrate`.")


def _clock(skew_seconds: float) -> Finding:
    detail = (
        f"Postgres is {abs(skew_seconds) * 1000:.0f} ms {'ahead of' if skew_seconds > 0 else 'behind'} this machine"
    )
    if abs(skew_seconds) > CLOCK_SKEW_SECONDS_MAX:
        return warn("clock", detail, "Synchronise both clocks (NTP): timers would fire early or late by as much.")
    return ok("clock", detail)


def _retention(facts: TemporalFacts) -> Finding:
    detail = f"closed workflows are kept for {facts.retention_days:g} days"
    if facts.retention_days < RETENTION_DAYS_MIN:
        return warn("temporal retention", detail, "Keep them for a day at least, so that they can be looked at.")
    return ok("temporal retention", detail)


def _eager_start(facts: TemporalFacts) -> Finding:
    if facts.has_eager_start:
        return ok("temporal eager start", "on")
    advice = "Set system.enableEagerWorkflowStart in the server's dynamic configuration: holds answer faster."
    return warn("temporal eager start", "off: holds are answered by way of another round trip", advice)


def _search_attributes(facts: TemporalFacts) -> Finding:
    if not facts.missing_search_attributes:
        return ok("temporal search attributes", "all there")
    missing = ", ".join(facts.missing_search_attributes)
    return warn("temporal search attributes", f"missing: {missing}", "`holdfast worker` adds them when it starts.")


def _pollers(facts: TemporalFacts) -> Finding:
    if facts.workflow_pollers:
        return ok("temporal workers", f"{len(facts.workflow_pollers)} poll `{RESERVATION_QUEUE}`")
    advice = "Start `holdfast serve` or `holdfast worker`; until then no reservation moves (the sweeper still expires)."
    return fail("temporal workers", f"nobody polls `{RESERVATION_QUEUE}`", advice)
