"""How the way to the brokers is protected: what aiokafka is told, and a broker that is reached through TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from holdfast.stack.errors import NotReadyError
from holdfast.stack.probes import kafka_answers
from runtime import kafka
from runtime.kafka import KafkaError, ensure_topics, make_consumer, make_producer, start, topic_partitions
from runtime.settings import Settings, load_settings
from tests.runtime.certificates import Authority
from tests.runtime.conftest import running_broker
from tests.workers.waiting import until

SASL = {
    "kafka_sasl_mechanism": "scram-sha-512",
    "kafka_sasl_username": "inventory",
    "kafka_sasl_password": "secret",
}
SAID = {"sasl_mechanism": "SCRAM-SHA-512", "sasl_plain_username": "inventory", "sasl_plain_password": "secret"}

CLIENTS = ("AIOKafkaProducer", "AIOKafkaConsumer", "AIOKafkaAdminClient")


class Told(Exception):
    """What a client of aiokafka was made with."""


async def make(client: str, settings: Settings) -> None:
    if client == "AIOKafkaProducer":
        make_producer(settings)
    elif client == "AIOKafkaConsumer":
        make_consumer(settings, ["topic"])
    else:
        await topic_partitions(settings)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Awaitable[dict[str, Any]]]:
    """What the client of a name is told, its limits aside."""

    def tell(**options: Any) -> None:
        raise Told({name: value for name, value in options.items() if name.startswith(("security", "sasl", "ssl"))})

    async def telling(client: str, **settings: Any) -> dict[str, Any]:
        monkeypatch.setattr(kafka, client, tell)
        with pytest.raises(Told) as raised:
            await make(client, load_settings(app_env="test", **settings))
        return dict(raised.value.args[0])

    return telling


@pytest.mark.parametrize("client", CLIENTS)
async def test_without_settings_nothing_is_protected(told: Any, client: str) -> None:
    assert await told(client) == {"security_protocol": "PLAINTEXT", "ssl_context": None}


@pytest.mark.parametrize("client", CLIENTS)
async def test_credentials_are_handed_on(told: Any, client: str) -> None:
    said = await told(client, kafka_security_protocol="sasl_plaintext", **SASL)
    assert said == {"security_protocol": "SASL_PLAINTEXT", "ssl_context": None, **SAID}


@pytest.mark.parametrize("client", CLIENTS)
async def test_tls_checks_whom_it_speaks_to(told: Any, client: str, authority: Path) -> None:
    said = await told(client, kafka_security_protocol="SASL_SSL", kafka_ssl_cafile=str(authority), **SASL)
    context = said.pop("ssl_context")
    assert said == {"security_protocol": "SASL_SSL", **SAID}
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
    (trusted,) = context.get_ca_certs()
    assert trusted["subject"] == ((("commonName", "tests"),),)


async def test_tls_alone_trusts_what_the_system_trusts(told: Any) -> None:
    said = await told("AIOKafkaProducer", kafka_security_protocol="SSL")
    context = said.pop("ssl_context")
    assert said == {"security_protocol": "SSL"}
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.cert_store_stats() == ssl.create_default_context().cert_store_stats()


async def test_a_broker_is_reached_through_tls_by_who_trusts_it(guarded_broker: str, authority: Path) -> None:
    trusting = {"kafka_security_protocol": "SSL", "kafka_ssl_cafile": str(authority)}
    settings = load_settings(app_env="test", kafka_brokers=guarded_broker, **trusting)
    await ensure_topics(settings, {"guarded": 1})
    assert (await topic_partitions(settings))["guarded"] == 1
    producer = make_producer(settings)
    await start(producer)
    await producer.send_and_wait("guarded", b"{}")
    await producer.stop()
    consumer = make_consumer(settings, ["guarded"])
    await start(consumer)
    record = await asyncio.wait_for(consumer.getone(), 20)
    await consumer.stop()
    assert record.value == b"{}"
    mistrusting = load_settings(app_env="test", kafka_brokers=guarded_broker, kafka_security_protocol="SSL")
    with pytest.raises(KafkaError):
        await start(make_producer(mistrusting), patience_seconds=0.1)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate of who signed the broker's, which lies beside it with its key."""
    directory, signer = tmp_path_factory.mktemp("tls"), Authority()
    broker = signer.sign("127.0.0.1")
    (directory / "broker.pem").write_bytes(broker.certificate)
    (directory / "key.pem").write_bytes(broker.key)
    (directory / "ca.pem").write_bytes(signer.certificate)
    return directory / "ca.pem"


@pytest.fixture
async def guarded_broker(authority: Path, free_port: int) -> AsyncIterator[str]:
    """The address of a TLS door to a broker that sends its clients to that door."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority.with_name("broker.pem"), authority.with_name("key.pem"))

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", free_port)
        await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))

    door = await asyncio.start_server(pass_on, "127.0.0.1", 0, ssl=context)
    address = f"127.0.0.1:{door.sockets[0].getsockname()[1]}"
    with running_broker(f"127.0.0.1:{free_port}", advertised=address):
        await until(lambda: _answers(free_port))
        yield address
    door.close()


async def _answers(port: int) -> bool:
    try:
        await kafka_answers("127.0.0.1", port)
    except NotReadyError:
        return False
    return True


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()
    writer.close()
