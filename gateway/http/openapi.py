"""The OpenAPI 3.1 document, built from the route table and the shapes: what it says is what is served.

Written by no hand and stored nowhere.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from openapi_pydantic.util import PydanticSchema, construct_open_api_with_schema_class
from openapi_pydantic.v3.v3_1 import (
    Components,
    Header,
    Info,
    MediaType,
    OpenAPI,
    Operation,
    Parameter,
    PathItem,
    Reference,
    RequestBody,
    Response,
    Schema,
    SecurityScheme,
    Tag,
)
from pydantic import BaseModel

from domain.limits import IDEMPOTENCY_KEY_CHARACTERS_MAX
from gateway.http.problems import CONTENT_TYPE
from gateway.http.reading import TEXT_PARAMETERS
from gateway.http.route import Route, Success
from gateway.http.schemas.problems import Problem

DESCRIPTION = """\
The inventory service that cannot oversell: each reservation is a durable workflow, each change of stock one locked \
transaction, each fact one event.

**Quantities.** `quantityTotal` is what is on the shelf, `quantityReserved` what pending reservations hold, \
`quantityAvailable` = total − reserved.

**Errors** are problem details (RFC 9457) with a stable `code`. 400: the request cannot be read (broken JSON, a wrong \
type, a missing or unknown field, an id that is no UUID). 422: it can be read, but a value is out of range or not one \
of ours. 409: the state does not allow it. 412: `If-Match` names an old version. 429 and 503 carry `Retry-After`; \
nothing was changed unless the code is `outcome_unknown`, when repeating the request with the same key finds out.

**Idempotency.** Send `Idempotency-Key` with a POST, quoted or bare. The same key and body again get the first answer \
again, with `Idempotent-Replayed: true`, for 24 hours; another body gets 422, a repeat while the first is still \
running 409. 429 and 5xx are not kept. Keys belong to the caller, the method and the path.

**Versions.** Single resources carry a strong `ETag`; `If-Match` on PUT and DELETE, `If-None-Match` on GET.

**Lists** answer `{items, nextPageToken}`; the token is opaque and goes with the same filters and order.

**Request ids.** Send `X-Request-Id` or get one; it is echoed, logged and carried into the workflow. `traceparent` is \
continued.
"""

TAGS = {
    "inventory": "A SKU in a warehouse, and its ledger.",
    "reservations": "Stock held for an order: PENDING, then COMMITTED, CANCELLED or EXPIRED, once.",
    "warehouses": "Where stock stands.",
    "availability": "Whether a demand could be served now.",
    "health": "For load balancers, operators and Prometheus.",
    "docs": "This description.",
}

_REQUEST_ID = Parameter(
    name="X-Request-Id",
    param_in="header",
    description="An id for the logs, at most 128 of A-Z a-z 0-9 . _ : / + = @ -. Another one is replaced by a new one.",
    param_schema=Schema(type="string", maxLength=128),
)
_IDEMPOTENCY_KEY = Parameter(
    name="Idempotency-Key",
    param_in="header",
    description="The same key and body get the first answer again, for 24 hours.",
    param_schema=Schema(type="string", minLength=1, maxLength=IDEMPOTENCY_KEY_CHARACTERS_MAX),
    example="2f6c1a7e-order-1001",
)
_IF_MATCH = Parameter(
    name="If-Match",
    param_in="header",
    description="Go ahead only if this is still the version: one strong entity tag, or *.",
    param_schema=Schema(type="string"),
    example='"7"',
)
_IF_NONE_MATCH = Parameter(
    name="If-None-Match",
    param_in="header",
    description="304 if this is still the version.",
    param_schema=Schema(type="string"),
)
_HEADERS = {
    "X-Request-Id": Header(description="The id of this request in the logs.", param_schema=Schema(type="string")),
    "ETag": Header(description="The version, as a strong entity tag.", param_schema=Schema(type="string")),
    "Location": Header(description="Where the new resource is.", param_schema=Schema(type="string")),
    "Idempotent-Replayed": Header(
        description="`true` when this is the first answer to this key again.", param_schema=Schema(type="string")
    ),
    "Retry-After": Header(description="Seconds to wait before asking again.", param_schema=Schema(type="integer")),
    "WWW-Authenticate": Header(description="What is missing.", param_schema=Schema(type="string")),
}


def document(routes: Sequence[Route]) -> bytes:
    """The document as JSON."""
    bare = OpenAPI(
        openapi="3.1.0",
        info=Info(title="Holdfast inventory service", version=version("holdfast"), description=DESCRIPTION),
        tags=[Tag(name=name, description=description) for name, description in TAGS.items()],
        paths=_paths(routes),
        components=Components(
            headers=dict(_HEADERS),
            securitySchemes={"bearer": _bearer()},
        ),
    )
    return construct_open_api_with_schema_class(bare).model_dump_json(by_alias=True, exclude_none=True).encode()


def _bearer() -> SecurityScheme:
    return SecurityScheme(
        type="http",
        scheme="bearer",
        bearerFormat="JWT",
        description="`iss`, `aud`, `sub` and `exp` are needed. The claim `scope` lists what the token allows, as a "
        "string with spaces or as a list; `admin` allows everything.",
    )


def _paths(routes: Sequence[Route]) -> dict[str, PathItem]:
    by_path: dict[str, dict[str, Operation]] = {}
    for route in routes:
        by_path.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {path: PathItem(**operations) for path, operations in by_path.items()}


def _operation(route: Route) -> Operation:
    summary, _, description = (inspect.getdoc(route.handler) or "").partition("\n\n")
    needs = f"Needs the scope {' or '.join(f'`{scope}`' for scope in route.scopes)}." if route.scopes else ""
    return Operation(
        operationId=route.name,
        tags=[route.noun],
        summary=" ".join(summary.split()),
        description="\n\n".join(part for part in (description, needs) if part) or None,
        parameters=_parameters(route),
        requestBody=_request_body(route),
        responses={**_successes(route), **_problems(route)},
        security=[{"bearer": list(route.scopes)}] if route.scopes else [],
    )


def _parameters(route: Route) -> list[Parameter | Reference]:
    parameters: list[Parameter | Reference] = [_path_parameter(name) for name in route.parameters]
    if route.query is not None:
        parameters += _query_parameters(route.query)
    if route.takes_key:
        parameters.append(_IDEMPOTENCY_KEY)
    if route.has_version and route.method in {"PUT", "DELETE"}:
        parameters.append(_IF_MATCH)
    if route.has_version and route.method == "GET":
        parameters.append(_IF_NONE_MATCH)
    return [*parameters, _REQUEST_ID]


def _path_parameter(name: str) -> Parameter:
    characters_max = TEXT_PARAMETERS.get(name)
    schema = Schema(type="string", maxLength=characters_max) if characters_max else Schema(type="string", format="uuid")
    return Parameter(name=name, param_in="path", required=True, param_schema=schema)


def _query_parameters(query: type[BaseModel]) -> list[Parameter]:
    schema = query.model_json_schema(by_alias=True)
    return [_query_parameter(name, _inlined(one, schema)) for name, one in schema["properties"].items()]


def _query_parameter(name: str, schema: dict[str, Any]) -> Parameter:
    description = schema.pop("description", None)
    return Parameter(name=name, param_in="query", description=description, param_schema=Schema.model_validate(schema))


def _inlined(one: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter's schema without null (a parameter is there or not) and without references."""
    kinds = [kind for kind in one.get("anyOf", [one]) if kind.get("type") != "null"]
    merged = {**{name: value for name, value in one.items() if name not in {"anyOf", "title"}}, **kinds[0]}
    if reference := merged.pop("$ref", None):
        merged |= schema["$defs"][reference.rpartition("/")[2]]
    if merged.get("default", "") is None:
        del merged["default"]
    return {name: value for name, value in merged.items() if name != "title"}


