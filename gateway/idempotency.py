"""Idempotency keys: the same key and request get the first answer again, whoever answers, even after a crash.

Shared by REST and gRPC; knows neither. A key in work is leased. Whoever takes over after a crash goes on with the
resource id recorded with the key, so that work that had happened is found and not done again. Must be the outermost
part of the work: nothing may take effect before the key is claimed.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from db.engine import Database
from db.idempotency import Answer, Claimed, KeyScope, claim, release, settle
from domain.errors import IdempotencyKeyReused, Malformed, RequestInProgress, Unavailable
from domain.limits import IDEMPOTENCY_KEY_CHARACTERS_MAX
from runtime.logs import get_logger

__all__ = ["Answer", "fingerprint_of", "read_key", "run"]

LEASE_SECONDS = 11.0
"""How long a crash keeps a key busy: a second more than a request may take by default."""

_log = get_logger(__name__)


async def run(
    database: Database,
    *,
    subject: str,
    method: str,
    path: str,
    key: str,
    fingerprint: str,
    work: Callable[[UUID], Awaitable[Answer]],
    may_store: Callable[[Answer], bool],
    lease_seconds: float = LEASE_SECONDS,
) -> tuple[Answer, bool]:
    """Do `work` once for a key; answers its answer and whether it is a replay.

    `work` gets the resource id recorded with the key and turns its own errors into answers; `may_store` says which
    answers are final. Raises IdempotencyKeyReused for another request under the same key, RequestInProgress (with a
    hint when to come back) while the first is running, Unavailable when Postgres is.
    """
    scope = KeyScope(subject, method, path, key)
    found = await database.calling(lambda session: claim(session, scope, fingerprint, lease_seconds=lease_seconds))
    if not isinstance(found, Claimed):
        if found.fingerprint != fingerprint:
            raise IdempotencyKeyReused()
        if found.answer is None:
            raise RequestInProgress(retry_after_seconds=max(1, math.ceil(found.lease_seconds)))
        return found.answer, True
    return await _work(database, scope, found.resource_id, work, may_store), False


def read_key(raw: str) -> str:
    """The key in an Idempotency-Key value, quoted (RFC 8941) or bare: 1 to 255 visible characters. Raises Malformed."""
    key = raw.strip()
    if key.startswith('"'):
        key = _unquoted(key)
    if not key or len(key) > IDEMPOTENCY_KEY_CHARACTERS_MAX or not (key.isascii() and key.isprintable()):
        raise Malformed(f"Idempotency-Key must be 1 to {IDEMPOTENCY_KEY_CHARACTERS_MAX} printable ASCII characters")
    return key


def fingerprint_of(*parts: Any) -> str:
    """What was asked, as a SHA-256 hex digest. Parts are JSON values; the order of object keys does not matter."""
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


async def _work(
    database: Database,
    scope: KeyScope,
    resource_id: UUID,
    work: Callable[[UUID], Awaitable[Answer]],
    may_store: Callable[[Answer], bool],
) -> Answer:
    try:
        answer = await work(resource_id)
    except BaseException:
        await _release(database, scope, resource_id)
        raise
    if may_store(answer):
        await _keep(database, scope, resource_id, answer)
    else:
        await _release(database, scope, resource_id)
    return answer


async def _keep(database: Database, scope: KeyScope, resource_id: UUID, answer: Answer) -> None:
    """Store the answer; failing that, it is still true, and a repeat finds the same resource after the lease."""
    try:
        await database.calling(lambda session: settle(session, scope, resource_id, answer))
    except Unavailable:
        _log.warning("idempotency_answer_not_kept", key=scope.key, resource_id=str(resource_id))


async def _release(database: Database, scope: KeyScope, resource_id: UUID) -> None:
    """Let go of the key early; failing that, the lease runs out by itself."""
    try:
        await database.calling(lambda session: release(session, scope, resource_id))
    except Unavailable:
        _log.warning("idempotency_lease_left", key=scope.key, resource_id=str(resource_id))


def _unquoted(key: str) -> str:
    if len(key) < 2 or not key.endswith('"'):
        raise Malformed("Idempotency-Key has an opening quote without a closing one")
    text, escaped = "", False
    for character in key[1:-1]:
        if escaped and character not in '"\\':
            raise Malformed("Idempotency-Key is not a well-formed quoted string")
        if escaped or character not in '"\\':
            text, escaped = text + character, False
        elif character == "\\":
            escaped = True
        else:
            raise Malformed("Idempotency-Key is not a well-formed quoted string")
    if escaped:
        raise Malformed("Idempotency-Key is not a well-formed quoted string")
    return text
