"""What came in, read strictly: JSON without ambiguities, parameters of the right kind, one value for each header.

Refuses with a typed error; changes nothing.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any, NoReturn, TypeVar
from uuid import UUID

from aiohttp import ETag, web
from pydantic import BaseModel, ValidationError

from domain.errors import FieldProblem, Malformed, StaleVersion, TooLarge, Unprocessable, UnsupportedMediaType
from domain.fields import has_control
from domain.limits import ORDER_ID_CHARACTERS_MAX, REGION_CHARACTERS_MAX, SKU_CHARACTERS_MAX
from gateway.http.problems import BodyTooSlow, validation_error

M = TypeVar("M", bound=BaseModel)

TEXT_PARAMETERS = {
    "sku": SKU_CHARACTERS_MAX,
    "orderId": ORDER_ID_CHARACTERS_MAX,
    "region": REGION_CHARACTERS_MAX,
    "asset": 60,
}
"""Path parameters that are text, with their most characters; all others are UUIDs."""

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_INTEGER_MAX = 2**63 - 1


async def read_json(request: web.Request, *, bytes_max: int, seconds_max: float, required: bool) -> Any:
    """The body as JSON; an empty one is an empty object where no body is `required`.

    Raises UnsupportedMediaType, TooLarge, BodyTooSlow, Malformed.
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("a compressed body is not read here")
    if (request.content_length or 0) > bytes_max:
        raise TooLarge(f"at most {bytes_max} bytes")
    raw = await _read_bytes(request, seconds_max)
    if not raw:
        if required:
            raise Malformed("a JSON body is needed")
        return {}
    if request.content_type != "application/json" or (request.charset or "utf-8").lower() not in {"utf-8", "utf8"}:
        raise UnsupportedMediaType("send Content-Type: application/json, in UTF-8")
    return parse_json(raw)


def parse_json(raw: bytes) -> Any:
    """JSON as I-JSON (RFC 7493) has it: no name twice, no NaN, no lone surrogate, no integer past 64 bits."""
    try:
        text = raw.decode("utf-8")
        value = _DECODER.decode(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("the body is not UTF-8") from None
    except UnicodeEncodeError:
        raise Malformed("the body holds half of a surrogate pair") from None
    except RecursionError:
        raise Malformed("the body is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise Malformed(f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    return value


def read_model(model: type[M], value: Any, *, root: str = "") -> M:
    """A value as the model; every wrong field is told at once, its pointer under `root`."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise validation_error(error, root=root) from None


def read_query(request: web.Request, model: type[M]) -> M:
    """The query parameters as the model; the same one twice is refused."""
    given = request.query
    if len(given) != len(set(given)):
        twice = next(name for name in given if len(given.getall(name)) > 1)
        raise Malformed(f"the parameter {twice} is given twice", fields=[FieldProblem(f"/query/{twice}", "is twice")])
    return read_model(model, dict(given), root="/query")


def read_path(request: web.Request) -> tuple[dict[str, UUID], dict[str, str]]:
    """The path's ids and texts. Raises Malformed for an id that is no UUID, Unprocessable for text out of range."""
    ids: dict[str, UUID] = {}
    texts: dict[str, str] = {}
    for name, value in request.match_info.items():
        if name in TEXT_PARAMETERS:
            texts[name] = _text(name, value)
        elif _UUID.fullmatch(value):
            ids[name] = UUID(value)
        else:
            raise Malformed(f"{name} must be a UUID", fields=[FieldProblem(f"/path/{name}", "must be a UUID")])
    return ids, texts


def read_single_header(request: web.Request, name: str) -> str | None:
    """A header's value, None when it is not there. Raises Malformed when it is there twice."""
    values = request.headers.getall(name, [])
    if len(values) > 1:
        raise Malformed(f"the header {name} is given twice", fields=[FieldProblem(f"/headers/{name}", "is twice")])
    return values[0] if values else None


def read_expected_version(tags: tuple[ETag, ...] | None) -> int | None:
    """The version that If-Match asks for; None without the header or for `*`. Raises StaleVersion, Malformed."""
    if tags is None:
        return None
    if len(tags) != 1:
        wrong = FieldProblem("/headers/If-Match", "must be one entity tag, or *")
        raise Malformed("If-Match must be one entity tag, or *", fields=[wrong])
    tag = tags[0]
    if tag.value == "*":
        return None
    if tag.is_weak or not tag.value.isdecimal() or int(tag.value) > _INTEGER_MAX:
        raise StaleVersion("If-Match names a version that this resource never had")
    return int(tag.value)


async def _read_bytes(request: web.Request, seconds_max: float) -> bytes:
    try:
        if request.content.is_eof():
            return await request.read()
        async with asyncio.timeout(seconds_max):
            return await request.read()
    except TimeoutError:
        raise BodyTooSlow(f"the body must arrive within {seconds_max:g} seconds") from None
    except web.RequestPayloadError:
        raise Malformed("the body ended early or its transfer coding is broken") from None


def _text(name: str, value: str) -> str:
    characters_max = TEXT_PARAMETERS[name]
    if not value.strip() or len(value) > characters_max or has_control(value):
        detail = f"must be 1 to {characters_max} readable characters"
        raise Unprocessable(f"{name} {detail}", fields=[FieldProblem(f"/path/{name}", detail)])
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Malformed(f"the body gives {twice!r} twice in one object")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise Malformed(f"the body is not JSON: {name} is not a number there")


def _integer(digits: str) -> int:
    if len(digits) > 20 or not -_INTEGER_MAX - 1 <= int(digits) <= _INTEGER_MAX:
        raise Malformed("the body holds a whole number past 64 bits")
    return int(digits)


def _number(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise Malformed("the body holds a number past double precision")
    return value


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_refuse_constant, parse_int=_integer, parse_float=_number
)
