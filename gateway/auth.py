"""Who is calling, and what they may do: bearer tokens, scopes, and the ids that follow a request around.

Shared by REST and gRPC; knows neither. Says nothing to a caller about why a token failed beyond what helps its owner.
"""

from __future__ import annotations

import re
import time
import uuid
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt
from jwt.types import Options

from domain.contracts.reservations import Source
from domain.errors import Forbidden, Unauthenticated
from domain.ids import Actor, actor_from_subject
from gateway.keys import KeySet
from runtime.settings import Settings

INVENTORY_READ: Final = "inventory:read"
INVENTORY_WRITE: Final = "inventory:write"
RESERVATIONS_WRITE: Final = "reservations:write"
OPERATIONS_WRITE: Final = "operations:write"
OPERATIONS_APPROVE: Final = "operations:approve"
ADMIN: Final = "admin"
SCOPES: Final = (INVENTORY_READ, INVENTORY_WRITE, RESERVATIONS_WRITE, OPERATIONS_WRITE, OPERATIONS_APPROVE, ADMIN)
"""The contract's scopes; `admin` implies all of them."""

RESERVATIONS_READ: Final = (RESERVATIONS_WRITE, INVENTORY_READ)
"""Whoever makes reservations, or may look at stock, may look at a reservation."""

OPERATIONS_READ: Final = (INVENTORY_READ, OPERATIONS_WRITE, OPERATIONS_APPROVE)
"""Whoever does warehouse work, decides about it, or may look at stock, may look at the work."""

ASYMMETRIC_ALGORITHMS = ("RS256", "ES256")
SYMMETRIC_ALGORITHMS = ("HS256",)

TOKEN_CHARACTERS_MAX = 8_192
SUBJECT_CHARACTERS_MAX = 255
TOKENS_CACHED_MAX = 4_096
TOKEN_CACHED_SECONDS_MAX = 60.0
"""A verified token is believed this long without looking again, never past its own `exp`."""

DEVELOPMENT_TOKEN_SECONDS = 24 * 60 * 60

_CHECKS: Options = {"require": ["exp", "iss", "aud", "sub"], "verify_iat": False}
"""`iat` is information only: a clock that is a second ahead of ours must not lock anybody out."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, through which door, with what rights, and the ids that tie the answer to its logs and traces."""

    actor: Actor
    subject: str
    scopes: frozenset[str]
    request_id: str
    traceparent: str | None = None
    source: Source = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class _Identity:
    """What a verified token says. `valid_until` is Unix time in seconds."""

    actor: Actor
    subject: str
    scopes: frozenset[str]
    valid_until: float


