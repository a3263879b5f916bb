"""One call of InventoryService: who asks, may they, how long may it take, and was it asked before.

The methods themselves are in gateway/rpc/methods.py; nothing here knows what they do.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import grpc
import structlog
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

from domain.contracts.reservations import Source
from domain.errors import HoldfastError, OutcomeUnknown, Unavailable
from gateway.auth import Caller, require, traceparent_from
from gateway.idempotency import Answer, fingerprint_of, read_key, run
from gateway.rpc.errors import Refused, is_final, status_of
from gateway.rpc.in_flight import InFlight
from gateway.rpc.interceptor import Context, current_request_id, invocation_metadata
from gateway.services import Services
from runtime.tracing import current_traceparent

ANSWER_SECONDS = 0.05
"""Kept back from a deadline, so that an answer still arrives: by us for the caller, by a command for us."""

LEASE_MARGIN_SECONDS = 1.0
"""How much longer than a request a key stays with whoever works on it."""

_OK: int = grpc.StatusCode.OK.value[0]


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated call. `resource_id` is for what it makes: new, or the one recorded with its idempotency key."""

    caller: Caller
    deadline_seconds: float
    resource_id: UUID


Work = Callable[[Call], Coroutine[Any, Any, Message]]


@dataclass(frozen=True, slots=True)
class Method:
    """A method of the service. The caller needs one of `scopes`; only a change takes an idempotency key.

    `prepare` reads a request and refuses a wrong one, before anything is done or any key is used up.
    """

    name: str
    scopes: tuple[str, ...]
    prepare: Callable[[Services, Any], Work]
    is_change: bool = False


class Endpoint:
    """Answers one method of the service."""

    def __init__(
        self, services: Services, in_flight: InFlight, method: Method, path: str, response_type: type[Message]
    ) -> None:
        self._services = services
        self._in_flight = in_flight
        self._method = method
        self._path = path
        self._response_type = response_type

    async def serve(self, request: Message, context: Context) -> Message:
        """The answer to a request. Raises domain errors, and Refused for a replayed one; the interceptor tells them."""
        seconds = _seconds_left(context, self._services.settings.request_timeout_seconds)
        began = time.monotonic()
        caller = await self._authorized(context, seconds)
        left = max(0.0, seconds - (time.monotonic() - began))
        call = Call(caller, max(0.0, left - ANSWER_SECONDS), uuid.uuid4())
        work = self._method.prepare(self._services, request)
        if self._method.is_change:
            return await self._change(work, request, call, context, left)
        try:
            async with asyncio.timeout(left):
                return await work(call)
        except TimeoutError:
            raise Unavailable("the answer took too long") from None

    async def _authorized(self, context: Context, seconds: float) -> Caller:
        metadata = invocation_metadata(context)
        try:
            async with asyncio.timeout(seconds):
                caller = await self._services.authenticator.authenticate(
                    metadata.get("authorization"),
                    source=Source.GRPC,
                    request_id=current_request_id(),
                    traceparent=current_traceparent() or traceparent_from(metadata.get("traceparent")),
                )
        except TimeoutError:
            raise Unavailable("the token could not be checked in time") from None
        structlog.contextvars.bind_contextvars(subject=caller.subject)
        require(caller, *self._method.scopes)
        return caller

    async def _change(self, work: Work, request: Message, call: Call, context: Context, seconds: float) -> Message:
        """Make the change, to its end even when the caller hangs up; once when it carries a key."""
        raw_key = invocation_metadata(context).get("idempotency-key")
        change = work(call) if raw_key is None else self._keyed(work, request, call, read_key(raw_key), context)
        try:
            return await self._in_flight.to_the_end(change, seconds=seconds)
        except TimeoutError:
            raise OutcomeUnknown(
                "the request is still being worked on: repeat it with the same key, or read the resource",
                extra=_named(request),
            ) from None

    async def _keyed(self, work: Work, request: Message, call: Call, key: str, context: Context) -> Message:
        """The first answer for a key; a replay says so in its trailing metadata."""
        answer, is_replay = await run(
            self._services.database,
            subject=call.caller.subject,
            method=self._path,
            path="grpc",
            key=key,
            fingerprint=fingerprint_of(self._path, request.SerializeToString(deterministic=True).hex()),
            work=lambda resource_id: _storable(work, replace(call, resource_id=resource_id)),
            may_store=lambda answer: is_final(answer.status),
            lease_seconds=self._services.settings.request_timeout_seconds + LEASE_MARGIN_SECONDS,
        )
        replayed = (("idempotent-replayed", "true"),) if is_replay else ()
        if answer.status != _OK:
            raise Refused(Status.FromString(answer.body), *replayed)
        context.set_trailing_metadata(replayed)
        return self._response_type.FromString(answer.body)


async def _storable(work: Work, call: Call) -> Answer:
    """The work's answer or error as a status code, and the message or the google.rpc.Status."""
    try:
        response = await work(call)
    except HoldfastError as error:
        status = status_of(error)
        return Answer(status.code, {}, status.SerializeToString())
    return Answer(_OK, {}, response.SerializeToString())


def _seconds_left(context: Context, limit_seconds: float) -> float:
    remaining: float | None = context.time_remaining()
    return limit_seconds if remaining is None else max(0.0, min(limit_seconds, remaining - ANSWER_SECONDS))


def _named(request: Message) -> dict[str, str]:
    """What a request is about, by the names that errors use."""
    ids = {"reservationId": "reservation_id", "inventoryId": "inventory_id"}
    named = {name: getattr(request, field, "") for name, field in ids.items()}
    return {name: value for name, value in named.items() if value}
