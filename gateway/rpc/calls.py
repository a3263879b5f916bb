"""One call of InventoryService: who asks, may they, how long may it take, and was it asked before.

The methods themselves are in gateway/rpc/methods.py; nothing here knows what they do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import grpc
import structlog
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

from domain.errors import HoldfastError, OutcomeUnknown, Unavailable
from gateway.auth import Caller, require, traceparent_from
from gateway.idempotency import Answer, fingerprint_of, read_key, run
from gateway.rpc.errors import abort, is_final, status_of
from gateway.rpc.interceptor import Context, current_request_id, invocation_metadata
from gateway.services import Services
from runtime.tracing import current_traceparent

ANSWER_SECONDS = 0.05
"""Kept back from a caller's deadline, so that the answer still reaches him."""

LEASE_MARGIN_SECONDS = 1.0
_OK: int = grpc.StatusCode.OK.value[0]


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated call. `resource_id` is the one recorded with its idempotency key, None without a key."""

    caller: Caller
    deadline_seconds: float
    resource_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """A method of the service: the scopes of which the caller needs one, and the work. Changing ones may be keyed."""

    name: str
    scopes: tuple[str, ...]
    work: Callable[[Services, Any, Call], Awaitable[Message]]
    is_change: bool = False


class Endpoint:
    """Answers one method of the service."""

    def __init__(self, services: Services, method: Method, path: str, response_type: type[Message]) -> None:
        self._services = services
        self._method = method
        self._path = path
        self._response_type = response_type

    async def serve(self, request: Message, context: Context) -> Message:
        """The answer to a request. Raises domain errors, which the interceptor tells; aborts with a replayed one."""
        seconds = _seconds_left(context, self._services.settings.request_timeout_seconds)
        try:
            async with asyncio.timeout(seconds):
                caller = await self._authorized(context)
                call = Call(caller, max(0.0, seconds - ANSWER_SECONDS))
                key = invocation_metadata(context).get("idempotency-key")
                if key is None or not self._method.is_change:
                    return await self._method.work(self._services, request, call)
                return await self._once(request, call, read_key(key), context)
        except TimeoutError:
            raise self._out_of_time() from None

    async def _authorized(self, context: Context) -> Caller:
        metadata = invocation_metadata(context)
        caller = await self._services.authenticator.authenticate(
            metadata.get("authorization"),
            request_id=current_request_id(),
            traceparent=current_traceparent() or traceparent_from(metadata.get("traceparent")),
        )
        structlog.contextvars.bind_contextvars(subject=caller.subject)
        require(caller, *self._method.scopes)
        return caller

    async def _once(self, request: Message, call: Call, key: str, context: Context) -> Message:
        """Do it once for a key; a replayed answer says so in its trailing metadata."""
        answer, is_replay = await run(
            self._services.database,
            subject=call.caller.subject,
            method=self._path,
            path="grpc",
            key=key,
            fingerprint=fingerprint_of(request.SerializeToString(deterministic=True).hex()),
            work=lambda resource_id: self._answer(request, replace(call, resource_id=resource_id)),
            may_store=lambda answer: is_final(answer.status),
            lease_seconds=self._services.settings.request_timeout_seconds + LEASE_MARGIN_SECONDS,
        )
        replayed = (("idempotent-replayed", "true"),) if is_replay else ()
        if answer.status != _OK:
            await abort(context, Status.FromString(answer.body), request_id=call.caller.request_id, metadata=replayed)
        context.set_trailing_metadata(replayed)
        return self._response_type.FromString(answer.body)

    async def _answer(self, request: Message, call: Call) -> Answer:
        """The work's answer or error in storable form: a status code, and the message or the google.rpc.Status."""
        try:
            response = await self._method.work(self._services, request, call)
        except HoldfastError as error:
            status = status_of(error)
            return Answer(status.code, {}, status.SerializeToString())
        return Answer(_OK, {}, response.SerializeToString())

    def _out_of_time(self) -> HoldfastError:
        if self._method.is_change:
            return OutcomeUnknown("the time was up before the outcome was known: repeat the request with the same key")
        return Unavailable("the time was up before there was an answer")


def _seconds_left(context: Context, limit_seconds: float) -> float:
    remaining: float | None = context.time_remaining()
    return limit_seconds if remaining is None else max(0.0, min(limit_seconds, remaining - ANSWER_SECONDS))