class Authenticator:
    """Turns an Authorization header into a Caller. One per process; keeps a bounded memory of verified tokens."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keys = KeySet(settings.jwt_jwks_url) if settings.jwt_jwks_url else None
        self._verified: OrderedDict[str, _Identity] = OrderedDict()

    async def authenticate(
        self, authorization: str | None, *, source: Source, request_id: str, traceparent: str | None
    ) -> Caller:
        """The caller behind an Authorization value that came in through `source`.

        Raises Unauthenticated; Unavailable when keys cannot be had.
        """
        token = _bearer_token(authorization)
        identity = self._remembered(token)
        if identity is None:
            identity = self._identity(await self._claims(token))
            self._remember(token, identity)
        return Caller(identity.actor, identity.subject, identity.scopes, request_id, traceparent, source=source)

    def _remembered(self, token: str) -> _Identity | None:
        identity = self._verified.get(token)
        if identity is None or identity.valid_until <= time.time():
            self._verified.pop(token, None)
            return None
        self._verified.move_to_end(token)
        return identity

    def _remember(self, token: str, identity: _Identity) -> None:
        self._verified[token] = identity
        if len(self._verified) > TOKENS_CACHED_MAX:
            self._verified.popitem(last=False)

    async def _claims(self, token: str) -> dict[str, Any]:
        try:
            if self._keys is None:
                return self._decoded(token, self._settings.jwt_secret.get_secret_value(), SYMMETRIC_ALGORITHMS)
            algorithm, key_id = _announced(token)
            if algorithm not in ASYMMETRIC_ALGORITHMS:
                raise Unauthenticated("the token is signed with an algorithm that is not accepted here")
            return self._decoded(token, await self._keys.signing_key(key_id), ASYMMETRIC_ALGORITHMS)
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("the token has expired") from None
        except jwt.PyJWTError as error:
            raise Unauthenticated(_in_words(error)) from None

    def _decoded(self, token: str, key: Any, algorithms: Collection[str]) -> dict[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=list(algorithms),
            audience=self._settings.jwt_audience,
            issuer=self._settings.jwt_issuer,
            options=_CHECKS,
        )

    def _identity(self, claims: dict[str, Any]) -> _Identity:
        subject = claims["sub"]
        if not 0 < len(subject) <= SUBJECT_CHARACTERS_MAX or not subject.isprintable():
            raise Unauthenticated("the token's sub must be 1 to 255 printable characters")
        return _Identity(
            actor_from_subject(self._settings.jwt_issuer, subject),
            subject,
            _scopes(claims.get("scope", "")),
            min(int(claims["exp"]), time.time() + TOKEN_CACHED_SECONDS_MAX),
        )


def require(caller: Caller, *any_of: str) -> None:
    """Refuse a caller who has none of these scopes. Raises Forbidden naming the missing one."""
    if ADMIN not in caller.scopes and caller.scopes.isdisjoint(any_of):
        raise Forbidden(f"the scope {' or '.join(any_of)} is missing", extra={"missingScope": any_of[0]})


def request_id_from(given: str | None) -> str:
    """The request id a caller sent when it is fit for logs and headers, else a new one."""
    return given if given and _REQUEST_ID.fullmatch(given) else str(uuid.uuid4())


def traceparent_from(given: str | None) -> str | None:
    """A W3C `traceparent` when it is well-formed, else None."""
    return given if given and _TRACEPARENT.fullmatch(given) else None


def development_token(settings: Settings, *, subject: str, scopes: Collection[str]) -> str:
    """A token signed with JWT_SECRET, good for a day. For people trying things out."""
    now = datetime.now(UTC)
    claims = {
        "iss": settings.jwt_issuer,
        "aud": settings.jwt_audience,
        "sub": subject,
        "scope": " ".join(sorted(scopes)),
        "iat": now,
        "exp": now + timedelta(seconds=DEVELOPMENT_TOKEN_SECONDS),
    }
    return jwt.encode(claims, settings.jwt_secret.get_secret_value(), algorithm="HS256")


def _bearer_token(authorization: str | None) -> str:
    if not authorization:
        raise Unauthenticated("send Authorization: Bearer <token>")
    scheme, _, token = authorization.strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > TOKEN_CHARACTERS_MAX or not token.isascii():
        raise Unauthenticated("the Authorization value is not a bearer token")
    return token


def _announced(token: str) -> tuple[str, str]:
    header = jwt.get_unverified_header(token)
    return str(header.get("alg", "")), str(header.get("kid", ""))


def _scopes(claim: Any) -> frozenset[str]:
    names = claim.split() if isinstance(claim, str) else claim
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Unauthenticated("the token's scope must be a string or a list of strings")
    return frozenset(names)


def _in_words(error: jwt.PyJWTError) -> str:
    match error:
        case jwt.InvalidIssuerError():
            return "the token comes from an issuer that is not accepted here"
        case jwt.InvalidAudienceError():
            return "the token is meant for another audience"
        case jwt.MissingRequiredClaimError():
            return f"the token lacks the claim {error.claim}"
        case jwt.ImmatureSignatureError():
            return "the token is not valid yet"
        case _:
            return "the token is not valid"
