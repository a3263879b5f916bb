"""A REST client of the service, patient as a good shop's is: what the demo's people and the staff console speak with.

Uses the public interface only. A request that failed in a way that may pass is repeated with the same idempotency key
until its patience ends; what happened meanwhile is counted, never hidden.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    RetryError,
    retry_if_exception_type,
    retry_if_result,
    stop_before_delay,
)

REQUEST_SECONDS_MAX = 15.0
CONNECTIONS_MAX = 256
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.1
"""Twice as long before the first repeat, and again twice as long before each further one."""

PAUSE_SECONDS_MAX = 2.0
PASSING = frozenset({429, 502, 503, 504})
NO_ANSWER = (OSError, aiohttp.ClientError)
"""What may come instead of an answer."""

_WORTH_REPEATING = (OSError, aiohttp.ClientConnectionError, aiohttp.ClientPayloadError)
"""Nobody was reached, or nobody said in time and to the end what became of it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. `seconds` is the last try alone; `failures` are the tries before it, in short.

    `body` is None when it is no JSON; `retry_after_seconds` is 0 when none were named.
    """

    status: int
    body: Any
    seconds: float
    replayed: bool = False
    failures: tuple[str, ...] = field(default=())
    retry_after_seconds: float = 0.0

    @property
    def milliseconds(self) -> str:
        """How long it took, for people."""
        return f"{self.seconds * 1000:.0f} ms"

    @property
    def code(self) -> str:
        """The code of a problem; the status of any other answer."""
        return str(self.body.get("code", self.status)) if isinstance(self.body, dict) else str(self.status)

    @property
    def is_final(self) -> bool:
        """Whether asking again would get the same: not after overload, a stop, or while the first try is at work."""
        return self.status not in PASSING and not (self.status == 409 and self.code == "request_in_progress")


class PatienceEnded(Exception):
    """A request got no final answer in time; the message says what it got.

    `last` is the answer to the last try; where it is None, the cause is what came instead.
    """

    def __init__(self, message: str, last: Answer | None = None) -> None:
        super().__init__(message)
        self.last = last


class Rest:
    """The REST API under /api/v1, as one caller sees it."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def get(self, path: str, **query: str) -> Answer:
        """GET a path, once."""
        return await self._send("GET", path, None, "", query)

    async def post(self, path: str, body: Any = None, *, key: str = "") -> Answer:
        """POST a path, once. Raises OSError or aiohttp.ClientError when no answer comes."""
        return await self._send("POST", path, body, key, {})

    async def post_patiently(
        self,
        path: str,
        body: Any,
        *,
        key: str,
        patience_seconds: float = PATIENCE_SECONDS,
        heeds_retry_after: bool = False,
        on_first_failure: Callable[[str], None] | None = None,
    ) -> Answer:
        """POST until a final answer comes, always with the same key; `on_first_failure` hears why it takes longer.

        Comes back no sooner than Retry-After says if it `heeds_retry_after`, and goes by its own pauses otherwise:
        whoever measures when an answer may be had asks more often. Raises PatienceEnded.
        """
        failures: list[str] = []

        def note(state: RetryCallState) -> None:
            failures.append(_in_short(state))
            if on_first_failure is not None and len(failures) == 1:
                on_first_failure(failures[0])

        repeating = AsyncRetrying(
            retry=retry_if_exception_type(_WORTH_REPEATING) | retry_if_result(lambda answer: not answer.is_final),
            wait=lambda state: _pause_seconds(state, heeds_retry_after=heeds_retry_after),
            stop=stop_before_delay(patience_seconds),
            after=note,
        )
        try:
            answer: Answer = await repeating(self.post, path, body, key=key)
        except RetryError as error:
            last = None if error.last_attempt.failed else error.last_attempt.result()
            words = f"POST {path}: no final answer in {patience_seconds:g} s, only {failures[-3:]}"
            raise PatienceEnded(words, last) from error.last_attempt.exception()
        return replace(answer, failures=tuple(failures))

    async def _send(self, method: str, path: str, body: Any, key: str, query: dict[str, str]) -> Answer:
        headers = {"Idempotency-Key": key} if key else {}
        begin = time.perf_counter()
        async with self._session.request(
            method, f"/api/v1{path}", json=body, params=query, headers=headers
        ) as response:
            content = await _content(response)
            seconds = time.perf_counter() - begin
            return Answer(
                response.status,
                content,
                seconds,
                "Idempotent-Replayed" in response.headers,
                retry_after_seconds=_retry_after_seconds(response.headers.get("Retry-After", "")),
            )


@asynccontextmanager
async def open_rest(api: str, token: str, *, request_seconds_max: float = REQUEST_SECONDS_MAX) -> AsyncIterator[Rest]:
    """A REST client of the service at `api`."""
    async with aiohttp.ClientSession(
        api,
        connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX),
        timeout=aiohttp.ClientTimeout(total=request_seconds_max),
        headers={"Authorization": f"Bearer {token}"},
    ) as session:
        yield Rest(session)


async def _content(response: aiohttp.ClientResponse) -> Any:
    if response.content_length == 0:
        return None
    try:
        return await response.json(content_type=None)
    except ValueError:
        return None  # A proxy's page is no word of the service.


def _in_short(state: RetryCallState) -> str:
    """What came instead of a final answer."""
    assert state.outcome is not None
    error = state.outcome.exception()
    return str(state.outcome.result().code) if error is None else type(error).__name__


def _pause_seconds(state: RetryCallState, *, heeds_retry_after: bool) -> float:
    assert state.outcome is not None
    own = min(PAUSE_SECONDS_MAX, PAUSE_SECONDS * 2.0**state.attempt_number)
    if state.outcome.failed or not heeds_retry_after:
        return own
    answer: Answer = state.outcome.result()
    return max(own, answer.retry_after_seconds)


def _retry_after_seconds(header: str) -> float:
    """The seconds that Retry-After names; 0 for a date, which only others write."""
    return float(header) if header.isascii() and header.isdecimal() else 0.0
