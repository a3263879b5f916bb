"""Idempotency keys in Postgres: who works on one, which resource belongs to it, and the answer it got.

A key is claimed in one statement and settled in another. Knows nothing of what the work is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from db.engine import WriteSession

KEY_LIFETIME = timedelta(hours=24)
"""After this a key is as good as new."""

_CLAIM = text("""
    with claimed as (
        insert into idempotency_keys as k
            (subject, method, path, key, fingerprint, resource_id, leased_until, created_at)
        values (:subject, :method, :path, :key, :fingerprint, uuidv7(), clock_timestamp() + :lease, clock_timestamp())
        on conflict (subject, method, path, key) do update set
            fingerprint = excluded.fingerprint,
            resource_id = case when k.created_at < clock_timestamp() - :lifetime
                               then excluded.resource_id else k.resource_id end,
            created_at = case when k.created_at < clock_timestamp() - :lifetime
                              then excluded.created_at else k.created_at end,
            leased_until = excluded.leased_until,
            answer_status = null, answer_headers = null, answer_body = null
        where k.created_at < clock_timestamp() - :lifetime
           or (k.answer_status is null and k.leased_until <= clock_timestamp() and k.fingerprint = excluded.fingerprint)
        returning resource_id
    )
    select true as claimed, resource_id, null as fingerprint, 0 as lease_seconds,
           null as answer_status, null as answer_headers, null as answer_body
    from claimed
    union all
    select false, resource_id, fingerprint, extract(epoch from leased_until - clock_timestamp())::float8,
           answer_status, answer_headers, answer_body
    from idempotency_keys
    where subject = :subject and method = :method and path = :path and key = :key
      and not exists (select from claimed)
""")
_SETTLE = text("""
    update idempotency_keys
    set answer_status = :status, answer_headers = :headers, answer_body = :body, leased_until = clock_timestamp()
    where subject = :subject and method = :method and path = :path and key = :key
      and resource_id = :resource_id and answer_status is null
""").bindparams(bindparam("headers", type_=JSONB))
_RELEASE = text("""
    update idempotency_keys set leased_until = clock_timestamp()
    where subject = :subject and method = :method and path = :path and key = :key
      and resource_id = :resource_id and answer_status is null
""")


@dataclass(frozen=True, slots=True)
class KeyScope:
    """One key of one caller for one operation. At most 255, 100, 500 and 255 characters."""

    subject: str
    method: str
    path: str
    key: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, word for word."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Claimed:
    """The key is ours until the lease ends; `resource_id` is the same for everyone who ever works on this key."""

    resource_id: UUID


@dataclass(frozen=True, slots=True)
class Taken:
    """Somebody else has the key: with an `answer`, or still working for `lease_seconds` at most."""

    fingerprint: str
    answer: Answer | None
    lease_seconds: float


async def claim(session: WriteSession, scope: KeyScope, fingerprint: str, *, lease_seconds: float) -> Claimed | Taken:
    """Take a key that is new, outlived, or left behind by somebody who died; else say what there is.

    One statement. Two first requests at one instant: one claims, the other waits for its commit and is told.
    """
    values = {
        **_where(scope),
        "fingerprint": fingerprint,
        "lease": timedelta(seconds=lease_seconds),
        "lifetime": KEY_LIFETIME,
    }
    while True:
        # No row: the other request's insert was committed after this statement took its snapshot. The next one sees it.
        if (row := (await session.execute(_CLAIM, values)).first()) is not None:
            return Claimed(row.resource_id) if row.claimed else _taken(row)


async def settle(session: WriteSession, scope: KeyScope, resource_id: UUID, answer: Answer) -> None:
    """Keep the answer for whoever asks again. The first answer stays."""
    await session.execute(
        _SETTLE,
        {
            **_where(scope),
            "resource_id": resource_id,
            "status": answer.status,
            "headers": answer.headers,
            "body": answer.body,
        },
    )


async def release(session: WriteSession, scope: KeyScope, resource_id: UUID) -> None:
    """End the lease without an answer: the next request with the key goes on with the same resource id."""
    await session.execute(_RELEASE, {**_where(scope), "resource_id": resource_id})


def _where(scope: KeyScope) -> dict[str, Any]:
    return {"subject": scope.subject, "method": scope.method, "path": scope.path, "key": scope.key}


def _taken(row: Row[Any]) -> Taken:
    answer = None
    if row.answer_status is not None:
        answer = Answer(row.answer_status, row.answer_headers, bytes(row.answer_body))
    return Taken(row.fingerprint, answer, row.lease_seconds)
