"""What the OpenAPI document says once for all operations: the words, the shared parameters, headers and the scheme."""

from __future__ import annotations

from openapi_pydantic.v3.v3_1 import Header, Parameter, Reference, SecurityScheme

from domain.limits import IDEMPOTENCY_KEY_CHARACTERS_MAX

DESCRIPTION = """\
The inventory service that cannot oversell: each reservation is a durable workflow, each change of stock one locked \
transaction, each fact one event.

**Quantities.** `quantityTotal` is what is on the shelf, `quantityReserved` what pending reservations hold, \
`quantityAvailable` = total − reserved.

**Errors** are problem details (RFC 9457) with a stable `code`. 400: the request cannot be read (broken JSON, a wrong \
type, a missing or unknown field, an id that is no UUID). 422: it can be read, but a value is out of range or not one \
of ours. 409: the state does not allow it. 412: `If-Match` names an old version. 503 carries `Retry-After`; \
nothing was changed unless the code is `outcome_unknown`, when repeating the request with the same key finds out. When \
too much is in work, holds are shed with 503 `saturated`; a 429 is not ours, treat that of a proxy in front the same.

**Idempotency.** Send `Idempotency-Key` with a POST, quoted or bare. The same key and body again get the first answer \
again, with `Idempotent-Replayed: true`, for 24 hours; another body gets 422, a repeat while the first is still \
running 409. 5xx are not kept. Keys belong to the caller, the method and the path.

**Versions.** Single resources carry a strong `ETag`; `If-Match` on PUT and DELETE, `If-None-Match` on \
GET where it is listed; what else is shown beside a resource may change without its version.

**Lists** answer `{items, nextPageToken}`; the token is opaque and goes with the same filters and order.

**Reports** are lists as JSON and whole as CSV (`Accept: text/csv` or `?format=csv`): RFC 4180 in UTF-8, the columns \
named like the fields of an item, streamed to its end; an answer that is cut off ends without its last chunk. A text \
that a spreadsheet would take for a formula (it begins with `=`, `+`, `-`, `@`, tab or line end) has an apostrophe \
before it.

**Request ids.** Send `X-Request-Id` or get one; it is echoed, logged and carried into the workflow. `traceparent` is \
continued.
"""

TAGS = {
    "inventory": "A SKU in a warehouse, and its ledger.",
    "adjustments": "Changes of stock by hand; large ones wait for somebody other than the asker.",
    "reservations": "Stock held for an order: PENDING, then COMMITTED, CANCELLED or EXPIRED, once.",
    "returns": "Sold stock that came back, sellable or damaged.",
    "waitlist": "Who waits for a SKU that is short, in line.",
    "transfers": "Stock on its way from one warehouse to another.",
    "warehouses": "Where stock stands.",
    "availability": "Whether a demand could be served now.",
    "suppliers": "Who sells to us, what, and on which terms.",
    "purchase_orders": "What is ordered from suppliers: drafted, approved by somebody else, sent, received in parts.",
    "restock": "What to reorder, how much of it and from whom.",
    "alerts": "What staff should look at, until it is over.",
    "reports": "Stock by region, at an instant of the past, for how long it will last, and what is on its way.",
    "health": "For load balancers, operators and Prometheus.",
    "docs": "This description.",
}

REQUEST_ID = Parameter.model_validate(
    {
        "name": "X-Request-Id",
        "in": "header",
        "description": "An id for the logs: at most 128 of A-Z a-z 0-9 . _ : / + = @ -. Another one is replaced.",
        "schema": {"type": "string"},
    }
)
IDEMPOTENCY_KEY = Parameter.model_validate(
    {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The same key and body get the first answer again, for 24 hours.",
        "schema": {"type": "string", "minLength": 1, "maxLength": IDEMPOTENCY_KEY_CHARACTERS_MAX},
    }
)
IF_MATCH = Parameter.model_validate(
    {
        "name": "If-Match",
        "in": "header",
        "description": "Go ahead only if this is still the version: one strong entity tag, or *.",
        "schema": {"type": "string"},
    }
)
IF_NONE_MATCH = Parameter.model_validate(
    {
        "name": "If-None-Match",
        "in": "header",
        "description": "304 if this is still the version.",
        "schema": {"type": "string"},
    }
)

_HEADER_WORDS = {
    "X-Request-Id": ("string", "The id of this request in the logs."),
    "ETag": ("string", "The version, as a strong entity tag."),
    "Location": ("string", "Where the new resource is."),
    "Idempotent-Replayed": ("string", "`true` when this is the first answer to this key again."),
    "Retry-After": ("integer", "Seconds to wait before asking again."),
    "WWW-Authenticate": ("string", "What is missing."),
}


def shared_headers() -> dict[str, Header | Reference]:
    """The headers of answers, for `components`."""
    return {
        name: Header.model_validate({"description": words, "schema": {"type": kind}})
        for name, (kind, words) in _HEADER_WORDS.items()
    }


def header_references(names: list[str]) -> dict[str, Header | Reference]:
    """References to shared headers."""
    return {name: Reference.model_validate({"$ref": f"#/components/headers/{name}"}) for name in names}


def bearer_scheme() -> SecurityScheme:
    """How callers say who they are."""
    return SecurityScheme(
        type="http",
        scheme="bearer",
        bearerFormat="JWT",
        description="`iss`, `aud`, `sub` and `exp` are needed. The claim `scope` lists what the token allows, as a "
        "string with spaces or as a list; `admin` allows everything.",
    )
