"""Tokens that must open nothing: forged, stale, meant for others, or twisted until a parser stumbles."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import Any

import jwt
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.auth import ADMIN, SCOPES
from gateway.http.routes import ROUTES
from runtime.settings import Settings
from tests.attack.findings import Findings
from tests.attack.state import State
from tests.attack.target import Target
from tests.gateway.http.face import path_of

MALLORY = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
PUBLIC_PEM = MALLORY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
SECONDS_MAX = 15.0
DEEP = "[" * 2_500


def claims_of(settings: Settings, **changes: Any) -> dict[str, Any]:
    """The claims of a token that would be good, but for `changes`; None takes a claim away."""
    given = {
        "iss": settings.jwt_issuer,
        "aud": settings.jwt_audience,
        "sub": "mallory",
        "scope": ADMIN,
        "exp": int(time.time()) + 3600,
        **changes,
    }
    return {name: value for name, value in given.items() if value is not None}


def by_hand(header: Mapping[str, Any] | str, payload: Mapping[str, Any] | str, key: bytes) -> str:
    """A token signed with HMAC-SHA256 whatever its header and payload say: no library would make most of these."""
    parts = [part if isinstance(part, str) else json.dumps(part) for part in (header, payload)]
    signed = ".".join(_base64(part.encode()) for part in parts)
    return f"{signed}.{_base64(hmac.digest(key, signed.encode(), hashlib.sha256))}"


def forged(settings: Settings) -> dict[str, str]:
    """Authorization values by what is wrong with each. `settings` trust JWT_SECRET."""
    key, good = settings.jwt_secret.get_secret_value().encode(), claims_of(settings)
    ours = jwt.encode(good, key, algorithm="HS256")
    header, payload, signature = ours.split(".")
    tokens = {
        **{f"algorithm {name}": by_hand({"alg": name}, good, key) for name in ("none", "None", "", "HS512", "RS256")},
        "unsigned": jwt.encode(good, None, algorithm="none"),
        "signature taken off": f"{header}.{payload}.",
        "signature of another token": f"{header}.{payload}.{by_hand({'alg': 'HS256'}, {}, key).split('.')[2]}",
        "payload changed": f"{header}.{_base64(json.dumps(claims_of(settings, sub='boss')).encode())}.{signature}",
        "signed with a private key": jwt.encode(good, MALLORY, algorithm="RS256"),
        "HS256 signed with a public key": by_hand({"alg": "HS256"}, good, PUBLIC_PEM),
        "empty secret": by_hand({"alg": "HS256"}, good, b""),
        "nested token": by_hand({"alg": "HS256", "cty": "JWT"}, json.dumps(ours), key),
        "payload a list": by_hand({"alg": "HS256"}, "[]", key),
        "header too deep": f"{_base64(DEEP.encode())}.{payload}.{signature}",
        "payload too deep": by_hand({"alg": "HS256"}, DEEP, key),
        "unknown crit": by_hand({"alg": "HS256", "crit": ["mine"]}, good, key),
        "key in the header": by_hand({"alg": "HS256", "jwk": {"kty": "oct", "k": _base64(b"m" * 32)}}, good, b"m" * 32),
        "keys elsewhere": by_hand({"alg": "HS256", "jku": "http://127.0.0.1:1/keys"}, good, b"m" * 32),
        "too long": f"{ours}{'A' * 9_000}",
        "four parts": f"{ours}.{signature}",
    }
    tokens |= {f"kid {kid!r:.20}": by_hand({"alg": "HS256", "kid": kid}, good, b"") for kid in KEY_IDS}
    tokens |= {name: by_hand({"alg": "HS256"}, claims_of(settings, **wrong), key) for name, wrong in WRONG.items()}
    return {name: f"Bearer {token}" for name, token in tokens.items()} | OTHER_SCHEMES


KEY_IDS: tuple[Any, ...] = ("../../../../dev/null", "' or '1'='1", "| cat /etc/passwd", "\x00", 7, [], {}, "k" * 5_000)
WRONG: dict[str, dict[str, Any]] = {
    "expired": {"exp": int(time.time()) - 1},
    "without exp": {"exp": None},
    "exp as text": {"exp": "soon"},
    "exp a list": {"exp": []},
    "not yet valid": {"nbf": int(time.time()) + 86_400},
    "nbf infinite": {"nbf": float("inf")},
    "another issuer": {"iss": "someone-else"},
    "issuers": {"iss": ["holdfast"]},
    "another audience": {"aud": "another-service"},
    "audience an object": {"aud": {"inventory-service": True}},
    "without sub": {"sub": None},
    "sub with NUL": {"sub": "a\x00b"},
    "sub half a pair": {"sub": "\ud800"},
    "sub too long": {"sub": "x" * 256},
    "sub a list": {"sub": ["boss"]},
    "scope an object": {"scope": {ADMIN: True}},
}
OTHER_SCHEMES = {
    "nothing": "",
    "no token": "Bearer ",
    "another scheme": "Basic YWRtaW46YWRtaW4=",
    "no dots": "Bearer nonsense",
    "not ASCII": "Bearer ü.b.c".encode().decode("latin-1"),
}


class Tokens:
    """Every route that needs a token, asked with those that open nothing and with scopes that do not suffice."""

    def __init__(self, target: Target, findings: Findings, state: State) -> None:
        self._target = target
        self._findings = findings
        self._state = state
        self._session = requests.Session()
        self._guarded = [route for route in ROUTES if route.scopes]

    def every_route(self) -> None:
        """Each route with some forged token, each forged token at some route."""
        forgeries = forged(self._target.settings)
        turns = max(len(self._guarded), len(forgeries))
        pairs = zip(range(turns), cycle(self._guarded), cycle(forgeries.items()), strict=False)
        for _, route, (name, authorization) in pairs:
            self._ask(route.method, path_of(route), authorization, 401, f"token: {name}")

    def too_few_scopes(self) -> None:
        """Each route with every scope but those that it takes."""
        for route in self._guarded:
            others = [scope for scope in SCOPES if scope not in {*route.scopes, ADMIN}]
            self._ask(route.method, path_of(route), self._target.bearer(*others, "x"), 403, "token: other scopes")

    def _ask(self, method: str, path: str, authorization: str, status: int, operation: str) -> None:
        response = self._session.request(
            method,
            self._target.api + path,
            headers={"Authorization": authorization, "Content-Type": "application/json"},
            data=b"{}" if method in {"POST", "PUT"} else None,
            timeout=SECONDS_MAX,
        )
        self._findings.count(operation, response.status_code)
        if response.status_code != status:
            self._findings.blame(operation, f"{method} {path} answered {response.status_code}, not {status}")
        self._findings.look_for_leaks(operation, response.text, asked=path)
        self._state.judge(operation, refused=True)


def refused_everywhere(settings: Settings) -> Iterator[tuple[str, str]]:
    """The same for another protocol: name and Authorization value, where a header can carry it."""
    yield from ((name, value) for name, value in forged(settings).items() if value.isascii() and len(value) < 4_000)


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
