"""What happens around every unary call, ours and the health check's: request id, reading, refusing, measuring, logging.

Streams (health watching, reflection) pass untouched: they last as long as somebody listens, and a duration of that
says nothing. Knows no method by name.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, TypeAlias, cast

import grpc
import structlog
from google.protobuf.message import DecodeError

from domain.errors import Category, HoldfastError, Malformed
from gateway.auth import request_id_from
from gateway.rpc.errors import Refused, abort, status_of
from gateway.rpc.in_flight import InFlight
from runtime import metrics
from runtime.logs import get_logger

OTHER_METHOD = "_OTHER"
"""The label of every method that we do not have: a caller must not be able to add series."""

QUIET_SERVICES = ("grpc.health.",)
"""Asked for all day by machines: logged at debug level."""

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Details: TypeAlias = grpc.HandlerCallDetails

_log = get_logger(__name__)
_request_id: ContextVar[str] = ContextVar("request_id")


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Wraps unary calls."""

    def __init__(self, in_flight: InFlight) -> None:
        self._in_flight = in_flight

    async def intercept_service(
        self, continuation: Callable[[Details], Awaitable[Handler | None]], handler_call_details: Details
    ) -> Handler | None:
        """The handler with everything around it; what there is not is counted and left to gRPC to refuse."""
        handler = await continuation(handler_call_details)
        if handler is None:
            metrics.RPC_DURATION.labels(OTHER_METHOD, grpc.StatusCode.UNIMPLEMENTED.name).observe(0.0)
            return None
        if handler.request_streaming or handler.response_streaming:
            return handler
        method = str(handler_call_details.method).removeprefix("/")

        async def wrapped(raw: bytes, context: Context) -> Any:
            return await self._observed(method, handler, raw, context)

        # The bytes come unread: what cannot be read is then refused in our words, not in gRPC's.
        return grpc.unary_unary_rpc_method_handler(wrapped, None, handler.response_serializer)

    async def _observed(self, method: str, handler: Handler, raw: bytes, context: Context) -> Any:
        begin = time.perf_counter()
        structlog.contextvars.bind_contextvars(request_id=_take_request_id(context))
        with self._in_flight.call():
            try:
                return await _answer(handler, raw, context)
            except asyncio.CancelledError:
                context.set_code(_why_cancelled(context))
                raise
            finally:
                _report(method, context, time.perf_counter() - begin)


def current_request_id() -> str:
    """The id of the call that is being answered: the caller's own, or one made here."""
    return _request_id.get()


def _take_request_id(context: Context) -> str:
    request_id = request_id_from(invocation_metadata(context).get("x-request-id"))
    _request_id.set(request_id)
    return request_id


def invocation_metadata(context: Context) -> dict[str, str]:
    """What the caller sent beside the message, text values only."""
    sent: Any = context.invocation_metadata() or ()
    return {name: value for name, value in sent if isinstance(value, str)}


async def _answer(handler: Handler, raw: bytes, context: Context) -> Any:
    request_id = current_request_id()
    try:
        # Sent at once, so that a caller who gives up waiting knows it too.
        await context.send_initial_metadata((("x-request-id", request_id),))
        answer: Any = handler.unary_unary
        return await answer(_read(handler, raw), context)
    except grpc.aio.BaseError:
        raise  # the call is over: aborted on purpose, or gRPC itself gave up
    except Refused as refused:
        await abort(context, refused.status, request_id=request_id, metadata=refused.metadata)
    except HoldfastError as error:
        if error.category is Category.INTERNAL:
            _log.error("rpc_failed", exc_info=True)
        await abort(context, status_of(error), request_id=request_id)
    except Exception:
        _log.exception("rpc_failed")
        await abort(context, status_of(HoldfastError()), request_id=request_id)


def _read(handler: Handler, raw: bytes) -> Any:
    if handler.request_deserializer is None:
        return raw
    try:
        return handler.request_deserializer(raw)
    except DecodeError:
        raise Malformed("the bytes are not a message of this method's request type") from None


def _why_cancelled(context: Context) -> grpc.StatusCode:
    remaining: float | None = context.time_remaining()
    expired = remaining is not None and remaining <= 0
    return grpc.StatusCode.DEADLINE_EXCEEDED if expired else grpc.StatusCode.CANCELLED


def _report(method: str, context: Context, seconds: float) -> None:
    code = cast("grpc.StatusCode | None", context.code()) or grpc.StatusCode.OK
    metrics.RPC_DURATION.labels(method, code.name).observe(seconds)
    write = _log.debug if method.startswith(QUIET_SERVICES) else _log.info
    write("rpc_call", method=method, code=code.name, ms=round(seconds * 1000, 2))
