"""The way of one request through a route: who asks, what is asked, do it once, answer.

The order is fixed: authentication, scope, path, query, body, precondition, idempotency key, work. Nothing takes effect
before everything is read. Work that changes state runs to its end even when the caller hangs up or stops waiting.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

from aiohttp import ETag, web
from pydantic.alias_generators import to_snake

from domain.contracts.reservations import Source
from domain.errors import HoldfastError, Malformed, OutcomeUnknown, Unavailable
from domain.limits import REPORT_ROWS_MAX
from gateway.auth import Caller, require, traceparent_from
from gateway.http.call import Call, Reply
from gateway.http.csv_answers import answer_csv, wants_csv
from gateway.http.middleware import CALLER, STATE, Exchange
from gateway.http.problems import problem_answer
from gateway.http.reading import (
    read_expected_version,
    read_json,
    read_model,
    read_path,
    read_query,
    read_single_header,
)
from gateway.http.route import Route
from gateway.http.schemas.model import Shape
from gateway.http.schemas.pages import Listing, PageQuery
from gateway.idempotency import Answer, fingerprint_of, read_key, run
from gateway.services import Services
from runtime.tracing import current_traceparent

IDEMPOTENT_REPLAYED = "Idempotent-Replayed"
LEASE_MARGIN_SECONDS = 1.0
"""How much longer than a request a key stays with whoever works on it."""

TOO_LONG = "the answer took too long"

NOTHING_MADE = UUID(int=0)
"""The resource id of a call that changes nothing."""


@dataclass(slots=True)
class _Told:
    """What a caller who stops waiting must be told, known as soon as the work has begun."""

    extra: dict[str, str]


class Endpoint:
    """A route with the services behind it."""

    def __init__(self, route: Route, services: Services) -> None:
        self._route = route
        self._services = services
        self._settings = services.settings

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request. Raises HoldfastError and whatever our mistakes raise; the middleware turns them."""
        exchange = request[STATE]
        caller = await self._caller(request, exchange)
        call, given = await self._read(request, caller, exchange)
        line = self._route.csv_line
        if line is not None and wants_csv(call.query.format, request.headers.get("Accept", "")):
            return await answer_csv(request, self._file_name, line, partial(self._page, call))
        told = _Told({name: str(value) for name, value in call.ids.items()})
        if self._route.changes_state:
            answer = await self._to_the_end(self._keyed(request, call, given, told), exchange, call, told)
        else:
            answer = await self._in_time(self._keyed(request, call, given, told), call)
        return _response(answer, request.if_none_match if self._route.heeds_none_match else None)

    async def _caller(self, request: web.Request, exchange: Exchange) -> Caller | None:
        if not self._route.scopes:
            return None
        caller = await self._services.authenticator.authenticate(
            read_single_header(request, "Authorization"),
            source=Source.REST,
            request_id=exchange.request_id,
            traceparent=current_traceparent() or traceparent_from(request.headers.get("traceparent")),
        )
        request[CALLER] = caller
        require(caller, *self._route.scopes)
        return caller

    async def _read(
        self, request: web.Request, caller: Caller | None, exchange: Exchange
    ) -> tuple[Call[Any, Any], Any]:
        """The call, and its body as JSON before it became a model: what a fingerprint covers."""
        route = self._route
        deadline = exchange.began + self._settings.request_timeout_seconds
        ids, texts = read_path(request)
        if route.query is None and request.query_string:
            raise Malformed("this route takes no query parameters")
        query = read_query(request, route.query) if route.query else None
        given = await self._given(request, deadline) if route.body else None
        body = read_model(route.body, given) if route.body else None
        expected_version = read_expected_version(request.if_match) if route.method in {"PUT", "DELETE"} else None
        call = Call(
            services=self._services,
            caller=caller,
            path=request.path,
            texts=texts,
            ids=ids,
            query=query,
            body=body,
            resource_id=NOTHING_MADE,
            deadline=deadline,
            expected_version=expected_version,
            must_exist=bool(request.if_match),
        )
        return call, given

    async def _given(self, request: web.Request, deadline: float) -> Any:
        return await read_json(
            request,
            bytes_max=self._settings.request_body_bytes_max,
            seconds_max=max(0.0, deadline - time.monotonic()),
            required=self._route.body_required,
        )

    async def _keyed(self, request: web.Request, call: Call[Any, Any], given: Any, told: _Told) -> Answer:
        raw_key = read_single_header(request, "Idempotency-Key") if self._route.takes_key else None

        async def work(resource_id: UUID) -> Answer:
            if self._route.makes:
                told.extra[self._route.makes] = str(
                    getattr(call.body, to_snake(self._route.makes), None) or resource_id
                )
            return await self._work(replace(call, resource_id=resource_id))

        if raw_key is None:
            return await (work(uuid.uuid4()) if self._route.changes_state else self._work(call))
        answer, replayed = await run(
            self._services.database,
            subject=call.actor.subject,
            method=request.method,
            path=call.path,
            key=read_key(raw_key),
            fingerprint=fingerprint_of(request.method, call.path, given),
            work=work,
            may_store=_is_final,
            lease_seconds=self._settings.request_timeout_seconds + LEASE_MARGIN_SECONDS,
        )
        return replace(answer, headers={**answer.headers, IDEMPOTENT_REPLAYED: "true"}) if replayed else answer

    async def _work(self, call: Call[Any, Any]) -> Answer:
        try:
            return _rendered(await self._route.handler(call))
        except HoldfastError as error:
            return problem_answer(error, call.path)

    @property
    def _file_name(self) -> str:
        return self._route.handler.__name__.replace("_", "-")

    async def _page(self, call: Call[Any, Any], token: str | None) -> Listing[Any]:
        """One page of a list that is written as CSV; each has the time of a request. Raises HoldfastError."""
        place = {"page_size": REPORT_ROWS_MAX} | ({"page_token": token} if token else {})
        deadline = time.monotonic() + self._settings.request_timeout_seconds
        query = call.query.model_copy(update=place) if isinstance(call.query, PageQuery) else call.query
        there = replace(call, query=query, deadline=deadline)
        try:
            async with asyncio.timeout(there.seconds_left()):
                body = (await self._route.handler(there)).body
        except TimeoutError:
            raise Unavailable(TOO_LONG) from None
        assert isinstance(body, Listing), "a route with a CSV answers a list"
        return body

    async def _to_the_end(
        self, work: Awaitable[Answer], exchange: Exchange, call: Call[Any, Any], told: _Told
    ) -> Answer:
        task = exchange.unfinished.start(work)
        done, _ = await asyncio.wait({task}, timeout=call.seconds_left())
        if not done:
            exchange.unfinished.abandon(task)
            raise OutcomeUnknown(
                "the request is still being worked on: repeat it with the same key, or read the resource",
                extra=told.extra,
            )
        return task.result()

    async def _in_time(self, work: Awaitable[Answer], call: Call[Any, Any]) -> Answer:
        try:
            async with asyncio.timeout(call.seconds_left()):
                return await work
        except TimeoutError:
            raise Unavailable(TOO_LONG) from None


def _is_final(answer: Answer) -> bool:
    """5xx are about the moment, not about the request: they are not kept."""
    return answer.status < 500


def _rendered(reply: Reply) -> Answer:
    headers = {"Cache-Control": "no-store", **reply.headers}
    if reply.version is not None:
        headers |= {"ETag": f'"{reply.version}"', "Cache-Control": "private, no-cache"}
    if reply.body is None:
        return Answer(reply.status, headers, b"")
    headers.setdefault("Content-Type", reply.content_type)
    return Answer(reply.status, headers, _bytes(reply.body))


def _bytes(body: Shape | bytes) -> bytes:
    if isinstance(body, bytes):
        return body
    return body.model_dump_json(by_alias=True, exclude_unset=True).encode()


def _response(answer: Answer, known: tuple[ETag, ...] | None) -> web.Response:
    tag = answer.headers.get("ETag", "")
    if known and tag and any(one.value in (tag.strip('"'), "*") for one in known):
        kept = {name: value for name, value in answer.headers.items() if name != "Content-Type"}
        return web.Response(status=304, headers=kept)
    return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
