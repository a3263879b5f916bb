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
    Info,
    MediaType,
    OpenAPI,
    Operation,
    Parameter,
    PathItem,
    Reference,
    RequestBody,
    Response,
    Tag,
)
from pydantic import BaseModel

from gateway.http.csv_answers import columns_of
from gateway.http.openapi_parts import (
    DESCRIPTION,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    IF_NONE_MATCH,
    REQUEST_ID,
    TAGS,
    bearer_scheme,
    header_references,
    shared_headers,
)
from gateway.http.problems import CONTENT_TYPE
from gateway.http.reading import TEXT_PARAMETERS
from gateway.http.route import Route, Success
from gateway.http.schemas.model import Shape
from gateway.http.schemas.problems import Problem


def document(routes: Sequence[Route]) -> bytes:
    """The document as JSON."""
    bare = OpenAPI(
        openapi="3.1.0",
        info=Info(title="Holdfast inventory service", version=version("holdfast"), description=DESCRIPTION),
        tags=[Tag(name=name, description=description) for name, description in TAGS.items()],
        paths=_paths(routes),
        components=Components(
            headers=shared_headers(),
            securitySchemes={"bearer": bearer_scheme()},
        ),
    )
    return (
        construct_open_api_with_schema_class(bare)
        .model_dump_json(by_alias=True, exclude_none=True, exclude_unset=True)
        .encode()
    )


def _paths(routes: Sequence[Route]) -> dict[str, PathItem]:
    by_path: dict[str, dict[str, Operation]] = {}
    for route in routes:
        by_path.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {path: PathItem.model_validate(operations) for path, operations in by_path.items()}


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
        parameters.append(IDEMPOTENCY_KEY)
    if route.has_version and route.method in {"PUT", "DELETE"}:
        parameters.append(IF_MATCH)
    if route.heeds_none_match:
        parameters.append(IF_NONE_MATCH)
    return [*parameters, REQUEST_ID]


def _path_parameter(name: str) -> Parameter:
    characters_max = TEXT_PARAMETERS.get(name)
    schema = {"type": "string", "maxLength": characters_max} if characters_max else {"type": "string", "format": "uuid"}
    return Parameter.model_validate({"name": name, "in": "path", "required": True, "schema": schema})


def _query_parameters(query: type[BaseModel]) -> list[Parameter]:
    schema = query.model_json_schema(by_alias=True)
    needed = schema.get("required", ())
    return [_query_parameter(name, _inlined(one, schema), name in needed) for name, one in schema["properties"].items()]


def _query_parameter(name: str, schema: dict[str, Any], required: bool) -> Parameter:
    description = schema.pop("description", None)
    facts = {"name": name, "in": "query", "description": description, "schema": schema}
    return Parameter.model_validate(facts | ({"required": True} if required else {}))


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
    return RequestBody(required=route.body_required, content={"application/json": _media(route.body)})


def _successes(route: Route) -> dict[str, Response | Reference]:
    answers: dict[str, Response | Reference] = {}
    for success in route.successes:
        known = answers.get(str(success.status))
        if isinstance(known, Response):
            known.content = {**(known.content or {}), **(_content(success) or {})}
            continue
        answers[str(success.status)] = Response(
            description=HTTPStatus(success.status).phrase,
            headers=header_references(_success_headers(route, success)),
            content=_content(success),
        )
    if route.heeds_none_match:
        answers["304"] = Response(description="Not Modified", headers=header_references(["X-Request-Id", "ETag"]))
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
        return {success.content_type: _media(success.shape)}
    if success.line is not None:
        return {success.content_type: _csv_media(success.line)}
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
    has_text = any(name in TEXT_PARAMETERS for name in route.parameters)
    if route.body is not None or route.query is not None or has_text:
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
    if status == 503:
        names.append("Retry-After")
    if status in {401, 403}:
        names.append("WWW-Authenticate")
    return Response(
        description=f"{HTTPStatus(status).phrase}: " + ", ".join(f"`{code}`" for code in codes),
        headers=header_references(names),
        content={CONTENT_TYPE: _media(Problem)},
    )


def _media(model: type[BaseModel]) -> MediaType:
    return MediaType(schema=PydanticSchema.model_validate({"schema_class": model}))


def _csv_media(line: type[Shape]) -> MediaType:
    columns = ", ".join(columns_of(line))
    return MediaType.model_validate({"schema": {"type": "string", "description": f"RFC 4180, columns: {columns}."}})
