"""What Postgres and Redis say of themselves, for `holdfast doctor`. Only reads, and judges nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import text

from db.engine import ReadSession
from domain.errors import Unavailable
from runtime.settings import Settings

REDIS_SECONDS_MAX = 2.0

_POSTGRES = text("""
    select current_setting('server_version') as version,
           current_setting('server_version_num')::int / 10000 as major,
           clock_timestamp() as now,
           current_setting('max_connections')::int as connections_max,
           to_regclass('alembic_version') is not null as is_migrated
""")
_REVISION = text("select version_num from alembic_version")


@dataclass(frozen=True, slots=True)
class PostgresFacts:
    """A Postgres server and our schema in it; `revision` is empty where nothing was migrated yet."""

    version: str
    major: int
    now: datetime
    connections_max: int
    revision: str


async def postgres_facts(session: ReadSession) -> PostgresFacts:
    """Version, clock, limits and schema revision."""
    found = (await session.execute(_POSTGRES)).one()
    revision = (await session.execute(_REVISION)).scalar_one_or_none() if found.is_migrated else None
    return PostgresFacts(found.version, found.major, found.now, found.connections_max, revision or "")


async def redis_version(settings: Settings) -> str:
    """Name and version of the Redis-protocol server. Raises Unavailable."""
    client = Redis(
        host=settings.redis_host,
        port=settings.redis_port,
        db=settings.redis_db,
        password=settings.redis_password.get_secret_value() or None,
        socket_timeout=REDIS_SECONDS_MAX,
        socket_connect_timeout=REDIS_SECONDS_MAX,
        decode_responses=True,
    )
    try:
        facts = await client.info("server")
    except (RedisError, OSError) as error:
        raise Unavailable(str(error)) from error
    finally:
        await client.aclose()
    name = "Valkey" if "valkey_version" in facts else "Redis"
    return f"{name} {facts.get('valkey_version') or facts.get('redis_version')}"
