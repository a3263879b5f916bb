"""Around every request: its id, its log line, its metric, and an answer in our shape whatever goes wrong.

Knows nothing of routes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from domain.errors import HoldfastError, TooLarge
from gateway.auth import Caller, request_id_from
from gateway.http.draining import Draining, Unfinished
from gateway.http.problems import BodyTooSlow, Broken, StrangeCoding, in_our_words, problem_answer
from runtime.logs import get_logger
from runtime.metrics import HTTP_DURATION

REQUEST_ID_HEADER = "X-Request-Id"
UNKNOWN: Final = "_OTHER"

QUIET_ROUTES = frozenset({"/health", "/health/live", "/health/ready", "/metrics"})
"""Asked for all day by machines: logged at debug level."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request on its way. `began` is on the clock of time.monotonic(), in seconds."""

    request_id: str
    began: float
    unfinished: Unfinished


STATE: Final = web.RequestKey("state", Exchange)
CALLER: Final = web.RequestKey("caller", Caller)
DRAINING: Final = web.AppKey("draining", Draining)


@web.middleware
async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request an id, answer it or its error, log and measure it."""
    exchange = Exchange(
        request_id_from(request.headers.get(REQUEST_ID_HEADER)), time.monotonic(), request.app[DRAINING].unfinished
    )
    request[STATE] = exchange
    structlog.contextvars.bind_contextvars(request_id=exchange.request_id)
    route = _template(request)
    response = await _answered(request, handler, route, exchange)
    _record(request, response, route, time.monotonic() - exchange.began)
    return response


async def sign(request: web.Request, response: web.StreamResponse) -> None:
    """Put on what every answer carries, just before it goes out: a streamed one is gone before `observe` sees it."""
    if STATE in request:
        response.headers[REQUEST_ID_HEADER] = request[STATE].request_id
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers[hdrs.SERVER] = "holdfast"


async def _answered(request: web.Request, handler: Handler, route: str, exchange: Exchange) -> web.StreamResponse:
    draining = request.app[DRAINING]
    with draining.request():
        try:
            if request.headers.get(hdrs.TRANSFER_ENCODING, "chunked").lower() != "chunked":
                raise StrangeCoding("the only transfer coding is chunked")
            response = await handler(request)
        except HoldfastError as error:
            response = _problem(request, error)
        except web.HTTPException as error:
            response = _problem(request, in_our_words(error))
        except Exception:
            _log.exception("http_request_failed", method=request.method, route=route)
            response = _problem(request, Broken(exchange.request_id))
        if draining.announced:
            response.force_close()
        return response


def _problem(request: web.Request, error: HoldfastError) -> web.Response:
    answer = problem_answer(error, request.path)
    response = web.Response(status=answer.status, headers=answer.headers, body=answer.body)
    if isinstance(error, TooLarge | BodyTooSlow | StrangeCoding):
        response.force_close()
    return response


def _record(request: web.Request, response: web.StreamResponse, route: str, seconds: float) -> None:
    method = request.method if request.method in hdrs.METH_ALL else UNKNOWN
    HTTP_DURATION.labels(method=method, route=route, status=str(response.status)).observe(seconds)
    caller = request.get(CALLER)
    write = _log.debug if route in QUIET_ROUTES else _log.info
    write(
        "http_request",
        method=method,
        route=route,
        status=response.status,
        ms=round(seconds * 1000, 2),
        subject=caller.subject if caller else None,
    )


def _template(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else UNKNOWN
