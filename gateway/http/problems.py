"""Every error as an answer: one table from category to status, one shape (RFC 9457) for all of them.

Says what the caller can do something about, never how we are built.
"""

from __future__ import annotations

import json
import math
from typing import Any

from aiohttp import web
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from domain.errors import (
    Category,
    FieldProblem,
    HoldfastError,
    Malformed,
    NotFound,
    TooLarge,
    Unauthenticated,
    Unprocessable,
)
from gateway.http.schemas.model import WRONG
from gateway.http.schemas.problems import Problem
from gateway.idempotency import Answer

PROBLEM_TYPES = "https://holdfast.dev/problems/"
CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS_DEFAULT = 1.0

STATUS_OF: dict[Category, int] = {
    Category.MALFORMED: 400,
    Category.UNAUTHENTICATED: 401,
    Category.FORBIDDEN: 403,
    Category.NOT_FOUND: 404,
    Category.CONFLICT: 409,
    Category.STALE: 412,
    Category.TOO_LARGE: 413,
    Category.UNSUPPORTED_MEDIA_TYPE: 415,
    Category.UNPROCESSABLE: 422,
    Category.INTERNAL: 500,
    Category.UNAVAILABLE: 503,
}

READABLE_BUT_WRONG = frozenset(
    {
        "greater_than",
        "greater_than_equal",
        "less_than",
        "less_than_equal",
        "string_too_short",
        "string_too_long",
        "too_short",
        "too_long",
        "literal_error",
        "enum",
        "decimal_max_places",
        "string_pattern_mismatch",
        WRONG,
    }
)
"""pydantic's error types that mean 422: the type is right, the value is out of range or not one of ours. Every other
one (a wrong type, a missing or unknown field, text that is no UUID or time) means 400, and one such makes the whole
request 400."""

_WORDS = {
    "extra_forbidden": "is not known here",
    "missing": "is missing",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "float_type": "must be a number",
    "decimal_type": "must be a decimal number, or one in text",
    "is_instance_of": "must be a decimal number, or one in text",
    "list_type": "must be a list",
    "model_type": "must be an object",
    "uuid_parsing": "must be a UUID",
    "uuid_type": "must be a UUID",
}


class NoSuchRoute(NotFound):
    """Nothing lives under this path."""

    code = "route_not_found"
    title = "Nothing lives under this path"


class MethodNotAllowed(HoldfastError):
    """The path exists, not with this method."""

    code = "method_not_allowed"
    title = "This path does not take that method"

    def __init__(self, allowed: list[str]) -> None:
        super().__init__(f"allowed are {', '.join(allowed)}")
        self.allowed = allowed


class BodyTooSlow(HoldfastError):
    """The body did not arrive in time."""

    code = "body_too_slow"
    title = "The body did not arrive in time"


class StrangeCoding(Malformed):
    """The body travels in a coding that is not read here, so nobody can say with us where it ends."""


class Broken(HoldfastError):
    """Our own mistake; the request id leads to it in the log."""

    def __init__(self, request_id: str) -> None:
        super().__init__("the error is logged under this requestId", extra={"requestId": request_id})


_STATUS_OF_PROTOCOL_ERROR: dict[str, int] = {MethodNotAllowed.code: 405, BodyTooSlow.code: 408}
"""What only HTTP has; everything else goes by category."""


def status_of(error: HoldfastError) -> int:
    """The HTTP status of an error."""
    return _STATUS_OF_PROTOCOL_ERROR.get(error.code) or STATUS_OF[error.category]


def problem_of(error: HoldfastError, path: str) -> Problem:
    """An error as problem details, `path` being what was asked for."""
    return Problem.of(**_members(error, path))


def problem_answer(error: HoldfastError, path: str) -> Answer:
    """An error as a whole answer with its headers."""
    headers = {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store", **_headers(error)}
    return Answer(status_of(error), headers, json.dumps(_members(error, path), default=str).encode())


def in_our_words(error: web.HTTPException) -> HoldfastError:
    """aiohttp's own refusals as errors of ours."""
    match error:
        case web.HTTPMethodNotAllowed():
            return MethodNotAllowed(sorted(error.allowed_methods))
        case web.HTTPNotFound():
            return NoSuchRoute()
        case web.HTTPRequestEntityTooLarge():
            return TooLarge()
        case _:
            return Malformed(error.reason)


def validation_error(error: ValidationError, *, root: str = "") -> HoldfastError:
    """Everything pydantic found wrong: Malformed or Unprocessable with a pointer for each field, under `root`."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    fields = [FieldProblem(root + pointer(one["loc"]), _in_words(one)) for one in found]
    if all(one["type"] in READABLE_BUT_WRONG for one in found):
        return Unprocessable(_summary(fields), fields=fields)
    return Malformed(_summary(fields), fields=fields)


def pointer(location: tuple[int | str, ...]) -> str:
    """A JSON pointer (RFC 6901) from the steps of a path."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in location)


def _members(error: HoldfastError, path: str) -> dict[str, Any]:
    members = {
        "type": PROBLEM_TYPES + error.code,
        "title": error.title,
        "status": status_of(error),
        "detail": _detail(error),
        "instance": path,
        "code": error.code,
    }
    assert members.keys().isdisjoint(error.extra), "what an error adds must not stand in for what it is"
    return {**members, **error.extra}


def _detail(error: HoldfastError) -> str:
    """What the error says; when that is only its title, the first wrong field says more."""
    first = next(iter(error.extra.get("errors", ())), None)
    return f"{first['pointer']}: {first['detail']}" if first and error.detail == error.title else error.detail


def _headers(error: HoldfastError) -> dict[str, str]:
    headers: dict[str, str] = {}
    retry_after = error.retry_after_seconds
    if retry_after is None and error.category is Category.UNAVAILABLE:
        retry_after = RETRY_AFTER_SECONDS_DEFAULT
    if retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="holdfast"'
    if scope := error.extra.get("missingScope"):
        headers["WWW-Authenticate"] = f'Bearer realm="holdfast", error="insufficient_scope", scope="{scope}"'
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allowed)
    return headers


def _in_words(one: ErrorDetails) -> str:
    return _WORDS.get(one["type"], one["msg"])


def _summary(fields: list[FieldProblem]) -> str:
    first = f"{fields[0].pointer or 'the body'}: {fields[0].detail}"
    return first if len(fields) == 1 else f"{first} (and {len(fields) - 1} more)"
