from __future__ import annotations

import asyncio
import json
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from pydantic import SecretStr

from domain.contracts.reservations import Source
from domain.errors import Forbidden, Unauthenticated, Unavailable
from gateway import keys
from gateway.auth import (
    ADMIN,
    INVENTORY_READ,
    INVENTORY_WRITE,
    TOKENS_CACHED_MAX,
    Authenticator,
    Caller,
    development_token,
    request_id_from,
    require,
    traceparent_from,
)
from runtime.settings import DEVELOPMENT_SECRET, Settings
from tests.attack.tokens import by_hand, forged

SETTINGS = Settings(app_env="test")
RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
PEM, DER = (
    RSA.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
    for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER)
)
EC = ec.generate_private_key(ec.SECP256R1())


def claims(**changes: Any) -> dict[str, Any]:
    given = {
        "iss": SETTINGS.jwt_issuer,
        "aud": SETTINGS.jwt_audience,
        "sub": "shop",
        "scope": "inventory:read",
        "exp": time.time() + 3600,
        **changes,
    }
    return {name: value for name, value in given.items() if value is not None}


def signed(key: Any = DEVELOPMENT_SECRET, algorithm: str = "HS256", kid: str | None = None, **changes: Any) -> str:
    headers = {"kid": kid} if kid else {}
    return "Bearer " + jwt.encode(claims(**changes), key, algorithm=algorithm, headers=headers)


async def caller_of(authorization: str | None, authenticator: Authenticator | None = None) -> Caller:
    return await (authenticator or Authenticator(SETTINGS)).authenticate(
        authorization, source=Source.REST, request_id="r", traceparent=None
    )


async def test_a_good_token_names_its_caller() -> None:
    caller = await caller_of(signed())
    assert (caller.subject, caller.scopes, caller.request_id) == ("shop", frozenset({"inventory:read"}), "r")
    assert caller.actor.name == "shop"


async def test_a_subject_that_is_a_uuid_is_the_actor_itself() -> None:
    subject = uuid.uuid4()
    assert (await caller_of(signed(sub=str(subject)))).actor.actor_id == subject


async def test_another_subject_is_always_the_same_actor() -> None:
    first, second, other = [await caller_of(signed(sub=sub)) for sub in ("shop", "shop", "office")]
    assert first.actor.actor_id == second.actor.actor_id != other.actor.actor_id


@pytest.mark.parametrize("scope", ["inventory:read  inventory:write", ["inventory:read", "inventory:write"]])
async def test_scopes_come_as_a_string_or_a_list(scope: object) -> None:
    assert (await caller_of(signed(scope=scope))).scopes == {"inventory:read", "inventory:write"}


async def test_a_token_without_scopes_allows_nothing() -> None:
    caller = await caller_of(signed(scope=None))
    with pytest.raises(Forbidden):
        require(caller, INVENTORY_READ)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"exp": time.time() - 1}, "expired"),
        ({"exp": None}, "exp"),
        ({"exp": float("inf")}, "not valid"),
        ({"nbf": float("inf")}, "not valid"),
        ({"iss": ["holdfast"]}, "issuer"),
        ({"aud": {"inventory-service": 1}}, "audience"),
        ({"sub": ["boss"]}, "not valid"),
        ({"exp": "soon"}, "not valid"),
        ({"nbf": time.time() + 86_400}, "not valid yet"),
        ({"iss": "someone-else"}, "issuer"),
        ({"iss": None}, "iss"),
        ({"aud": "another-service"}, "audience"),
        ({"aud": None}, "aud"),
        ({"sub": None}, "sub"),
        ({"sub": 7}, "not valid"),
        ({"sub": ""}, "printable"),
        ({"sub": "a\x00b"}, "printable"),
        ({"sub": "x" * 256}, "printable"),
        ({"scope": 7}, "scope"),
        ({"scope": ["a", 7]}, "scope"),
        ({"scope": {"a": 1}}, "scope"),
    ],
)
async def test_a_wrong_claim_is_refused_and_named(changes: dict[str, Any], words: str) -> None:
    header = "Bearer " + jwt.api_jws.encode(
        json.dumps(claims(**changes)).encode(), DEVELOPMENT_SECRET, algorithm="HS256"
    )
    with pytest.raises(Unauthenticated, match=words):
        await caller_of(header)


async def test_an_expiry_in_no_time_that_a_double_holds_is_a_late_one() -> None:
    header = "Bearer " + jwt.api_jws.encode(json.dumps(claims(exp=10**400)).encode(), DEVELOPMENT_SECRET)
    assert (await caller_of(header)).subject == "shop"


@pytest.mark.parametrize("name", sorted(forged(SETTINGS)))
async def test_a_forged_token_opens_nothing(name: str) -> None:
    with pytest.raises(Unauthenticated):
        await caller_of(forged(SETTINGS)[name])


