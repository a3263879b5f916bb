"""How the way to Temporal is protected: a gate in front of a real server that speaks TLS and looks who comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc import aio

from runtime.temporal import TemporalConnectionError, connect
from tests.runtime.certificates import Authority
from tests.runtime.conftest import settings_for

SERVER_NAME = "temporal.example"
"""The one name in the certificate; the gate listens at 127.0.0.1."""

API_KEY = "the key of this namespace"


class _Gate(grpc.GenericRpcHandler):
    """Passes every call on to the server, as it is; to whom has no key if one is asked for, it says no."""

    def __init__(self, server: aio.Channel, api_key: str) -> None:
        self._server = server
        self._api_key = api_key

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        async def pass_on(request: bytes, context: Any) -> bytes:
            said = dict(context.invocation_metadata()).get("authorization")
            if self._api_key and said != f"Bearer {self._api_key}":
                await context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you?")
            return bytes(await self._server.unary_unary(handler_call_details.method)(request))

        return grpc.unary_unary_rpc_method_handler(pass_on)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@asynccontextmanager
async def _gate(server: str, authority: Authority, *, asks_certificate: bool, api_key: str) -> AsyncIterator[str]:
    ours = authority.sign(SERVER_NAME)
    credentials = grpc.ssl_server_credentials(
        [(ours.key, ours.certificate)],
        root_certificates=authority.certificate,
        require_client_auth=asks_certificate,
    )
    async with aio.insecure_channel(server) as channel:
        gate = aio.server()
        gate.add_generic_rpc_handlers([_Gate(channel, api_key)])
        port = gate.add_secure_port("127.0.0.1:0", credentials)
        await gate.start()
        yield f"127.0.0.1:{port}"
        await gate.stop(None)


@pytest.fixture
async def gate(temporal_server: str, authority: Authority) -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """Opens a gate to the server and answers its address."""
    async with AsyncExitStack() as stack:

        async def opened(*, asks_certificate: bool = False, api_key: str = "") -> str:
            return await stack.enter_async_context(
                _gate(temporal_server, authority, asks_certificate=asks_certificate, api_key=api_key)
            )

        yield opened


@pytest.fixture(scope="module")
def trusting(authority: Authority) -> dict[str, str]:
    """Settings of somebody who knows the gate."""
    return {
        "temporal_tls_server_name": SERVER_NAME,
        "temporal_tls_server_ca_cert_data": authority.certificate.decode(),
    }


@pytest.mark.parametrize("form", ["path", "data"])
async def test_a_server_by_another_name_than_its_address_is_reached_by_who_trusts_it(
    gate: Any, authority: Authority, tmp_path: Path, form: str
) -> None:
    name = {"temporal_tls_server_name": SERVER_NAME}
    signer = {f"temporal_tls_server_ca_cert_{form}": given(form, tmp_path / "ca.pem", authority.certificate)}
    address = await gate()
    assert (await connect(settings_for(address, **name, **signer))).namespace == "default"
    for too_little in (name, signer):
        with pytest.raises(TemporalConnectionError, match="cannot be reached"):
            await connect(settings_for(address, **too_little), patience_seconds=0.1)


@pytest.mark.parametrize("form", ["path", "data"])
async def test_a_server_that_asks_who_we_are_is_shown_our_certificate(
    gate: Any, authority: Authority, trusting: dict[str, str], tmp_path: Path, form: str
) -> None:
    ours = authority.sign("holdfast.example")
    identity = {
        f"temporal_tls_client_cert_{form}": given(form, tmp_path / "client.pem", ours.certificate),
        f"temporal_tls_client_key_{form}": given(form, tmp_path / "client.key", ours.key),
    }
    address = await gate(asks_certificate=True)
    assert (await connect(settings_for(address, **trusting, **identity))).namespace == "default"
    with pytest.raises(TemporalConnectionError, match="cannot be reached"):
        await connect(settings_for(address, **trusting), patience_seconds=0.1)


async def test_an_api_key_is_shown_over_tls(gate: Any, trusting: dict[str, str]) -> None:
    address = await gate(api_key=API_KEY)
    assert (await connect(settings_for(address, **trusting, temporal_api_key=API_KEY))).namespace == "default"


@pytest.mark.parametrize("key", ["", "another"])
async def test_a_wrong_api_key_is_said_at_once_and_in_words(gate: Any, trusting: dict[str, str], key: str) -> None:
    settings = settings_for(await gate(api_key=API_KEY), **trusting, temporal_api_key=key)
    with pytest.raises(TemporalConnectionError, match="does not know who we are: check the API key or certificate"):
        await asyncio.wait_for(connect(settings, patience_seconds=60), timeout=30)


def given(form: str, path: Path, content: bytes) -> str:
    """What a setting is given: the content, or the path of a file that has it."""
    path.write_bytes(content)
    return str(path) if form == "path" else content.decode()
