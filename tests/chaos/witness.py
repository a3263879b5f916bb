"""Remembers every try of every request and what came of it, as a client sees it; judges only whether it was typed.

A try ends in one of four ways. FINAL: an answer that settles the request, a refusal with a reason among them. PASSING:
a typed answer that says to come again (503, 429, the same key still at work). LOST: no answer, the connection broke or
the client's patience ended. UNTYPED: what must never come: a 500, an error without a stable code or in another shape.
"""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from types import SimpleNamespace
from typing import Any

import aiohttp
import grpc
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

PROBLEM = "application/problem+json"
PASSING_STATUSES = frozenset({429, 502, 503, 504})
PASSING_CODES = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED})
LOST_CODES = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED})
IN_PROGRESS = "request_in_progress"
DETAILS = "grpc-status-details-bin"


class End(StrEnum):
    """How a try ended."""

    FINAL = "final"
    PASSING = "passing"
    LOST = "lost"
    UNTYPED = "untyped"


@dataclass(frozen=True, slots=True)
class Try:
    """One try of the request that has `key`; times by the monotonic clock."""

    door: str
    key: str
    begun: float
    ended: float
    end: End
    words: str


@dataclass(slots=True)
class Witness:
    """The book of tries, written by the clients it watches."""

    tries: dict[str, list[Try]] = field(default_factory=lambda: defaultdict(list))

    def rest_tracing(self) -> aiohttp.TraceConfig:
        """For an aiohttp session: everything with an Idempotency-Key is written down."""
        tracing = aiohttp.TraceConfig()
        tracing.on_request_start.append(self._rest_begun)
        tracing.on_request_end.append(self._rest_answered)
        tracing.on_request_exception.append(self._rest_lost)
        return tracing

    def rpc_watching(self) -> grpc.aio.UnaryUnaryClientInterceptor:
        """For a gRPC channel: everything with an idempotency-key is written down."""
        return _RpcWatching(self.saw)

    def saw(self, one: Try) -> None:
        """A try has ended."""
        self.tries[one.key].append(one)

    def first_tries(self) -> list[Try]:
        """The first try of each request."""
        return [tries[0] for tries in self.tries.values()]

    def last_tries(self) -> list[Try]:
        """The try that each request ended with: the final one if there was any."""
        return [next((one for one in tries if one.end is End.FINAL), tries[-1]) for tries in self.tries.values()]

    def hurt(self, since: float, until: float) -> int:
        """How many requests had a try in this time that was not final."""
        return sum(
            any(one.end is not End.FINAL and one.begun < until and one.ended > since for one in tries)
            for tries in self.tries.values()
        )

    def slowest_seconds(self, since: float, until: float) -> float:
        """The longest that a request that was begun in this time took, its repeats included."""
        lives = [(tries[0].begun, tries[-1].ended) for tries in self.tries.values()]
        return max((ended - begun for begun, ended in lives if since <= begun < until), default=0.0)

    def untyped(self) -> list[str]:
        """Every untyped end, in words."""
        return [f"{one.door}: {one.words}" for one in self._all() if one.end is End.UNTYPED]

    def counts(self) -> dict[str, int]:
        """How often which end came, by door and words."""
        return dict(sorted(Counter(f"{one.door}: {one.words}" for one in self._all()).items()))

    def _all(self) -> Iterable[Try]:
        return (one for tries in self.tries.values() for one in tries)

    async def _rest_begun(
        self, _session: Any, context: SimpleNamespace, asked: aiohttp.TraceRequestStartParams
    ) -> None:
        context.begun = time.monotonic()
        context.key = asked.headers.get("Idempotency-Key", "")

    async def _rest_answered(self, _session: Any, context: Any, told: aiohttp.TraceRequestEndParams) -> None:
        body = await told.response.read()
        if context.key:
            end, words = judged(told.response.status, told.response.content_type, body)
            self.saw(Try("rest", context.key, context.begun, time.monotonic(), end, words))

    async def _rest_lost(self, _session: Any, context: Any, told: aiohttp.TraceRequestExceptionParams) -> None:
        if context.key:
            words = type(told.exception).__name__
            self.saw(Try("rest", context.key, context.begun, time.monotonic(), End.LOST, words))


class _RpcWatching(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[misc]
    def __init__(self, saw: Callable[[Try], None]) -> None:
        self._saw = saw

    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        begun = time.monotonic()
        call = await continuation(details, request)
        end, words = judged_rpc(await call.code(), await call.trailing_metadata(), await call.details())
        key = dict(details.metadata or ()).get("idempotency-key", "")
        if key:
            self._saw(Try("grpc", key, begun, time.monotonic(), end, words))
        return call


def judged(status: int, content_type: str, body: bytes) -> tuple[End, str]:
    """What an HTTP answer is, and in a few words."""
    if 200 <= status < 300:
        return End.FINAL, str(status)
    try:
        code = json.loads(body)["code"]
    except (ValueError, KeyError, TypeError):
        code = ""
    words = f"{status} {code}".rstrip()
    if not code or content_type != PROBLEM or status in {500, 501}:
        return End.UNTYPED, f"{words} {content_type} {body[:200]!r}"
    return (End.PASSING if status in PASSING_STATUSES or code == IN_PROGRESS else End.FINAL), words


def judged_rpc(status: grpc.StatusCode, trailing: Any, details: str | None) -> tuple[End, str]:
    """What the end of a call is, and in a few words. What gRPC says by itself, without our details, is a loss."""
    if status is grpc.StatusCode.OK:
        return End.FINAL, "OK"
    reason = _reason(dict(trailing or ()).get(DETAILS))
    if not reason:
        return (End.LOST, status.name) if status in LOST_CODES else (End.UNTYPED, f"{status.name} {details}")
    words = f"{status.name} {reason}"
    if status in {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}:
        return End.UNTYPED, f"{words} {details}"
    return (End.PASSING if status in PASSING_CODES or reason == IN_PROGRESS else End.FINAL), words


def _reason(packed: bytes | None) -> str:
    if not packed:
        return ""
    info = ErrorInfo()
    found = any(detail.Unpack(info) for detail in Status.FromString(packed).details)
    return info.reason if found else ""