async def test_a_clock_ahead_of_ours_locks_nobody_out() -> None:
    assert (await caller_of(signed(iat=time.time() + 30))).subject == "shop"


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "Bearer nonsense",
        "Bearer a.b.c",
        "Bearer ü.b.c",
        "Bearer " + "x" * 9_000,
        "Bearer " + jwt.encode(claims(), "x" * 32, algorithm="HS256"),
        "Bearer " + jwt.encode(claims(), DEVELOPMENT_SECRET * 2, algorithm="HS512"),
        "Bearer " + jwt.encode(claims(), None, algorithm="none"),
        "Bearer " + jwt.encode(claims(), RSA, algorithm="RS256"),
    ],
)
async def test_what_is_no_token_of_ours_is_refused(authorization: str | None) -> None:
    with pytest.raises(Unauthenticated):
        await caller_of(authorization)


async def test_the_scheme_is_written_as_one_likes() -> None:
    assert (await caller_of(signed().replace("Bearer", "bearer"))).subject == "shop"


async def test_a_remembered_token_is_forgotten_when_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    authenticator = Authenticator(SETTINGS)
    token = signed(exp=time.time() + 40)
    await caller_of(token, authenticator)
    with monkeypatch.context() as later:
        now = time.time()
        later.setattr(time, "time", lambda: now + 20)
        assert (await caller_of(token, authenticator)).subject == "shop"
        later.setattr(time, "time", lambda: now + 41)
        assert authenticator._remembered(token.removeprefix("Bearer ")) is None


async def test_a_remembered_token_is_not_verified_again(monkeypatch: pytest.MonkeyPatch) -> None:
    authenticator = Authenticator(SETTINGS)
    token = signed()
    await caller_of(token, authenticator)
    monkeypatch.setattr(jwt, "decode", lambda *_args, **_options: pytest.fail("verified twice"))
    assert (await caller_of(token, authenticator)).subject == "shop"


async def test_the_memory_of_tokens_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.auth.TOKENS_CACHED_MAX", 3)
    authenticator = Authenticator(SETTINGS)
    for number in range(10):
        await caller_of(signed(sub=f"s{number}"), authenticator)
    assert len(authenticator._verified) == 3 < TOKENS_CACHED_MAX


def test_a_scope_is_required_by_name_and_admin_has_them_all() -> None:
    def caller(*scopes: str) -> Caller:
        return Caller(actor=None, subject="s", scopes=frozenset(scopes), request_id="r", source=Source.REST)  # type: ignore[arg-type]

    require(caller(INVENTORY_READ), INVENTORY_READ)
    require(caller(INVENTORY_READ), INVENTORY_WRITE, INVENTORY_READ)
    require(caller(ADMIN), INVENTORY_WRITE)
    with pytest.raises(Forbidden, match="inventory:write") as refused:
        require(caller(INVENTORY_READ), INVENTORY_WRITE)
    assert refused.value.extra == {"missingScope": INVENTORY_WRITE}


async def test_the_development_token_works() -> None:
    token = development_token(SETTINGS, subject="demo", scopes=[ADMIN, INVENTORY_READ])
    caller = await caller_of(f"Bearer {token}")
    assert (caller.subject, caller.scopes) == ("demo", {ADMIN, INVENTORY_READ})


def test_ids_from_outside_are_fit_for_logs_or_replaced() -> None:
    assert request_id_from("a-b_c.1:/+=@") == "a-b_c.1:/+=@"
    for unfit in (None, "", "a b", "x" * 129, "a\nb"):
        assert uuid.UUID(request_id_from(unfit))


def test_a_traceparent_is_well_formed_or_nothing() -> None:
    good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert traceparent_from(good) == good
    for bad in (None, "", good.upper(), good + "x", f"00-{'0' * 32}-b7ad6b7169203331-01"):
        assert traceparent_from(bad) is None


class Issuer(BaseHTTPRequestHandler):
    """Serves a key set, or fails, as told; counts how often it was asked."""

    keys: ClassVar[list[dict[str, Any]]] = []
    asked: ClassVar[int] = 0
    status: ClassVar[int] = 200
    raw: ClassVar[bytes] = b""

    def do_GET(self) -> None:
        type(self).asked += 1
        body = self.raw or json.dumps({"keys": self.keys}).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""