def _request_body(route: Route) -> RequestBody | None:
    if route.body is None:
        return None
    examples = route.body.model_json_schema().get("examples", [])
    media = MediaType(
        media_type_schema=PydanticSchema(schema_class=route.body), example=examples[0] if examples else None
    )
    return RequestBody(required=route.body_required, content={"application/json": media})


def _successes(route: Route) -> dict[str, Response | Reference]:
    answers: dict[str, Response | Reference] = {
        str(success.status): Response(
            description=HTTPStatus(success.status).phrase,
            headers=_headers(_success_headers(route, success)),
            content=_content(success),
        )
        for success in route.successes
    }
    if route.has_version and route.method == "GET":
        answers["304"] = Response(description="Not Modified", headers=_headers(["X-Request-Id", "ETag"]))
    return answers


def _success_headers(route: Route, success: Success) -> list[str]:
    names = ["X-Request-Id"]
    if route.has_version and success.shape is not None:
        names.append("ETag")
    if success.status == 201:
        names.append("Location")
    if route.takes_key:
        names.append("Idempotent-Replayed")
    return names


def _content(success: Success) -> dict[str, MediaType] | None:
    if success.shape is not None:
        return {success.content_type: MediaType(media_type_schema=PydanticSchema(schema_class=success.shape))}
    return None if success.status == 204 else {success.content_type: MediaType()}


def _problems(route: Route) -> dict[str, Response | Reference]:
    codes: dict[int, list[str]] = {}
    for status, code in _own_codes(route):
        codes.setdefault(status, []).append(code)
    taken = {success.status for success in route.successes}
    return {str(status): _problem(status, found) for status, found in sorted(codes.items()) if status not in taken}


def _own_codes(route: Route) -> list[tuple[int, str]]:
    """Every problem a route can answer: its own, and those that follow from what it takes."""
    codes = [(status, code) for status, listed in route.problems.items() for code in listed]
    codes += [(400, "malformed_request"), (500, "internal_error"), (503, "unavailable")]
    if route.scopes:
        codes += [(401, "unauthenticated"), (403, "forbidden")]
    if route.parameters:
        codes.append((404, "not_found"))
    if route.query is not None and "page_token" in route.query.model_fields:
        codes.append((400, "invalid_page_token"))
    if route.body is not None:
        codes += [(408, "body_too_slow"), (413, "body_too_large"), (415, "unsupported_media_type")]
    if route.body is not None or route.query is not None:
        codes.append((422, "validation_failed"))
    if route.takes_key:
        codes += [(409, "request_in_progress"), (422, "idempotency_key_reused")]
    if route.has_version and route.method in {"PUT", "DELETE"}:
        codes.append((412, "stale_version"))
    if route.changes_state:
        codes.append((503, "outcome_unknown"))
    return codes


def _problem(status: int, codes: list[str]) -> Response:
    names = ["X-Request-Id"]
    if status in {429, 503}:
        names.append("Retry-After")
    if status in {401, 403}:
        names.append("WWW-Authenticate")
    return Response(
        description=f"{HTTPStatus(status).phrase}: " + ", ".join(f"`{code}`" for code in codes),
        headers=_headers(names),
        content={CONTENT_TYPE: MediaType(media_type_schema=PydanticSchema(schema_class=Problem))},
    )


def _headers(names: list[str]) -> dict[str, Header | Reference]:
    return {name: Reference(ref=f"#/components/headers/{name}") for name in names}
