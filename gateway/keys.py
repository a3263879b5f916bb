"""The issuer's public keys, from its JWKS URL: cached, fetched off the event loop, and kept while it is away.

Trusts the configured URL only, never one named by a token.
"""

from __future__ import annotations

import asyncio
import time

from jwt import PyJWK, PyJWKClient
from jwt.exceptions import PyJWKClientConnectionError, PyJWKClientError, PyJWKSetError

from domain.errors import Unauthenticated, Unavailable
from runtime.logs import get_logger

FETCH_TIMEOUT_SECONDS = 3.0
SET_CACHED_SECONDS = 300.0
"""After this the set is fetched again, so that a withdrawn key is forgotten."""

REFRESH_COOLDOWN_SECONDS = 10.0
"""At most this often for a key we do not know: made-up key ids must not become load on the issuer."""

RETRY_SECONDS = 2.0
"""After a failed fetch, callers are told at once for this long instead of queueing behind another attempt."""

_log = get_logger(__name__)


class KeySet:
    """Public keys by key id."""

    def __init__(self, url: str) -> None:
        self._client = PyJWKClient(
            url,
            cache_keys=False,
            cache_jwk_set=True,
            lifespan=SET_CACHED_SECONDS,
            timeout=FETCH_TIMEOUT_SECONDS,
            cooldown_duration=REFRESH_COOLDOWN_SECONDS,
        )
        self._seen: dict[str, PyJWK] = {}
        self._away_until = 0.0
        self._one_at_a_time = asyncio.Lock()

    async def signing_key(self, key_id: str) -> PyJWK:
        """The key with this id. Raises Unauthenticated for an unknown one, Unavailable while none can be had."""
        async with self._one_at_a_time:
            if time.monotonic() < self._away_until:
                return self._remembered(key_id)
            try:
                key = await asyncio.to_thread(self._client.get_signing_key, key_id)
            except (PyJWKClientConnectionError, PyJWKSetError, OSError, ValueError) as error:
                _log.warning("signing_keys_unavailable", error=repr(error))
                self._away_until = time.monotonic() + RETRY_SECONDS
                return self._remembered(key_id)
            except PyJWKClientError:
                raise Unauthenticated("the token is signed with a key that is not known here") from None
            self._seen[key_id] = key
            return key

    def _remembered(self, key_id: str) -> PyJWK:
        if key_id in self._seen:
            return self._seen[key_id]
        raise Unavailable("the keys to check tokens with cannot be fetched", retry_after_seconds=RETRY_SECONDS)