def public(key: Any, kid: str) -> dict[str, Any]:
    algorithm, name = (RSAAlgorithm, "RS256") if isinstance(key, rsa.RSAPrivateKey) else (ECAlgorithm, "ES256")
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "alg": name, "use": "sig"}


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where keys are published, in a thread that gets the time to answer; pauses outlast the test."""
    for name in ("FETCH_TIMEOUT_SECONDS", "REFRESH_COOLDOWN_SECONDS", "RETRY_SECONDS"):
        monkeypatch.setattr(keys, name, 60.0)
    Issuer.keys, Issuer.asked, Issuer.status, Issuer.raw = [public(RSA, "rsa"), public(EC, "ec")], 0, 200, b""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Issuer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/jwks"
    server.shutdown()
    server.server_close()
    thread.join()


def trusting(url: str) -> Authenticator:
    return Authenticator(SETTINGS.model_copy(update={"jwt_jwks_url": url}))


@pytest.mark.parametrize(("key", "algorithm", "kid"), [(RSA, "RS256", "rsa"), (EC, "ES256", "ec")])
async def test_a_token_signed_with_a_published_key_is_good(issuer: str, key: Any, algorithm: str, kid: str) -> None:
    assert (await caller_of(signed(key, algorithm, kid), trusting(issuer))).subject == "shop"


async def test_the_key_set_is_fetched_once_for_many_callers(issuer: str) -> None:
    authenticator = trusting(issuer)
    tokens = [signed(RSA, "RS256", "rsa", sub=f"s{number}") for number in range(10)]
    await asyncio.gather(*(caller_of(token, authenticator) for token in tokens))
    assert Issuer.asked == 1


async def test_a_public_key_is_no_shared_secret(issuer: str) -> None:
    pem = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    forged = jwt.api_jws.encode(json.dumps(claims()).encode(), pem[:64], algorithm="HS256", headers={"kid": "rsa"})
    with pytest.raises(Unauthenticated, match="algorithm"):
        await caller_of(f"Bearer {forged}", trusting(issuer))


@pytest.mark.parametrize(
    "authorization",
    [
        signed(kid="rsa"),
        signed(EC, "ES256", "rsa"),
        signed(rsa.generate_private_key(public_exponent=65_537, key_size=2048), "RS256", "rsa"),
        signed(RSA, "RS256", "unknown"),
        signed(RSA, "RS256"),
        signed(RSA, "RS512", "rsa"),
        "Bearer x.y.z",
    ],
)
async def test_a_token_of_another_key_or_algorithm_is_refused(issuer: str, authorization: str) -> None:
    with pytest.raises(Unauthenticated):
        await caller_of(authorization, trusting(issuer))


@pytest.mark.parametrize("name", sorted(forged(SETTINGS)))
async def test_a_forged_token_opens_nothing_where_keys_are_published(issuer: str, name: str) -> None:
    with pytest.raises(Unauthenticated):
        await caller_of(forged(SETTINGS)[name], trusting(issuer))


@pytest.mark.parametrize("shown", [PEM, PEM.strip(), DER, json.dumps(public(RSA, "rsa")).encode()])
async def test_a_published_key_is_no_secret_to_sign_with(issuer: str, shown: bytes) -> None:
    for header in ({"alg": "HS256", "kid": "rsa"}, {"alg": "RS256", "kid": "rsa"}):
        with pytest.raises(Unauthenticated):
            await caller_of(f"Bearer {by_hand(header, claims(), shown)}", trusting(issuer))


async def test_made_up_key_ids_are_no_load_on_the_issuer(issuer: str) -> None:
    authenticator = trusting(issuer)
    for number in range(5):
        with pytest.raises(Unauthenticated):
            await caller_of(signed(RSA, "RS256", f"made-up-{number}"), authenticator)
    assert Issuer.asked == 1


async def test_a_new_key_is_found_after_the_cooldown(issuer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "REFRESH_COOLDOWN_SECONDS", 0.0)
    authenticator = trusting(issuer)
    await caller_of(signed(RSA, "RS256", "rsa"), authenticator)
    Issuer.keys = [public(RSA, "fresh")]
    assert (await caller_of(signed(RSA, "RS256", "fresh"), authenticator)).subject == "shop"


async def test_an_issuer_that_is_away_is_our_trouble_not_the_callers(issuer: str) -> None:
    Issuer.status = 500
    authenticator = trusting(issuer)
    with pytest.raises(Unavailable):
        await caller_of(signed(RSA, "RS256", "rsa"), authenticator)
    with pytest.raises(Unavailable):
        await caller_of(signed(RSA, "RS256", "rsa"), authenticator)
    assert Issuer.asked == 1, "one failure speaks for a moment"


@pytest.mark.parametrize("raw", [b"<html>", b"[]", b'{"keys": []}', b"\xff"])
async def test_an_issuer_that_talks_nonsense_vouches_for_nobody(issuer: str, raw: bytes) -> None:
    Issuer.raw = raw
    with pytest.raises((Unavailable, Unauthenticated)):
        await caller_of(signed(RSA, "RS256", "rsa"), trusting(issuer))


async def test_an_issuer_that_is_gone_is_our_trouble_too() -> None:
    with pytest.raises(Unavailable):
        await caller_of(signed(RSA, "RS256", "rsa"), trusting("http://127.0.0.1:1/jwks"))


async def test_an_empty_secret_lets_nobody_in() -> None:
    careless = Authenticator(SETTINGS.model_copy(update={"jwt_secret": SecretStr("")}))
    with pytest.raises(Unauthenticated):
        await caller_of(signed(), careless)


async def test_keys_that_were_seen_outlive_the_issuer(issuer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "SET_CACHED_SECONDS", 0.001)
    authenticator = trusting(issuer)
    await caller_of(signed(RSA, "RS256", "rsa"), authenticator)
    Issuer.status = 500
    assert (await caller_of(signed(RSA, "RS256", "rsa", sub="office"), authenticator)).subject == "office"
